package livepatch

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"kintsugi/internal/fault"
)

// List returns every loaded livepatch module, sorted by name.
func (h *Host) List() ([]Patch, error) {
	names, err := h.active()
	if err != nil {
		return nil, err
	}
	patches := []Patch{}
	for _, name := range names {
		p, err := h.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // unloaded meanwhile
		}
		if err != nil {
			return nil, err
		}
		patches = append(patches, *p)
	}
	for _, name := range h.inactive(names) {
		patches = append(patches, h.inactivePatch(name))
	}
	sort.Slice(patches, func(i, j int) bool { return patches[i].Name < patches[j].Name })
	return patches, nil
}

// Status returns a loaded livepatch module. If no module of that name is loaded,
// the error has the class fault.Input and wraps fs.ErrNotExist.
func (h *Host) Status(name string) (*Patch, error) {
	name, err := moduleName(name)
	if err != nil {
		return nil, err
	}
	names, err := h.active()
	if err != nil {
		return nil, err
	}
	p, err := h.read(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	for _, n := range h.inactive(names) {
		if n == name {
			p := h.inactivePatch(name)
			return &p, nil
		}
	}
	return nil, fault.Inputf("livepatch %s is not loaded: %w", name, fs.ErrNotExist).
		Hint("`kintsugi list` lists the loaded livepatches")
}

// active returns the names below /sys/kernel/livepatch, sorted.
func (h *Host) active() ([]string, error) {
	entries, err := os.ReadDir(h.path("sys/kernel/livepatch"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Environmentf("the running kernel has no livepatching: %w", err).
			Hint("the kernel needs CONFIG_LIVEPATCH=y, and sysfs must be mounted on /sys")
	}
	if err != nil {
		return nil, fault.Environmentf("livepatch state: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// inactive returns the loaded modules with the kernel's livepatch taint
// (TAINT_LIVEPATCH, K in Documentation/admin-guide/tainted-kernels.rst) that are no
// longer in /sys/kernel/livepatch.
func (h *Host) inactive(active []string) []string {
	files, _ := filepath.Glob(h.path("sys/module/*/taint")) // the pattern is well formed
	var names []string
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		taint, err := readValue(file)
		at := sort.SearchStrings(active, name)
		if err == nil && strings.Contains(taint, "K") && (at == len(active) || active[at] != name) {
			names = append(names, name)
		}
	}
	return names
}

func (h *Host) inactivePatch(name string) Patch {
	return Patch{Name: name, State: Inactive, Pinned: h.pinned(name), Objects: []Object{}}
}

// pinned reports whether the kernel never unloads the module, as it has no exit
// function (print_unload_info, kernel/module/procfs.c).
func (h *Host) pinned(name string) bool {
	text, err := os.ReadFile(h.path("proc/modules"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line) // NAME SIZE USES HOLDERS STATE ADDRESS
		if len(fields) > 3 && fields[0] == name {
			return strings.Contains(fields[3], "[permanent]")
		}
	}
	return false
}

// read returns the patch of that name from its sysfs folder.
func (h *Host) read(name string) (*Patch, error) {
	dir := h.path("sys/kernel/livepatch", name)
	enabled, err := readBool(filepath.Join(dir, "enabled"))
	if err != nil {
		return nil, err
	}
	if enabled == nil {
		return nil, &fs.PathError{Op: "read", Path: dir, Err: fs.ErrNotExist}
	}
	transition, err := readBool(filepath.Join(dir, "transition"))
	if err != nil {
		return nil, err
	}
	p := &Patch{Name: name, State: stateOf(*enabled, transition != nil && *transition), Pinned: h.pinned(name)}
	if p.Replace, err = readBool(filepath.Join(dir, "replace")); err != nil {
		return nil, err
	}
	if order, err := readValue(filepath.Join(dir, "stack_order")); err == nil {
		if n, err := strconv.Atoi(order); err == nil {
			p.StackOrder = &n
		}
	}
	if p.Objects, err = readObjects(dir); err != nil {
		return nil, err
	}
	h.derivePatched(p)
	if p.InTransition() {
		p.Blockers = h.blockers(*enabled)
	}
	return p, nil
}

func stateOf(enabled, transition bool) State {
	switch {
	case enabled && transition:
		return Enabling
	case enabled:
		return Enabled
	case transition:
		return Disabling
	}
	return Disabled
}

func readObjects(dir string) ([]Object, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	objects := []Object{}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		object := Object{Name: e.Name(), Functions: readFunctions(filepath.Join(dir, e.Name()))}
		if object.Patched, err = readBool(filepath.Join(dir, e.Name(), "patched")); err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// readFunctions returns the folders of an object, each named "function,sympos".
func readFunctions(dir string) []Function {
	entries, _ := os.ReadDir(dir) // an object that was just removed has no functions
	functions := []Function{}
	for _, e := range entries {
		name, pos, ok := strings.Cut(e.Name(), ",")
		n, err := strconv.ParseUint(pos, 10, 64)
		if e.IsDir() && ok && err == nil {
			functions = append(functions, Function{Name: name, SymPos: n})
		}
	}
	return functions
}

// readBool returns the 0 or 1 in a sysfs file, nil if there is no such file.
func readBool(path string) (*bool, error) {
	s, err := readValue(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s != "0" && s != "1" {
		return nil, fault.Environmentf("%s holds %q, neither 0 nor 1", path, s)
	}
	value := s == "1"
	return &value, nil
}

// readValue returns the trimmed text of a small file of sysfs or proc. The error is
// fs.ErrNotExist if its patch or process ends meanwhile.
func readValue(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", gone(path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	return strings.TrimSpace(string(text)), gone(path, err)
}

// gone turns the kernel's errors for a file that is being removed into
// fs.ErrNotExist: such a file of sysfs can be found but no longer opened
// (kernfs_get_active, fs/kernfs/dir.c).
func gone(path string, err error) error {
	if err != nil && goneWhileRead(err) {
		return &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
	}
	return err
}
