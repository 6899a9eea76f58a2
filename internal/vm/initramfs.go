package vm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"

	"kintsugi/internal/fault"
)

// writeInitramfs writes the guest's whole file system, uncompressed, as packing and
// unpacking would take longer than they save.
func (t *test) writeInitramfs(name string) error {
	file, err := os.Create(name)
	if err != nil {
		return fault.Environmentf("initramfs: %w", err)
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	if err := t.archive(newCpioWriter(w)); err != nil {
		return fault.Environmentf("initramfs: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fault.Environmentf("initramfs: %w", err)
	}
	return nil
}

func (t *test) archive(c *cpioWriter) error {
	dirs := []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/etc", "/root", "/dev", "/proc", "/sys", "/tmp", "/run"}
	for _, dir := range dirs {
		c.Dir(dir)
	}
	c.Char("/dev/console", 5, 1) // the kernel opens it as init's stdin, stdout and stderr
	text, err := json.Marshal(t.plan())
	if err != nil {
		return err
	}
	c.File(planPath, bytes.NewReader(text), int64(len(text)))
	for _, m := range t.modules {
		m.write(c)
	}
	files := t.guestFiles()
	for _, guest := range slices.Sorted(maps.Keys(files)) {
		if err := copyIn(c, guest, files[guest]); err != nil {
			return err
		}
	}
	return c.Close()
}

// guestFiles returns the files that are copied from the host, by their paths in the
// guest.
func (t *test) guestFiles() map[string]string {
	files := map[string]string{"/init": t.Init}
	for i, l := range t.livepatches {
		files[livepatchPath(i)] = l.path
	}
	if t.needsShell() {
		files[busyboxPath] = t.Busybox
	}
	if t.Probe != "" {
		files[probePath] = t.Probe
	}
	maps.Copy(files, t.Files)
	return files
}

func copyIn(c *cpioWriter, guest, host string) error {
	file, err := os.Open(host)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	c.File(guest, file, info.Size())
	return c.err
}
