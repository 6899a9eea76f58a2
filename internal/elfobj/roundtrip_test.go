package elfobj

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/testenv"
)

func TestRoundTripCompiled(t *testing.T) {
	need(t, "gcc", "gcc")
	tests := []struct {
		name, file, source string
		args               []string
	}{
		{"plain", "a.c", sourceC, []string{"-O2"}},
		{"sections", "a.c", sourceC, []string{"-O2", "-ffunction-sections", "-fdata-sections"}},
		{"debug", "a.c", sourceC, []string{"-O2", "-g", "-gz=none"}},
		{"compressed", "a.c", sourceC, []string{"-O2", "-g", "-gz=zlib"}},
		{"no symbols", "a.c", "", nil},
		{"common", "a.c", sourceC, []string{"-fcommon", "-fno-pic", "-mcmodel=kernel", "-mno-sse", "-pg", "-mfentry"}},
		{"c++", "a.cc", sourceCxx, []string{"-O0", "-g", "-gz=none"}},
		{"assembly", "a.s", sourceAsm, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			data := gcc(t, test.file, test.source, test.args...)
			roundTrip(t, data)
			sameForTools(t, "", data)
		})
	}
}

// The linker and objcopy place the symbol table between other sections.
func TestRoundTripRelinked(t *testing.T) {
	need(t, "gcc", "gcc")
	object := filepath.Join(t.TempDir(), "a.o")
	write(t, object, gcc(t, "a.c", sourceC, "-g", "-ffunction-sections"))
	run(t, "ld", "-r", "-e", "head", "-o", object+".r", object)
	run(t, "objcopy", "--add-section", ".extra="+object, object+".r", object+".x")
	for _, path := range []string{object + ".r", object + ".x"} {
		roundTrip(t, read(t, path))
		sameForTools(t, "", read(t, path))
	}
}

func TestRoundTripManySections(t *testing.T) {
	need(t, "gcc", "gcc")
	const n = 33000 // and as many relocation sections
	data := gcc(t, "a.s", sourceMany(n))
	f := roundTrip(t, data)
	if len(f.Sections) < 2*n {
		t.Fatalf("%d sections, want twice %d", len(f.Sections), n)
	}
	last := f.Section(".text.f32999")
	relocs := f.RelocSections()[last]
	if len(relocs) != 1 || len(relocs[0].Relocs) != 1 || relocs[0].Relocs[0].Sym.Section != f.Section(".text.f0") {
		t.Error("relocation of the last function does not point to the first")
	}
	// With relocations and code, the time of binutils grows with the square of the sections.
	sameForTool(t, data, "readelf", "-hSsW")
}

// A rewritten object links and runs like the original.
func TestRewrittenRuns(t *testing.T) {
	need(t, "gcc", "gcc")
	const source = `#include <stdio.h>
static int calls; struct s { int (*f)(int); const char *name; };
static int f(int n) { calls++; return n * 2; }
static struct s table[] = { { f, "twice" } };
int main(void) { printf("%s %d", table[0].name, table[0].f(21)); return !calls; }`
	dir := t.TempDir()
	object, program := filepath.Join(dir, "a.o"), filepath.Join(dir, "program")
	data := gcc(t, "a.c", source, "-O0", "-g", "-gz=zlib", "-ffunction-sections")
	write(t, object, mustWrite(t, mustRead(t, data)))
	run(t, "gcc", "-Wl,--gc-sections", "-o", program, object)
	if got := run(t, program); got != "twice 42" {
		t.Errorf("the program printed %q", got)
	}
}

