package builder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/internal/fault"
)

func TestModuleName(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct{ name, patch, want, fails string }{
		{"", "fix.patch", "livepatch-fix", ""},
		{"", "a/0001-net-fix.patch", "livepatch-0001-net-fix", ""},
		{"", "0001.patch", "livepatch-0001", ""},
		{"", "CVE-2026-1.diff.gz", "livepatch-CVE-2026-1", ""},
		{"", "-", "livepatch-stdin", ""},
		{"", "series.d/", "livepatch-series-d", ""},
		{"", "über.patch", "livepatch-ber", ""},
		{"", "修复.patch", "", `no module name can be made of "修复"`},
		{"", "__.patch", "", "no module name can be made of"},
		{"", strings.Repeat("x", 80), "livepatch-" + strings.Repeat("x", 45), ""},
		{"fix", "a.patch", "fix", ""},
		{"fix-1_b", "a.patch", "fix-1_b", ""},
		{"livepatch-fix", "a.patch", "livepatch-fix", ""},
		{"unit_test", "a.patch", "unit_test", ""},
		{"123", "a.patch", "123", "no letter from a to z"},
		{"ü1", "a.patch", "", "other characters than letters from a to z"},
		{"a.b", "a.patch", "", "other characters than letters"},
		{strings.Repeat("x", 56), "a.patch", "", "too long"},
		{"livepatch", "a.patch", "", "an object of the module has this name"},
		{"forget", "a.patch", "", "an object of the module has this name"},
		{"unit0_version", "a.patch", "", "an object of the module has this name"},
		{"vmlinux", "a.patch", "", "livepatch sections use this name for the kernel itself"},
	} {
		got, err := moduleName(Options{Name: test.name, Patches: []string{test.patch}})
		switch {
		case test.fails == "" && (err != nil || got != test.want):
			t.Errorf("-n %q %s: %q, %v; want %q", test.name, test.patch, got, err, test.want)
		case test.fails == "":
		case err == nil || !strings.Contains(err.Error(), test.fails):
			t.Errorf("-n %q %s: %q, %v; want an error with %q", test.name, test.patch, got, err, test.fails)
		case fault.ClassOf(err) != fault.Input || len(fault.Hints(err)) != 1:
			t.Errorf("-n %q %s: class %d, hints %q", test.name, test.patch, fault.ClassOf(err), fault.Hints(err))
		}
	}
}

// TestTakenName refuses names of modules that the kernel has, loadable or built in.
func TestTakenName(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("kernel/sound/snd-hda-intel.ko.xz", "")
	if err := checkTaken("printk", dir); err != nil {
		t.Errorf("without modules.builtin: %v", err)
	}
	write("modules.builtin", "kernel/kernel/printk/printk.ko\nkernel/mm/z-swap.ko\n")
	for name, taken := range map[string]bool{
		"snd-hda-intel": true, "snd_hda_intel": true, "printk": true, "z_swap": true,
		"livepatch-printk": false, "snd": false,
	} {
		if err := checkTaken(name, dir); (err != nil) != taken || taken && fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: %v, want taken %v", name, err, taken)
		}
	}
	if err := checkTaken("printk", ""); err != nil {
		t.Errorf("without modules: %v", err)
	}
}
