package elfobj

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/command"
)

// run runs a tool of the toolchain and returns its output.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := command.Cmd{Path: name, Args: args}
	out, err := cmd.Run(context.Background())
	if err != nil {
		t.Fatalf("%v: %v\n%s", &cmd, err, out)
	}
	return string(out)
}

// need skips the test if a tool is not installed, and names its package.
func need(t testing.TB, tool, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		if !errors.Is(err, exec.ErrNotFound) {
			t.Fatal(err)
		}
		t.Skipf("%s is not installed (Debian package %s)", tool, pkg)
	}
}

// build writes source to a file called name and makes an object of it. The command gets the paths
// of the object and of the source after args.
func build(t testing.TB, name, source, tool string, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, name), filepath.Join(dir, "out.o")
	write(t, in, []byte(source))
	run(t, tool, append(args, "-o", out, in)...)
	return read(t, out)
}

// gcc compiles source. The suffix of name selects the language.
func gcc(t testing.TB, name, source string, args ...string) []byte {
	t.Helper()
	return build(t, name, source, "gcc", append([]string{"-c"}, args...)...)
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustWrite(t testing.TB, f *File) []byte {
	t.Helper()
	data, err := f.Write()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const sourceC = `
struct list { struct list *next; const char *name; };
static struct list a = { 0, "a" }, b = { &a, "b" };
__thread int tls;
__attribute__((weak)) int weak;
int common;
__attribute__((section(".init.text"), noinline)) static int cold(int n) { return n + weak; }
extern int outside(struct list *, const char *, ...);
int table(int n)
{
	switch (n) {
	case 0: return outside(&a, "zero");
	case 1: return outside(&b, "one %d", common);
	case 2: return outside(0, "two");
	case 3: return cold(n) + tls;
	case 4: return outside(0, __func__);
	}
	return 0;
}
struct list *head(void) { return &b; }
`

const sourceCxx = `
template <class T> inline T twice(T x) { static T last; last = x; return x + last; }
struct base { virtual ~base() {} virtual int f() { return 1; } };
struct derived : base { int f() override { return twice(2) + twice(3L); } };
base *make() { return new derived; }
`

// sourceAsm has what compilers rarely write.
const sourceAsm = `
	.section .text.one,"axG",@progbits,sig,comdat
	.globl one
	.type one, @function
one:	call	elsewhere@PLT
	.reloc ., R_X86_64_NONE, one
	ret
	.size one, . - one
	.section .data.one,"awG",@progbits,sig,comdat
	.quad	one, local + 8, absolute
	.section .text.two,"axG",@progbits,group2
	nop
	.section __patchable_function_entries,"awo",@progbits,.text.one
	.quad	.text.one
	.section .strings,"aMS",@progbits,1
	.asciz	"tail"
	.section .kept,"awR",@progbits
local:	.quad	0
	.section .tbss,"awT",@nobits
	.zero	24
	.section .odd,"",@0x6ffffff1
	.byte	1
	.section .same,"a"
	.byte	1
	.section .same,"aw",unique,1
	.byte	2
	.section .empty.name,"a"
	.section .note.GNU-stack,"",@progbits
	.globl absolute
	.set	absolute, 0x1234
	.set	hidden, one
	.hidden	hidden
	.protected absolute
	.comm	shared, 64, 32
	.lcomm	mine, 16
	.weak	maybe
	.quad	0
	.data
	.balign	64
	.quad	maybe - ., shared
	.type	indirect, @gnu_indirect_function
	.globl	indirect
indirect: ret
`

// sourceMany has n sections with a symbol and a relocation section each, so that section numbers do
// not fit in the 16 bits of a symbol.
func sourceMany(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\t.section .text.f%d,\"ax\",@progbits\nf%d:\t.quad f%d\n", i, i, (i+1)%n)
	}
	return b.String()
}