// Nothing in the package depends on the machine, so other machines round-trip like x86-64.
func TestRoundTripMachines(t *testing.T) {
	tests := []struct {
		prefix, source string
		machine        elf.Machine
		flags          uint32
	}{
		{"aarch64-linux-gnu-", "f:\tbl outside\n\tadrp x0, g\n\tadd x0, x0, :lo12:g\n\tret\n\t.data\ng:\t.quad f, g - .\n",
			elf.EM_AARCH64, 0},
		{"s390x-linux-gnu-", "f:\tbrasl %r14,outside@PLT\n\tlarl %r1,g\n\tbr %r14\n\t.data\n\t.balign 8\ng:\t.quad f, g - " +
			".\n",
			elf.EM_S390, 0},
		{"powerpc64le-linux-gnu-", "\t.abiversion 2\n\t.globl f\n\t.type f,@function\nf:\taddis 2,12,.TOC.-f@ha\n\taddi " +
			"2,2,.TOC.-f@l\n" +
			"\t.localentry f,.-f\n\tbl outside\n\tnop\n\tblr\n\t.data\ng:\t.quad f, g - .\n",
			elf.EM_PPC64, 2},
		{"loongarch64-linux-gnu-", "f:\tbl %b16(outside)\n\tpcalau12i $a0, %pc_hi20(g)\n\tret\n\t.data\ng:\t.dword f\n",
			elf.EM_LOONGARCH, 0x43},
	}
	for _, test := range tests {
		t.Run(test.machine.String(), func(t *testing.T) {
			pkg := "binutils-" + strings.ReplaceAll(strings.TrimSuffix(test.prefix, "-"), "_", "-")
			need(t, test.prefix+"as", pkg)
			data := build(t, "a.s", test.source, test.prefix+"as", "-g")
			f := roundTrip(t, data)
			if f.Machine != test.machine || f.Flags != test.flags {
				t.Errorf("machine %v, flags %#x, want %v, %#x", f.Machine, f.Flags, test.machine, test.flags)
			}
			relocs := f.RelocSections()[f.Section(".text")]
			if len(relocs) != 1 || !slices.ContainsFunc(relocs[0].Relocs,
				func(r Reloc) bool { return r.Sym.Name == "outside" }) {
				t.Error("no relocation of .text to outside")
			}
			sameForTools(t, test.prefix, data)
		})
	}
}

// The same object with the machine and byte order of others. No cross assembler is needed.
func TestRoundTripRetargeted(t *testing.T) {
	tests := []struct {
		machine elf.Machine
		order   binary.ByteOrder
	}{
		{elf.EM_AARCH64, binary.LittleEndian},
		{elf.EM_S390, binary.BigEndian},
		{elf.EM_PPC64, binary.LittleEndian},
		{elf.EM_PPC64, binary.BigEndian},
		{elf.EM_LOONGARCH, binary.LittleEndian},
		{elf.EM_RISCV, binary.LittleEndian},
	}
	for _, test := range tests {
		f := sample()
		f.Machine, f.ByteOrder = test.machine, test.order
		data := mustWrite(t, f)
		roundTrip(t, data)
		sameForTool(t, data, "readelf", "-aW")
		if diff := cmp.Diff(f, mustRead(t, data)); diff != "" {
			t.Errorf("%v: %s", test.machine, diff)
		}
	}
}

