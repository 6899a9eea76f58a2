package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// -v is a switch, but for kpatch-build's users, who have a kernel's image
// behind it.
func TestKpatchArgs(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"fix.patch": "--- a/x\n+++ b/x\n", "kernel.debug": "\x7fELF\x02", "boot.img": strings.Repeat("\x00", 0x202) +
			"HdrS and more", "short": "", "vmlinux-note": "text",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll("folder/vmlinux", 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ args, want string }{
		{"build -s src -v kernel.debug fix.patch", "build -s src --vmlinux kernel.debug fix.patch"},
		{"build -v boot.img fix.patch", "build --vmlinux boot.img fix.patch"},
		{"build -vkernel.debug fix.patch", "build --vmlinux=kernel.debug fix.patch"},
		{"build -v=kernel.debug fix.patch", "build --vmlinux=kernel.debug fix.patch"},
		{"-q check -v kernel.debug fix.patch", "-q check --vmlinux kernel.debug fix.patch"},
		{"build -v not/there/vmlinux fix.patch", "build --vmlinux not/there/vmlinux fix.patch"},
		{"build fix.patch -v kernel.debug", "build fix.patch --vmlinux kernel.debug"},
		{"build --sourcedir src --non-replace fix.patch", "build --source src --no-replace fix.patch"},
		{"build --sourcedir=src", "build --source=src"},
		// still the switch
		{"build -v fix.patch", ""},
		{"build fix.patch -v", ""},
		{"build -v short", ""},
		{"build -v vmlinux-note", ""}, // a file, and no image
		{"build -v folder/vmlinux", ""},
		{"build -v -t x fix.patch", ""},
		{"-v build fix.patch", ""},
		{"build -- -v kernel.debug", ""},
		{"inspect -v kernel.debug", ""},
		{"diff -v kernel.debug kernel.debug", ""},
		{"-v", ""},
	}
	for _, test := range tests {
		if test.want == "" {
			test.want = test.args
		}
		got := strings.Join(kpatchArgs(strings.Fields(test.args)), " ")
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.args, diff)
		}
	}
	if isImage(filepath.Join("folder", "none")) {
		t.Error("a file that is not there and is named as no image is one")
	}
}
