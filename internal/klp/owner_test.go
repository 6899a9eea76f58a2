package klp

import (
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/kimage"
	"kintsugi/internal/report"
)

// testKernel has a module user that depends on di-rect, which depends on
// indirect, and a stranger.
func testKernel(t *testing.T) *Kernel {
	t.Helper()
	function := func(name string) string { return "\t.text\n\t.globl " + name + "\n" + name + ": ret\n" }
	depends := func(on string) string { return "\t.section .modinfo,\"a\"\n\t.asciz \"depends=" + on + "\"\n" }
	modules := map[string]string{
		"user":     depends("di-rect") + function("mine"),
		"di_rect":  depends("indirect") + function("of_direct"),
		"indirect": function("of_indirect"),
		"stranger": function("of_stranger"),
	}
	image, err := kimage.ParseModule(linked(t, function("exported")+function("hidden")+"hidden_static: ret\n"))
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]Export{}
	for name, module := range map[string]string{"exported": Vmlinux, "mine": "fs/user", "of_direct": "fs/di-rect",
		"of_indirect": "lib/indirect", "of_stranger": "lib/stranger"} {
		exports[name] = Export{Name: name, Module: module}
	}
	return &Kernel{Image: image, Exports: exports, ReadModule: func(name string) ([]byte, error) {
		if source, ok := modules[name]; ok {
			return linked(t, source), nil
		}
		return nil, fs.ErrNotExist
	}}
}

// TestImported: what a module's code can refer to outside of the module.
func TestImported(t *testing.T) {
	user, err := testKernel(t).Owner("user")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]*report.Reference{
		"exported":    {Symbol: "exported", Object: Vmlinux, Kind: "export", How: "name"},
		"hidden":      {Symbol: "hidden", Object: Vmlinux, Kind: "klp", How: "name"},
		"of_direct":   {Symbol: "of_direct", Object: "di_rect", Kind: "klp", How: "name"},
		"of_indirect": {Symbol: "of_indirect", Object: "indirect", Kind: "klp", How: "name"},
	} {
		ref, d := user.imported(name, "name")
		if d != nil {
			t.Errorf("%s: %s", name, d.Message)
		} else if diff := cmp.Diff(want, ref); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, code := range map[string]diag.Code{"of_stranger": "module-dependency", "nowhere": "not-proven",
		"hidden_static": "not-proven"} {
		if _, d := user.imported(name, "name"); d == nil || d.Code != code {
			t.Errorf("%s: %v, want %s", name, d, code)
		}
	}
	for name, want := range map[string]bool{"exported": false, "hidden": false, "mine": true, "of_direct": true,
		"of_stranger": true} {
		if got := user.Lacks(name); got != want {
			t.Errorf("the kernel lacks %s: %v", name, got)
		}
	}
	if _, err := user.kernel.Owner("absent"); err == nil {
		t.Error("a module that is not there was opened")
	}
}

// TestModulePosition counts in the order of the symbol table, where local
// symbols of one name come from several files.
func TestModulePosition(t *testing.T) {
	const text, init = "\t.text\n", "\t.section .init.text,\"ax\"\n"
	function := func(section, name string) string { return section + name + ": ret\n" }
	object := linked(t, function(text, "twin")+function(text, "once"), function(init, "moved")+function(init, "kept_2"),
		function(text, "moved")+function(text, "twin")+"\tcall outside\n", function(text, "kept")+"\t.globl outside_2\n",
		function(init, "kept"))
	im, err := kimage.ParseModule(object)
	if err != nil {
		t.Fatal(err)
	}
	o := &Owner{Name: "m", Image: im, kernel: &Kernel{Image: im}}
	for _, c := range []struct {
		name string
		nth  int
		pos  uint64
		bad  bool
	}{{"once", 0, 0, false}, {"twin", 0, 1, false}, {"twin", 1, 2, false}, {"moved", 1, 0, true}, {"kept", 0, 1, false}} {
		pos, d := o.position(im.Lookup(c.name)[c.nth])
		if (d != nil) != c.bad || pos != c.pos {
			t.Errorf("%s %d: position %d, %v", c.name, c.nth, pos, d)
		}
	}
}

// TestSealObjects: a relocation waits for the object whose code it is in, and
// those of the kernel's symbols for nothing.
func TestSealObjects(t *testing.T) {
	f, err := elfobj.Read(linked(t, "\t.text\n\tcall a\n\tcall b\n\tcall c\n\tcall d\n\tcall plain\n"))
	if err != nil {
		t.Fatal(err)
	}
	links := Links{}
	for name, to := range map[string]string{
		"a": links.add(Symbol{Object: Vmlinux, Name: "x"}, "m"),
		"b": links.add(Symbol{Object: "m", Name: "x", Pos: 2}, "m"),
		"c": links.add(Symbol{Object: "n", Name: "x"}, "m"),
		"d": links.add(Symbol{Object: "n", Name: "x"}, "n"),
	} {
		symbol(t, f, name).Name = to
	}
	object, err := f.Write()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Seal(object, links)
	if err != nil {
		t.Fatal(err)
	}
	if f, err = elfobj.Read(sealed); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, s := range f.Sections {
		for _, r := range s.Relocs {
			got[s.Name] = append(got[s.Name], r.Sym.Name)
		}
		if klp := s.Flags&elfobj.SHFRelaLivepatch != 0; s.Type == elf.SHT_RELA && klp != (s.Name != ".rela.text") {
			t.Errorf("%s: livepatch section %v", s.Name, klp)
		}
	}
	want := map[string][]string{".rela.text": {"plain"}, ".klp.rela.vmlinux..text": {".klp.sym.vmlinux.x,0"},
		".klp.rela.m..text": {".klp.sym.m.x,2", ".klp.sym.n.x,0"}, ".klp.rela.n..text": {".klp.sym.n.x,0"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("relocations (-want +got):\n%s", diff)
	}
}

func TestTooLate(t *testing.T) {
	f, err := elfobj.Read(linked(t,
		"\t.text\n\tcall late\n\t.section .altinstr_replacement,\"ax\"\n\tcall late\n\tcall early\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := Resolution{Links: Links{}}
	r.Names = map[*elfobj.Symbol]string{
		symbol(t, f, "late"):  r.Links.add(Symbol{Object: "m", Name: "late"}, "m"),
		symbol(t, f, "early"): r.Links.add(Symbol{Object: Vmlinux, Name: "early"}, "m"),
	}
	found := r.TooLate(f)
	if len(found) != 1 || found[0].Code != "late-reference" || found[0].Symbol != "late" {
		t.Errorf("%+v", found)
	}
}

// linked is what ld -r makes of the sources, which is what a module is.
func linked(t *testing.T, sources ...string) []byte {
	t.Helper()
	for _, tool := range []string{"as", "ld"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	dir := t.TempDir()
	link := []string{"-r", "-o", filepath.Join(dir, "out")}
	for i, source := range sources {
		path := filepath.Join(dir, string(rune('a'+i)))
		if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("as", "--64", "-o", path+".o", path).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		link = append(link, path+".o")
	}
	if out, err := exec.Command("ld", slices.Concat([]string{"-m", "elf_x86_64"}, link)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	object, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	return object
}
