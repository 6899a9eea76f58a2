package module

import (
	"bytes"
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"testing"

	"kintsugi/internal/fault"
	"kintsugi/internal/testenv"
)

const moduleKbuild = `obj-m := livepatch-proto.o
livepatch-proto-y := livepatch.o unit0.o
cmd_prelinked = cat $< > $@
$(obj)/%.o: $(src)/%.o_shipped FORCE
	$(call if_changed,prelinked)
targets += unit0.o
`

const moduleC = `#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/livepatch.h>
int kintsugi_missing(int);
static int proto_init(void) { WARN_ON(kintsugi_missing(1)); return 0; }
module_init(proto_init);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
`

// moduleSource writes the source of a module with one prelinked object.
func moduleSource(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	object, err := os.ReadFile("testdata/unit0.o")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"Kbuild": []byte(moduleKbuild), "livepatch.c": []byte(text),
		"unit0.o_shipped": object} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func headers(t *testing.T) string {
	t.Helper()
	return testenv.Kernel(t).Headers
}

func TestLink(t *testing.T) {
	headers, source := headers(t), moduleSource(t, moduleC)
	var modules [][]byte
	for range 2 {
		path, err := Link(context.Background(), Spec{Headers: headers, Source: source, CC: "gcc-12", Work: t.TempDir()})
		if err != nil {
			t.Fatal(err, fault.Hints(err))
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		modules = append(modules, data)
	}
	if !bytes.Equal(modules[0], modules[1]) {
		t.Error("the module depends on the work directory")
	}
	if bytes.Contains(modules[0], []byte(os.TempDir())) || bytes.Contains(modules[0], []byte(headers)) {
		t.Error("the module contains a path of this machine")
	}
	f, err := elf.NewFile(bytes.NewReader(modules[0]))
	if err != nil {
		t.Fatal(err)
	}
	if f.Section(".gnu.linkonce.this_module") == nil || f.Section(".text.prelinked") == nil {
		t.Error("a section is missing")
	}
	if entries, _ := os.ReadDir(source); len(entries) != 3 {
		t.Errorf("the source directory has %d files", len(entries))
	}
}

func TestLinkBroken(t *testing.T) {
	source := moduleSource(t, moduleC+"int broken(void) { return nowhere; }\n")
	_, err := Link(context.Background(), Spec{Headers: headers(t), Source: source, CC: "gcc-12", Work: t.TempDir()})
	if fault.ClassOf(err) != fault.Environment || !bytes.Contains([]byte(err.Error()), []byte("nowhere")) {
		t.Errorf("error %v of class %v", err, fault.ClassOf(err))
	}
}