// TestRoundTripKernel reads all modules and objects in a folder: those of the test target, else
// those of the running kernel.
func TestRoundTripKernel(t *testing.T) {
	dir := "/lib/modules"
	if kernel := testenv.Find(t); kernel != nil {
		dir = kernel.Modules
	}
	const compareByTools = 5
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || !e.Type().IsRegular() || ext != ".ko" && ext != ".o" {
			return nil
		}
		data := read(t, path)
		if !bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
			return nil
		}
		n++
		t.Run(e.Name(), func(t *testing.T) {
			roundTrip(t, data)
			if n <= compareByTools {
				sameForTools(t, "", data)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Skipf("no .ko or .o in %s, and %s names no target", dir, testenv.Variable)
	}
	t.Logf("%d objects in %s", n, dir)
}

// Contents do not depend on the compression.
func TestCompression(t *testing.T) {
	need(t, "gcc", "gcc")
	object := filepath.Join(t.TempDir(), "a.o")
	write(t, object, gcc(t, "a.c", sourceC, "-g", "-gz=none"))
	plain := mustRead(t, read(t, object))
	for kind, name := range map[elf.CompressionType]string{elf.COMPRESS_ZLIB: "zlib", elf.COMPRESS_ZSTD: "zstd"} {
		t.Run(name, func(t *testing.T) {
			run(t, "objcopy", "--compress-debug-sections="+name, object, object+".z")
			compressed := roundTrip(t, read(t, object+".z"))
			if s := compressed.Section(".debug_info"); s.Compressed != kind {
				t.Fatalf(".debug_info is compressed by %v, want %v", s.Compressed, kind)
			}
			write(t, object+".out", mustWrite(t, compressed))
			run(t, "objcopy", "--decompress-debug-sections", object+".out", object+".n")
			for _, f := range []*File{compressed, mustRead(t, read(t, object+".n"))} {
				if diff := cmp.Diff(contents(plain), contents(f)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func contents(f *File) map[string][]byte {
	data := make(map[string][]byte)
	for _, s := range f.Sections {
		data[s.Name] = s.Data
	}
	return data
}

// roundTrip requires that an object reads the same after it was written, and that writing it twice
// gives the same bytes.
func roundTrip(t testing.TB, data []byte) *File {
	t.Helper()
	f := mustRead(t, data)
	written := mustWrite(t, f)
	again := mustRead(t, written)
	if !reflect.DeepEqual(f, again) {
		t.Error("object differs after Write and Read")
	}
	if !bytes.Equal(written, mustWrite(t, again)) {
		t.Error("bytes differ when an object is written twice")
	}
	return f
}

// sameForTools requires that binutils print the same about an object before and after Read and
// Write.
func sameForTools(t testing.TB, prefix string, data []byte) {
	t.Helper()
	sameForTool(t, data, prefix+"readelf", "-aW")
	sameForTool(t, data, prefix+"objdump", "-dr")
	for _, s := range mustRead(t, data).Sections {
		if s.Compressed != 0 {
			return // objdump would show compressed bytes; TestCompression compares them
		}
	}
	sameForTool(t, data, prefix+"objdump", "-s")
}

func sameForTool(t testing.TB, data []byte, tool, option string) {
	t.Helper()
	dir := t.TempDir()
	before, after := filepath.Join(dir, "before"), filepath.Join(dir, "after")
	write(t, before, data)
	write(t, after, mustWrite(t, mustRead(t, data)))
	say := func(path string) []string {
		return normalise(strings.ReplaceAll(run(t, tool, option, path), path, "FILE"))
	}
	if diff := cmp.Diff(say(before), say(after)); diff != "" {
		t.Errorf("%s %s: (-before +after)\n%s", tool, option, diff)
	}
}

var (
	// Number, name and type, address, offset, size, entry size and flags, link, info, alignment.
	sectionLine = regexp.MustCompile(`^  \[ *(\d+)\] (.*) ([0-9a-f]{16}) ([0-9a-f]{6,}) ([0-9a-f]{6,}) ([0-9a-f]{2,}.{5}) *(\d+) +(\d+) +(\d+)$`)
	symbolLine  = regexp.MustCompile(`^( *\d+: [0-9a-f]{16} +\w+ \w+ +\w+ +\w+ .*?)(\d+)( .*)$`)
	memberLine  = regexp.MustCompile(`^   \[ *(\d+)\]   (.*)$`)
	groupLine   = regexp.MustCompile(`^(.*group section) \[ *\d+\]( .* contains \d+ sections:)$`)
	placeLine   = regexp.MustCompile(`^(.* at offset) 0x[0-9a-f]+( .*)$`)
	headerLine  = regexp.MustCompile(`^There are \d+ section headers|^  Start of section|^  Number of section|^  Section header string table index|` +
		`^Symbol table '.symtab' contains 1 entry`)
)

// regenerated matches the sections that Write creates at the end.
var regenerated = regexp.MustCompile(`^\.(symtab|strtab|shstrtab|symtab_shndx) `)

// normalise removes from the output of readelf -aW what may change: places in the file. It replaces
// section numbers by section names.
func normalise(out string) []string {
	lines := strings.Split(out, "\n")
	names := map[string]string{"0": "0"}
	for _, line := range lines {
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			names[m[1]] = m[2]
		}
	}
	var normal []string
	for _, line := range lines {
		if line = normalLine(line, names); line != "" {
			normal = append(normal, line)
		}
	}
	return normal
}

func normalLine(line string, names map[string]string) string {
	if m := sectionLine.FindStringSubmatch(line); m != nil {
		return normalSection(m, names)
	}
	if m := symbolLine.FindStringSubmatch(line); m != nil {
		return m[1] + names[m[2]] + m[3]
	}
	if m := memberLine.FindStringSubmatch(line); m != nil {
		return names[m[1]] + " " + m[2]
	}
	if m := groupLine.FindStringSubmatch(line); m != nil {
		return m[1] + m[2]
	}
	if m := placeLine.FindStringSubmatch(line); m != nil {
		return m[1] + m[2]
	}
	if headerLine.MatchString(line) {
		return ""
	}
	return line
}

func normalSection(m []string, names map[string]string) string {
	name, addr, size, flags, link, info, align := m[2], m[3], m[5], m[6], m[7], m[8], m[9]
	if regenerated.MatchString(name) {
		return ""
	}
	if strings.Contains(flags, "C") {
		size = "compressed"
	}
	if strings.Contains(flags, "I") {
		info = names[info]
	}
	return strings.Join([]string{name, addr, size, flags, names[link], info, align}, " ")
}
