package baseproof

import (
	"slices"
	"strings"
	"testing"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/kimage"
	"kintsugi/internal/kofile"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/testenv"
)

// shippedModule is a module of the target. Its code is taken both for what
// was compiled and, after a test has changed it, for what was shipped.
func shippedModule(t *testing.T, name string) []byte {
	t.Helper()
	path, err := kofile.Open(testenv.Kernel(t).Modules).Path(name)
	if err != nil {
		t.Fatal(err)
	}
	ko, err := kofile.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return ko
}

func load(t *testing.T, ko []byte) *objmodel.Object {
	t.Helper()
	file, err := elfobj.Read(ko)
	if err != nil {
		t.Fatal(err)
	}
	o, err := objmodel.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// against proves compiled code by the module as change leaves it.
func against(t *testing.T, o *objmodel.Object, ko []byte, change func(f *elfobj.File)) *Proof {
	t.Helper()
	file, err := elfobj.Read(slices.Clone(ko)) // what is read shares the bytes
	if err != nil {
		t.Fatal(err)
	}
	change(file)
	data, err := file.Write()
	if err != nil {
		t.Fatal(err)
	}
	im, err := kimage.ParseModule(data)
	if err != nil {
		t.Fatal(err)
	}
	return Prove(o, im)
}

func function(t *testing.T, o *objmodel.Object, name string) *objmodel.Atom {
	t.Helper()
	for _, f := range o.Functions() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no function %s", name)
	return nil
}

// at finds the symbol of a function in another reading of the module.
func at(t *testing.T, f *elfobj.File, name string) *elfobj.Symbol {
	t.Helper()
	for _, s := range f.Symbols {
		if s.Name == name && s.Section != nil {
			return s
		}
	}
	t.Fatalf("no symbol %s", name)
	return nil
}

const (
	module = "minix"
	victim = "minix_statfs" // has a reference, and others refer to it
)

// TestSame has shipped what was compiled: all of it is found, each function at
// a place of its own, also where two have one name (get_block).
func TestSame(t *testing.T) {
	ko := shippedModule(t, module)
	o := load(t, ko)
	p := against(t, o, ko, func(*elfobj.File) {})
	if r := p.Report(); r.Functions < 40 || r.Proven != r.Functions {
		t.Errorf("%d of %d functions: %v", r.Proven, r.Functions, r.Unproven)
	}
	im, err := kimage.ParseModule(ko)
	if err != nil {
		t.Fatal(err)
	}
	taken := map[uint64]string{}
	for _, f := range o.Functions() {
		addr, _ := p.Addr(f)
		named := slices.ContainsFunc(im.Lookup(f.Name), func(i int) bool { return im.Symbols[i].Addr == addr })
		if !named || taken[addr] != "" {
			t.Errorf("%s is at %#x, as %q is", f.Name, addr, taken[addr])
		}
		taken[addr] = f.Name
	}
}

// TestOtherCode has shipped one bit that was not compiled so: the function is
// not proven, and nothing is read from it.
func TestOtherCode(t *testing.T) {
	ko := shippedModule(t, module)
	o := load(t, ko)
	place := plainByte(function(t, o, victim))
	p := against(t, o, ko, func(f *elfobj.File) {
		s := at(t, f, victim)
		s.Section.Data[s.Value+place] ^= 1
	})
	reason := p.Unproven(function(t, o, victim))
	if !strings.HasPrefix(reason, "different code at +0x") {
		t.Errorf("%s: %q", victim, reason)
	}
	if r := p.Report(); r.Proven != r.Functions-1 {
		t.Errorf("%d of %d functions: %v", r.Proven, r.Functions, r.Unproven)
	}
}

// plainByte is a place in a function that no relocation fills in.
func plainByte(f *objmodel.Atom) uint64 {
	place := uint64(0)
	for slices.ContainsFunc(f.Refs, func(r objmodel.Ref) bool { return place+8 > r.Off && place < r.Off+8 }) {
		place++
	}
	return place
}

// TestOtherTarget has shipped the same bytes with one call of another function:
// relocated fields are not compared as code, but the difference must be found.
func TestOtherTarget(t *testing.T) {
	ko := shippedModule(t, module)
	o := load(t, ko)
	p := against(t, o, ko, func(f *elfobj.File) {
		s, other := at(t, f, victim), at(t, f, "minix_write_inode")
		redirected := false
		for _, sec := range f.Sections {
			if sec.Target != s.Section {
				continue
			}
			for i := range sec.Relocs {
				r := &sec.Relocs[i]
				if r.Offset < s.Value+5 || r.Offset >= s.Value+s.Size || r.Sym == nil ||
					!strings.HasPrefix(r.Sym.Name, "minix_count_") {
					continue
				}
				r.Sym, redirected = other, true
			}
		}
		if !redirected {
			t.Fatal("nothing to redirect")
		}
	})
	reason := p.Unproven(function(t, o, victim))
	if !strings.Contains(reason, "references disagree") {
		t.Errorf("%s: %q", victim, reason)
	}
}

// TestNoSymbol has shipped the code under another name.
func TestNoSymbol(t *testing.T) {
	ko := shippedModule(t, module)
	o := load(t, ko)
	p := against(t, o, ko, func(f *elfobj.File) { at(t, f, victim).Name = "somebody_else" })
	if reason := p.Unproven(function(t, o, victim)); reason != noSymbol {
		t.Errorf("%s: %q", victim, reason)
	}
	if p.Improvable() {
		t.Error("another compilation is to help")
	}
}
