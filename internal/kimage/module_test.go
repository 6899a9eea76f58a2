package kimage

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"kintsugi/internal/kofile"
	"kintsugi/internal/testenv"
)

// modules to test with: small and large ones, of one object and of many.
var modules = []string{"btrfs", "xfs", "ext4", "loop", "dummy", "minix"}

// realModules returns shipped modules, of which at least one must be there.
func realModules(t testing.TB) map[string][]byte {
	t.Helper()
	dir := testenv.Kernel(t).Modules
	found := map[string][]byte{}
	shipped := kofile.Open(dir)
	for _, name := range modules {
		if path, err := shipped.Path(name); err == nil {
			if found[name], err = kofile.Read(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has none of %q", dir, modules)
	}
	return found
}

func TestRealModules(t *testing.T) {
	for name, ko := range realModules(t) {
		t.Run(name, func(t *testing.T) {
			im, err := ParseModule(ko)
			if err != nil {
				t.Fatal(err)
			}
			checkOrder(t, im, ko)
			checkModuleSites(t, im)
			checkEntry(t, im)
		})
	}
}

// checkOrder compares with the symbol table as debug/elf reads it, which the
// kernel walks in order, without what is undefined.
func checkOrder(t *testing.T, im *Image, ko []byte) {
	path := filepath.Join(t.TempDir(), "module.ko")
	if err := os.WriteFile(path, ko, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && s.Name != "" {
			want = append(want, s.Name)
		}
	}
	for _, s := range im.Symbols {
		if s.Type != Import {
			got = append(got, s.Name)
		}
	}
	if !slices.Equal(want, got) {
		t.Errorf("%d symbols, not the %d of the file in their order", len(got), len(want))
	}
}

// checkModuleSites: each ftrace site is a call of __fentry__, which the
// module imports, at the entry of a function.
func checkModuleSites(t *testing.T, im *Image) {
	sites := im.Section("__mcount_loc")
	if len(sites) < 8 {
		t.Fatal("no ftrace sites")
	}
	for ; len(sites) >= 8; sites = sites[8:] {
		site := binary.LittleEndian.Uint64(sites)
		call, err := im.Bytes(site, 5)
		if err != nil || call[0] != 0xe8 {
			t.Fatalf("no call at %#x: %x %v", site, call, err)
		}
		to := site + 5 + uint64(int64(int32(binary.LittleEndian.Uint32(call[1:]))))
		if !hasName(im, to, "__fentry__", Import) {
			t.Fatalf("the call at %#x goes to %#x", site, to)
		}
		entry := slices.Concat(im.At(site), im.At(site-4)) // ENDBR may come before
		if !slices.ContainsFunc(entry, func(i int) bool { return im.Symbols[i].Type|0x20 == 't' }) {
			t.Fatalf("the site at %#x is at no function's entry", site)
		}
	}
}

// checkEntry: struct module points at the init function, which is freed, and
// the exit function, which is not.
func checkEntry(t *testing.T, im *Image) {
	this := im.Section(".gnu.linkonce.this_module")
	found := map[string]bool{}
	for i := 0; i+8 <= len(this); i += 8 {
		addr := binary.LittleEndian.Uint64(this[i:])
		for _, name := range []string{"init_module", "cleanup_module"} {
			if hasName(im, addr, name, 'T') {
				found[name] = true
				if im.Init(addr) != (name == "init_module") {
					t.Errorf("%s at %#x: freed %v", name, addr, im.Init(addr))
				}
			}
		}
	}
	if !found["init_module"] {
		t.Error("struct module does not point at init_module")
	}
}

func hasName(im *Image, addr uint64, name string, letter byte) bool {
	return slices.ContainsFunc(im.At(addr),
		func(i int) bool { return im.Symbols[i].Name == name && im.Symbols[i].Type == letter })
}

// TestModuleTwice: what a module defines and imports under one name is kept
// apart, and symbols of one name are in the table's order, not by address.
func TestModuleTwice(t *testing.T) {
	im, err := ParseModule(assembled(t, `
	.section .text.b,"ax"
twin:	call outside
	.text
	.skip 16
	.local mine
mine:	ret
	.globl other
other:	call mine
	.data
	.quad other+4
	.section .init.text,"ax"
	.local early
early:	ret
`))
	if err != nil {
		t.Fatal(err)
	}
	outside := im.Lookup("outside")
	if len(outside) != 1 || im.Symbols[outside[0]].Type != Import {
		t.Errorf("outside: %v", outside)
	}
	twin, other, early := im.Symbols[im.Lookup("twin")[0]], im.Symbols[im.Lookup("other")[0]],
		im.Symbols[im.Lookup("early")[0]]
	call, err := im.Bytes(twin.Addr, 5)
	if err != nil {
		t.Fatal(err)
	}
	if to := twin.Addr + 5 + uint64(int64(int32(binary.LittleEndian.Uint32(call[1:])))); to != im.Symbols[outside[0]].Addr {
		t.Errorf("call of outside goes to %#x, not %#x", to, im.Symbols[outside[0]].Addr)
	}
	if got := binary.LittleEndian.Uint64(im.Section(".data")); got != other.Addr+4 {
		t.Errorf("pointer %#x, want %#x", got, other.Addr+4)
	}
	if twin.Type != 't' || other.Type != 'T' || im.Init(twin.Addr) || !im.Init(early.Addr) {
		t.Errorf("types %c %c, init %v %v", twin.Type, other.Type, im.Init(twin.Addr), im.Init(early.Addr))
	}
}

// assembled is an object made by the assembler.
func assembled(t testing.TB, source string) []byte {
	t.Helper()
	as, err := exec.LookPath("as")
	if err != nil {
		t.Skip("as is not installed")
	}
	path := filepath.Join(t.TempDir(), "a.s")
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(as, "--64", "-o", path+".o", path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	object, err := os.ReadFile(path + ".o")
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func FuzzModule(f *testing.F) {
	f.Add(assembled(f, "twin: call outside\n.data\n.quad twin\n.bss\n.skip 8\n.section .init.text,\"ax\"\n.long twin - "+
		".\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		im, err := ParseModule(file)
		if err != nil {
			return
		}
		for _, s := range im.Symbols {
			_, _ = im.Bytes(s.Addr, 16)
			im.Containing(s.Addr)
			if s.Type == Import && !hasName(im, s.Addr, s.Name, Import) {
				t.Errorf("%s is not at %#x", s.Name, s.Addr)
			}
		}
	})
}

// Per-cpu data in the middle of the freed memory stays.
func TestInitOfKernel(t *testing.T) {
	kernel := func(cpuStart, cpuEnd uint64) *Image {
		symbols := []Symbol{{"__init_begin", 0x1000, 'T'}, {"__init_end", 0x5000, 'T'},
			{"__per_cpu_start", cpuStart, 'D'}, {"__per_cpu_end", cpuEnd, 'D'}}
		im := &Image{Symbols: symbols, byName: indexNames(symbols)}
		im.init = im.initOfKernel()
		return im
	}
	for _, c := range []struct {
		cpuStart, cpuEnd uint64
		init             []uint64
		kept             []uint64
	}{
		{0x2000, 0x3000, []uint64{0x1000, 0x1fff, 0x3000, 0x4fff}, []uint64{0xfff, 0x2000, 0x2fff, 0x5000}},
		{0, 0x800, []uint64{0x1000, 0x2000, 0x4fff}, []uint64{0, 0x5000}}, // zero-based, as in 6.1
		{0x6000, 0x7000, []uint64{0x1000, 0x4fff}, []uint64{0x6000}},
	} {
		im := kernel(c.cpuStart, c.cpuEnd)
		for _, addr := range c.init {
			if !im.Init(addr) {
				t.Errorf("per-cpu data at %#x: %#x is not freed", c.cpuStart, addr)
			}
		}
		for _, addr := range c.kept {
			if im.Init(addr) {
				t.Errorf("per-cpu data at %#x: %#x is freed", c.cpuStart, addr)
			}
		}
	}
}
