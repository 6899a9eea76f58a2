package klp

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
	"kintsugi/internal/kimage"
	"kintsugi/internal/testenv"
	"kintsugi/kbuild/module"
)

// The tests in this file compile a module and verify it against the kernel
// that it is for, the test target.

// real is the kernel and the sealed module, made once.
var real struct {
	sync.Once
	kernel *Kernel
	module []byte
	err    error
}

func realModule(t testing.TB) (*Kernel, []byte) {
	t.Helper()
	kernel := testenv.Kernel(t)
	real.Do(func() {
		if real.kernel, real.err = openKernel(kernel.Image, kernel.Headers); real.err == nil {
			real.module, real.err = buildModule(kernel)
		}
	})
	if real.err != nil {
		t.Fatal(real.err, fault.Hints(real.err))
	}
	return real.kernel, real.module
}

func openKernel(image, headers string) (*Kernel, error) {
	file, err := os.ReadFile(image)
	if err != nil {
		return nil, err
	}
	k := &Kernel{}
	if k.Image, err = kimage.Open(file); err != nil {
		return nil, err
	}
	symvers, err := os.ReadFile(filepath.Join(headers, "Module.symvers"))
	if err != nil {
		return nil, err
	}
	k.Exports, err = ReadSymvers(symvers)
	return k, err
}

func buildModule(kernel *testenv.Target) ([]byte, error) {
	work, err := os.MkdirTemp("", "klp-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	spec := module.Spec{Headers: kernel.Headers, Source: "testdata/module", CC: kernel.CC, Work: work}
	path, err := module.Link(context.Background(), spec)
	if err != nil {
		return nil, err
	}
	ko, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	links, err := namedLinks(ko)
	if err != nil {
		return nil, err
	}
	return Seal(ko, links)
}

// namedLinks are the links of a module whose source calls the symbols by their
// names in a livepatch.
func namedLinks(ko []byte) (Links, error) {
	f, err := elfobj.Read(ko)
	if err != nil {
		return nil, err
	}
	links := Links{}
	for _, s := range f.Symbols {
		if symbol, ok := ParseSymbol(s.Name); ok && s.Undefined() {
			links.add(symbol, symbol.Object)
		}
	}
	return links, nil
}

func TestInspectReal(t *testing.T) {
	k, ko := realModule(t)
	m, err := Inspect(ko)
	if err != nil {
		t.Fatal(err)
	}
	magic, err := Vermagic(k.Image)
	if err != nil {
		t.Fatal(err)
	}
	if m.Vermagic != magic {
		t.Errorf("version magic %q, the image has %q", m.Vermagic, magic)
	}
	want := &Module{Name: "livepatch", License: "GPL", Livepatch: true, Depends: []string{}, ImportNS: []string{"DMA_BUF"},
		Patch: &Patch{Replace: true, States: []State{{ID: 7, Version: 2}}, Objects: []Object{
			{Name: "vmlinux", Functions: []Function{
				{OldName: "cmdline_proc_show", NewFunc: "new_cmdline"},
				{OldName: "meminfo_proc_show", NewFunc: "new_meminfo", SymPos: 1}}},
			{Name: "some_module", Callbacks: []string{"pre_patch", "post_unpatch"}, Functions: []Function{
				{OldName: "some_function", NewFunc: "new_of_module", SymPos: 2}}},
		}},
		References: []Reference{
			{Symbol: "of_module", Object: "some_module", Uses: []Use{{".klp.rela.some_module..text", 1}}},
			{Symbol: "meminfo_proc_show", Object: "vmlinux", Uses: []Use{{".klp.rela.vmlinux..text", 2}}},
			{Symbol: "saved_command_line", Object: "vmlinux", Uses: []Use{{".klp.rela.vmlinux..text", 1}}},
		}}
	opts := cmp.Options{
		cmpopts.IgnoreFields(Module{}, "Vermagic", "Size", "Imports"),
		cmpopts.IgnoreFields(Function{}, "Size"), cmpopts.IgnoreUnexported(Function{}),
	}
	if diff := cmp.Diff(want, m, opts); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, f := range m.Patch.Objects[0].Functions {
		if f.Size == 0 {
			t.Errorf("%s has no size", f.NewFunc)
		}
	}
	for _, i := range m.Imports {
		if i.CRC == nil || *i.CRC != k.Exports[i.Symbol].CRC {
			t.Errorf("%s: no CRC, or another", i.Symbol)
		}
	}
}

func TestVerifyReal(t *testing.T) {
	k, ko := realModule(t)
	for _, d := range k.Verify(ko) {
		if d.Severity != diag.Note {
			t.Errorf("%+v", d)
		}
	}
}
