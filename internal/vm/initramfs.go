package vm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"sort"
	"time"

	"kintsugi/internal/fault"
)

// The guest's files of kintsugi.
const (
	ownDir      = "/kintsugi"
	planPath    = ownDir + "/plan.json"
	modulePath  = ownDir + "/livepatch.ko"
	probePath   = ownDir + "/probe"
	busyboxPath = "/bin/busybox"
)

// plan tells the guest's init what to do.
type plan struct {
	Probe      bool          `json:"probe"`
	Transition time.Duration `json:"transition"`
}

// writeInitramfs writes the guest's whole file system, uncompressed: packing
// and unpacking would take longer than it saves.
func (cfg *Config) writeInitramfs(name string) error {
	file, err := os.Create(name)
	if err != nil {
		return fault.Environmentf("initramfs: %w", err)
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	if err := cfg.archive(newCpioWriter(w)); err != nil {
		return fault.Environmentf("initramfs: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fault.Environmentf("initramfs: %w", err)
	}
	return nil
}

func (cfg *Config) archive(c *cpioWriter) error {
	for _, dir := range []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/etc", "/root", "/dev", "/proc", "/sys", "/tmp", "/run"} {
		c.Dir(dir)
	}
	c.Char("/dev/console", 5, 1) // the kernel opens it as init's stdin, stdout and stderr
	text, err := json.Marshal(plan{Probe: cfg.Probe != "", Transition: cfg.Transition})
	if err != nil {
		return err
	}
	c.File(planPath, bytes.NewReader(text), int64(len(text)))

	files := map[string]string{"/init": cfg.Init, modulePath: cfg.Module}
	if cfg.Probe != "" {
		files[probePath], files[busyboxPath] = cfg.Probe, cfg.Busybox
	}
	for guest, host := range cfg.Files {
		files[guest] = host
	}
	for _, guest := range sortedKeys(files) {
		if err := copyIn(c, guest, files[guest]); err != nil {
			return err
		}
	}
	return c.Close()
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

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
