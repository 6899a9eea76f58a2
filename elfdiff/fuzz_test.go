package elfdiff_test

import (
	"debug/elf"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kintsugi/elfdiff"
	"kintsugi/internal/debuginfo"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/testenv"
)

// fuzzSources are the sources of the objects with which fuzzing starts. They contain every kind of
// atom and special section.
var fuzzSources = []string{
	`static int counter; static noinline int helper(int x) { static int n; counter++; n += x; return external(n); }
int f(int x) { if (x == 7) BUG_FLAGS(1); ALT(100); printk("text %d", x); return helper(x) + counter; }
static const char *const names[] = { "one", "two" }; const char *g(int x) { return names[x]; }`,
	`struct static_key a; int f(int x) { if (static_branch(&a)) return external(x); return x; }
int h(int x) { switch (x) { case 0: return 17; case 1: return 4; case 2: return 99; case 3: return 23; case 4: return 54; } return 0; }
static int __init start(int x) { return external(x); } int (*keep)(int) __attribute__((section(".init.data"))) = start;`,
}

// FuzzDiff compares an object with itself after sections, symbols and relocations of its model were
// mutated, and extracts the differences.
func FuzzDiff(f *testing.F) {
	var seeds [][]byte
	for _, source := range fuzzSources {
		for _, flags := range [][]string{nil, {"-fno-function-sections", "-fno-data-sections"}, {"-g"}} {
			data, err := build(f, source, flags...).Write()
			if err != nil {
				f.Fatal(err)
			}
			seeds = append(seeds, data)
		}
	}
	seeds = append(seeds, realObjects(f, 20, 160<<10)...)
	for i := range seeds {
		for kind := byte(0); kind < mutations; kind++ {
			f.Add(byte(i), []byte{kind, 3, 0, 5, 0, 1, kind, 9, 1, 2, 1, 200})
		}
	}
	f.Fuzz(func(t *testing.T, seed byte, script []byte) {
		hang := time.AfterFunc(time.Minute, func() { panic("no end") })
		defer hang.Stop()
		data := seeds[int(seed)%len(seeds)]
		orig, err := elfobj.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		patched, err := elfobj.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		mutate(patched, script)
		exercise(t, orig, patched)
		orig, _ = elfobj.Read(data)
		exercise(t, patched, orig)
	})
}

// realObjects returns up to n objects of the test target's modules, each of at most size bytes.
func realObjects(f *testing.F, n int, size int64) (objects [][]byte) {
	var paths []string
	kernel := testenv.Find(f)
	if kernel == nil {
		return nil
	}
	err := filepath.WalkDir(kernel.Modules, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".o", ".ko"}, filepath.Ext(path)) {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() <= size {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	for i := range min(n, len(paths)) {
		data, err := os.ReadFile(paths[i*len(paths)/min(n, len(paths))])
		if err != nil {
			f.Fatal(err)
		}
		objects = append(objects, data)
	}
	return objects
}

// exercise runs all stages on a pair. Errors and refusals are allowed.
func exercise(t *testing.T, orig, patched *elfobj.File) {
	r, err := elfdiff.Diff(orig, patched)
	if err != nil {
		return
	}
	if _, err := debuginfo.ReadLines(r.Patched.File); err != nil {
		t.Logf("lines: %v", err)
	}
	if _, err := debuginfo.ChangedLayouts(r.Orig.File, r.Patched.File); err != nil {
		t.Logf("layouts: %v", err)
	}
	if r.Refused() || r.Empty() {
		return
	}
	x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
	if err != nil {
		return
	}
	out, err := x.File.Write()
	if err != nil {
		return // names that no string table can hold, sections out of order
	}
	again, err := elfobj.Read(out)
	if err != nil {
		t.Fatalf("the extracted object cannot be read: %v", err)
	}
	if _, err := objmodel.Load(again); err != nil {
		t.Logf("load again: %v", err)
	}
}

const mutations = 12

// mutate changes the model. Six bytes of script select the kind, two places and the amount.
func mutate(f *elfobj.File, script []byte) {
	for ; len(script) >= 6; script = script[6:] {
		what, by := script[0]%mutations, script[5]
		where, which := int(script[1])|int(script[2])<<8, int(script[3])|int(script[4])<<8
		if len(f.Sections) == 0 || len(f.Symbols) == 0 {
			return
		}
		s := f.Sections[where%len(f.Sections)]
		sym := f.Symbols[where%len(f.Symbols)]
		switch what {
		case 0:
			s.Name = f.Sections[which%len(f.Sections)].Name
		case 1:
			s.Flags ^= 1 << (by % 12)
		case 2:
			if len(s.Data) > 0 {
				s.Data = append([]byte(nil), s.Data...)
				s.Data[which%len(s.Data)] ^= by
			}
		case 3:
			if len(s.Data) > 0 {
				s.Data = s.Data[:which%len(s.Data)]
			}
		case 4:
			sym.Value += uint64(int64(int8(by)))
		case 5:
			sym.Size = uint64(by) << (which % 64)
		case 6:
			sym.Section = f.Sections[which%len(f.Sections)]
		case 7:
			sym.Type, sym.Bind = elf.SymType(by%8), elf.SymBind(which%3)
		case 8:
			sym.Name = f.Symbols[which%len(f.Symbols)].Name
		case 9:
			s.Align, s.EntSize = 1<<(by%14), uint64(which)
		default:
			mutateReloc(f, s, sym, which, by)
		}
	}
}

func mutateReloc(f *elfobj.File, s *elfobj.Section, sym *elfobj.Symbol, which int, by byte) {
	if len(s.Relocs) == 0 {
		return
	}
	s.Relocs = append([]elfobj.Reloc(nil), s.Relocs...)
	r := &s.Relocs[which%len(s.Relocs)]
	switch by % 5 {
	case 0:
		r.Sym = sym
	case 1:
		r.Offset += uint64(int64(int8(by)))
	case 2:
		r.Type = uint32(by)
	case 3:
		r.Addend = int64(binary.LittleEndian.Uint64([]byte{by, 0, 0, by, 0, 0, 0, by}))
	case 4:
		s.Relocs = s.Relocs[:which%len(s.Relocs)]
	}
}