// sample returns an object with one of everything, in the form that Read returns.
func sample() *File {
	text := &Section{Name: ".text", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR | elf.SHF_GROUP,
		Align: 16, Data: []byte("0123456789abcdef")}
	bss := &Section{Name: ".bss", Type: elf.SHT_NOBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Align: 64, Size: 1 << 40}
	debug := &Section{Name: ".debug_info", Type: elf.SHT_PROGBITS, Align: 1, Data: make([]byte, 5000),
		Compressed: elf.COMPRESS_ZLIB}
	order := &Section{Name: "order", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_LINK_ORDER, Addr: 0x40,
		Align:   8,
		EntSize: 8, Data: make([]byte, 8), Link: text, Info: 7}
	addrsig := &Section{Name: ".llvm_addrsig", Type: 0x6fff4c03, Flags: 1 << 31, Align: 1, Data: []byte{1},
		LinkSymtab: true}
	about := &Section{Name: "about", Type: elf.SHT_PROGBITS, Flags: elf.SHF_INFO_LINK, Data: []byte{}, Target: bss}

	section := &Symbol{Type: elf.STT_SECTION, Section: text}
	f := &Symbol{Name: "f", Bind: elf.STB_GLOBAL, Type: elf.STT_FUNC, Value: 4, Size: 8, Other: uint8(elf.STV_HIDDEN),
		Section: text}
	abs := &Symbol{Name: "a.c", Type: elf.STT_FILE, Index: elf.SHN_ABS}
	common := &Symbol{Name: "shared", Bind: elf.STB_GLOBAL, Type: elf.STT_OBJECT, Value: 32, Size: 64,
		Index: elf.SHN_COMMON}
	undefined := &Symbol{Name: "outside", Bind: elf.STB_WEAK}
	klp := &Symbol{Name: ".klp.sym.vmlinux.user_read,2", Bind: elf.STB_GLOBAL, Index: SHNLivepatch}

	rela := &Section{Name: ".rela.text", Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK | elf.SHF_GROUP, Align: 8,
		EntSize: relaSize, Target: text,
		Relocs: []Reloc{{Offset: 4, Type: 4, Sym: undefined, Addend: -4}, {Offset: 8, Type: 1, Addend: 1 << 62},
			{Type: 2, Sym: section}}}
	klpRela := &Section{Name: ".klp.rela.vmlinux..text", Type: elf.SHT_RELA,
		Flags: elf.SHF_INFO_LINK | elf.SHF_ALLOC | SHFRelaLivepatch,
		Align: 8, EntSize: relaSize, Target: text, Relocs: []Reloc{{Offset: 12, Type: 2, Sym: klp, Addend: -4}}}
	rel := &Section{Name: ".rel.debug_info", Type: elf.SHT_REL, Align: 8, EntSize: relSize, Target: debug,
		Relocs: []Reloc{{Offset: 1, Type: 10, Sym: common}}}
	loose := &Section{Name: ".rela.loose", Type: elf.SHT_RELA, Align: 8, EntSize: relaSize, Relocs: []Reloc{{Sym: f}}}
	group := &Section{Name: ".group", Type: elf.SHT_GROUP, Align: 4, EntSize: 4, Members: []*Section{text, rela},
		GroupFlags: 1, Signature: f}

	return &File{
		Class: elf.ELFCLASS64, ByteOrder: binary.LittleEndian, OSABI: elf.ELFOSABI_LINUX, ABIVersion: 1,
		Machine: elf.EM_X86_64, Entry: 4, Flags: 3,
		Sections: []*Section{group, text, rela, klpRela, bss, debug, rel, order, addrsig, about, loose},
		Symbols:  []*Symbol{abs, section, f, common, undefined, klp},
	}
}

func TestWriteOrdersSymbols(t *testing.T) {
	f := sample()
	f.Symbols = append([]*Symbol{{Name: "first", Bind: elf.STB_GLOBAL}}, f.Symbols...)
	f.Symbols = append(f.Symbols, &Symbol{Name: "last"})
	var names []string
	for _, s := range mustRead(t, mustWrite(t, f)).Symbols {
		names = append(names, s.Name)
	}
	want := []string{"a.c", "", "last", "first", "f", "shared", "outside", ".klp.sym.vmlinux.user_read,2"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutSymbols(t *testing.T) {
	f := &File{Class: elf.ELFCLASS64, ByteOrder: binary.LittleEndian, Machine: elf.EM_X86_64}
	for _, s := range []*Section{nil, {Name: "data", Type: elf.SHT_PROGBITS, Data: []byte("x")}} {
		if s != nil {
			f.Sections = append(f.Sections, s)
		}
		if diff := cmp.Diff(f, mustRead(t, mustWrite(t, f))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestIndexes(t *testing.T) {
	f := sample()
	text, bss := f.Section(".text"), f.Section(".bss")
	if f.Section(".nothing") != nil {
		t.Error("found a section that does not exist")
	}
	if text.Len() != 16 || bss.Len() != 1<<40 {
		t.Errorf(".text has %d bytes, .bss %d", text.Len(), bss.Len())
	}
	if relocs := f.RelocSections(); len(relocs) != 2 || len(relocs[text]) != 2 {
		t.Errorf("%d sections have relocations, .text from %d", len(relocs), len(relocs[text]))
	}
	if symbols := f.SectionSymbols(); len(symbols) != 1 || symbols[text] != f.Symbols[1] {
		t.Errorf("%d section symbols", len(symbols))
	}
	if f.Symbols[0].Undefined() || !f.Symbols[4].Undefined() {
		t.Error("a.c is undefined or outside is not")
	}
}
