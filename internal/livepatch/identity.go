package livepatch

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
)

// buildIDNote is the note that identifies a linked file (ld --build-id). The kernel
// shows the note of a loaded module in /sys/module/NAME/notes.
const buildIDNote = ".note.gnu.build-id"

// maxNote limits the size of the note. A note of SHA-1 has 36 bytes.
const maxNote = 4096

// loadedAs compares the module in the file with the loaded module of its name.
// present is false if none is loaded. same is true if both have the same build ID.
func (h *Host) loadedAs(name string, file *elf.File) (present, same bool, err error) {
	if _, err := os.Stat(h.path("sys/module", name)); errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	loaded, err := os.ReadFile(h.path("sys/module", name, "notes", buildIDNote))
	if errors.Is(err, fs.ErrNotExist) {
		return true, false, nil
	}
	if err != nil {
		return true, false, fault.Environmentf("build ID of %s: %w", name, err)
	}
	section := file.Section(buildIDNote)
	if section == nil || section.Type == elf.SHT_NOBITS || section.Size > maxNote {
		return true, false, nil
	}
	own, err := section.Data()
	if err != nil {
		return true, false, fault.Inputf("%s: %w", buildIDNote, err)
	}
	return true, len(own) > 0 && bytes.Equal(own, loaded), nil
}

// alreadyLoaded returns the loaded livepatch if it is the module in the file,
// nil if no module of that name is loaded, and an error otherwise.
func (h *Host) alreadyLoaded(m *Module, file *elf.File) (*Patch, error) {
	present, same, err := h.loadedAs(m.Name, file)
	if err != nil || !present {
		return nil, err
	}
	if !same {
		return nil, &fault.Error{Class: fault.Input, Code: diag.LoadRefused,
			Err:   fmt.Errorf("another module of the name %s is loaded", m.Name),
			Hints: []string{h.makeRoom(m.Name)}}
	}
	patch, err := h.Status(m.Name)
	if err != nil {
		return nil, err
	}
	if patch.State == Enabled || patch.State == Enabling {
		return patch, nil
	}
	notActive := fault.Environmentf("livepatch %s is loaded but not in effect: %s", m.Name, patch.State)
	if patch.Pinned {
		return nil, notActive.Hint("%s", h.makeRoom(m.Name))
	}
	return nil, notActive.Hint("`kintsugi unload %s`, then load it again", m.Name)
}

// makeRoom is a hint: how to load a module although a module of its name is loaded.
func (h *Host) makeRoom(name string) string {
	if h.pinned(name) {
		return "the loaded module is pinned and stays until the next boot: build under another name (-n)"
	}
	return "unload it first, or build under another name (-n)"
}
