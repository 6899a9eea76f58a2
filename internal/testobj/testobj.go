// Package testobj compiles the objects of tests, as a kernel's build would.
package testobj

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"kintsugi/internal/elfobj"
)

// Flags are the flags of a distribution's kernel that affect its objects.
var Flags = []string{
	"-O2", "-fno-strict-aliasing", "-fno-common", "-fno-PIE", "-mcmodel=kernel", "-mno-red-zone", "-mno-sse",
	"-fno-asynchronous-unwind-tables", "-fno-jump-tables", "-fno-delete-null-pointer-checks", "-fno-stack-protector",
	"-fcf-protection=none", "-pg", "-mrecord-mcount", "-mfentry", "-fno-builtin", "-ffreestanding",
	"-ffunction-sections", "-fdata-sections", "-std=gnu11", "-w",
}

// Prelude has shortened expansions of the kernel's macros, with the sections that they create.
const Prelude = `
typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64; typedef _Bool bool;
#define noinline __attribute__((noinline))
#define notrace __attribute__((no_instrument_function))
#define __init __attribute__((section(".init.text")))
int printk(const char *fmt, ...);
int external(int);
extern int external_data;
#define BUG_FLAGS(flags) asm volatile("1: ud2\n.pushsection __bug_table,\"aw\"\n2: .long 1b - .\n" \
	".long %c0 - .\n.word %c1\n.word %c2\n.popsection" : : "i" (__FILE__), "i" (__LINE__), "i" (flags))
struct static_key { int enabled; void *p; };
#define EXPORT(sym, sec) asm(".section \"___ksymtab" #sec "+" #sym "\",\"a\"\n__ksymtab_" #sym ": .long " \
	#sym " - .\n.long __kstrtab_" #sym " - .\n.long 0\n.previous\n" \
	".section __ksymtab_strings,\"aMS\",@progbits,1\n__kstrtab_" #sym ": .asciz \"" #sym "\"\n.previous")
#define EXPORT_NEWER(sym, license) asm(".section .export_symbol,\"a\"\n__export_symbol_" #sym ": .asciz \"" \
	#license "\"\n.ascii \"\\0\"\n.balign 8\n.quad " #sym "\n.previous")
static inline __attribute__((always_inline)) bool static_branch(struct static_key *key) {
	asm goto("1: .byte 0x0f,0x1f,0x44,0x00,0x00\n.pushsection __jump_table,\"aw\"\n.balign 8\n.long 1b - .\n"
	".long %l[yes] - .\n.quad %c0 + 0 - .\n.popsection" : : "i" (key) : : yes);
	return 0;
yes:	return 1;
}
#define ALT(feature) asm volatile("661: nop\n662:\n.pushsection .altinstructions,\"a\"\n.long 661b - .\n" \
	".long 663f - .\n.word " #feature "\n.byte 662b-661b\n.byte 664f-663f\n.popsection\n" \
	".pushsection .altinstr_replacement,\"ax\"\n663: pause\n664:\n.popsection" ::: "memory")
`

// Build compiles C for x86-64 with the kernel's flags and further ones.
func Build(t testing.TB, source string, flags ...string) *elfobj.File {
	t.Helper()
	return BuildWith(t, "gcc", source, append(slices.Clone(Flags), flags...))
}

// BuildWith compiles C with a compiler of the test's choice.
func BuildWith(t testing.TB, compiler, source string, flags []string) *elfobj.File {
	t.Helper()
	return Compile(t, compiler, Prelude+"#line 1\n"+source, flags)
}

// compiled caches compiled objects by compiler, flags and source.
var compiled sync.Map

// Compile compiles C without the prelude. Equal sources are compiled only once.
func Compile(t testing.TB, compiler, source string, flags []string) *elfobj.File {
	t.Helper()
	Need(t, compiler)
	key := strings.Join(slices.Concat([]string{compiler}, flags, []string{source}), "\x00")
	data, ok := compiled.Load(key)
	if !ok {
		data = compile(t, compiler, source, flags)
		compiled.Store(key, data)
	}
	f, err := elfobj.Read(slices.Clone(data.([]byte)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func compile(t testing.TB, compiler, source string, flags []string) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "unit.c"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(compiler, append(slices.Clone(flags), "-c", "-o", "unit.o", "unit.c")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", compiler, err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "unit.o"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Need skips the test if the compiler is not installed. The quick check uses only this machine's
// compiler.
func Need(t testing.TB, compiler string) {
	t.Helper()
	if testing.Short() && compiler != "gcc" {
		t.Skipf("the quick check leaves %s out", compiler)
	}
	if _, err := exec.LookPath(compiler); err != nil {
		t.Skipf("%s is not installed", compiler)
	}
}

// Read reads an object file.
func Read(t testing.TB, path string) *elfobj.File {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elfobj.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Swap returns a source before and after one replacement.
func Swap(source, old, new string) (string, string) {
	if strings.Count(source, old) != 1 {
		panic("the source has not exactly one " + old)
	}
	return source, strings.Replace(source, old, new, 1)
}
