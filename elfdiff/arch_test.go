package elfdiff_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/testobj"
)

// machine is an architecture and a compiler for it.
type machine struct {
	name     string
	machine  elf.Machine
	address  uint32   // relocation for an address of 8 bytes
	compiler []string // with flags that shape objects like its kernel's
}

var machines = []machine{
	{"arm64", elf.EM_AARCH64, uint32(elf.R_AARCH64_ABS64),
		[]string{"aarch64-linux-gnu-gcc-12", "-mgeneral-regs-only", "-fpatchable-function-entry=2"}},
	{"ppc64le", elf.EM_PPC64, uint32(elf.R_PPC64_ADDR64),
		[]string{"powerpc64le-linux-gnu-gcc-12", "-mcmodel=medium", "-pg", "-mprofile-kernel"}},
	{"ppc64le with a small TOC", elf.EM_PPC64, uint32(elf.R_PPC64_ADDR64),
		[]string{"powerpc64le-linux-gnu-gcc-12", "-mcmodel=small"}},
	{"s390x", elf.EM_S390, uint32(elf.R_390_64), []string{"s390x-linux-gnu-gcc-12", "-pg", "-mfentry", "-mrecord-mcount",
		"-march=z13"}},
	{"s390x for any address", elf.EM_S390, uint32(elf.R_390_64),
		[]string{"s390x-linux-gnu-gcc-12", "-fPIE", "-mpacked-stack"}},
	{"loong64", elf.EM_LOONGARCH, uint32(elf.R_LARCH_64),
		[]string{"clang-16", "--target=loongarch64-linux-gnu", "-mabi=lp64s"}},
	{"arm64 by clang", elf.EM_AARCH64, uint32(elf.R_AARCH64_ABS64),
		[]string{"clang-16", "--target=aarch64-linux-gnu", "-fpatchable-function-entry=2"}},
	{"ppc64le by clang", elf.EM_PPC64, uint32(elf.R_PPC64_ADDR64), []string{"clang-16", "--target=powerpc64le-linux-gnu"}},
	{"s390x by clang", elf.EM_S390, uint32(elf.R_390_64),
		[]string{"clang-16", "--target=s390x-linux-gnu", "-pg", "-mfentry", "-mrecord-mcount"}},
}

// machineFlags are the flags for all machines.
var machineFlags = []string{"-O2", "-ffreestanding", "-fno-common", "-fno-strict-aliasing",
	"-fno-asynchronous-unwind-tables", "-fno-stack-protector", "-ffunction-sections", "-fdata-sections", "-w"}

func (m machine) compile(t *testing.T, source string, flags ...string) *elfobj.File {
	t.Helper()
	f := testobj.Compile(t, m.compiler[0], source, slices.Concat(m.compiler[1:], machineFlags, flags))
	if f.Section("__mcount_loc") == nil && f.Section("__patchable_function_entries") == nil {
		m.addSites(f)
	}
	return f
}

// addSites gives every function the ftrace site that recordmcount would add.
func (m machine) addSites(f *elfobj.File) {
	sites := &elfobj.Section{Name: "__mcount_loc", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC, Align: 8}
	relocs := &elfobj.Section{Name: ".rela__mcount_loc", Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK, Align: 8,
		EntSize: 24, Target: sites}
	for _, s := range f.Symbols {
		if s.Type == elf.STT_FUNC && s.Section != nil {
			relocs.Relocs = append(relocs.Relocs, elfobj.Reloc{Offset: uint64(len(sites.Data)), Type: m.address, Sym: s})
			sites.Data = append(sites.Data, make([]byte, 8)...)
		}
	}
	f.Sections = append(f.Sections, sites, relocs)
}

// manySided has references of all kinds: calls, strings, tables, static locals, jump tables, large
// constants, pointers to functions.
const manySided = `
int external(int); extern int external_data; int printk(const char *, ...);
static int state = 4; static const char *const names[] = { "zero", "one", "two", "three" };
struct ops { int (*call)(int); const char *name; };
static __attribute__((noinline)) int helper(int x) { static int calls; calls += x; return external(x) + calls; }
static int method(int x) { return helper(x + 1); }
const struct ops table = { method, "method" };
struct ops *current_ops = (struct ops *)&table;
const char *name(int x) { return names[x & 3]; }
int choose(int x) {
	switch (x) {
	case 0: return external(1); case 1: return external(9); case 2: state += x; return 3; case 3: printk("three %d", x); return 8;
	case 4: return helper(4); case 5: return external_data; case 6: return external(x) + 66; case 7: return 123456789; default: return 0;
	}
}
int pick(int x) { switch (x) { case 0: return 17; case 1: return 4; case 2: return 99; case 3: return 23; case 4: return 54; case 5: return 8; case 6: return 1; } return 0; }
int (*pointer(void))(int) { return method; }
int last(int x) { static int calls = 2; calls ^= x; printk("last"); return helper(calls) + state; }
`

// TestMachines makes the same changes on every architecture.
func TestMachines(t *testing.T) {
	for _, m := range machines {
		t.Run(m.name, func(t *testing.T) {
			f := m.compile(t, manySided)
			if f.Machine != m.machine {
				t.Fatalf("machine %v", f.Machine)
			}
			m.unchanged(t)
			m.changed(t)
		})
	}
}

func (m machine) unchanged(t *testing.T) {
	for what, pair := range map[string][2]*elfobj.File{
		"the same": {m.compile(t, manySided), m.compile(t, manySided)},
		"in one piece": {m.compile(t, manySided, "-fno-function-sections", "-fno-data-sections"),
			m.compile(t, manySided, "-fno-function-sections", "-fno-data-sections")},
		"a comment":     {m.compile(t, manySided), m.compile(t, "/* a */ \n"+manySided)},
		"one more line": {m.compile(t, manySided), m.compile(t, "\n\n"+manySided)},
	} {
		r, err := elfdiff.Diff(pair[0], pair[1])
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if !r.Empty() || len(r.Diagnostics) > 0 || len(r.Removed) > 0 {
			functions, data, refused := summary(r)
			t.Errorf("%s: functions %v, data %v, diagnostics %v, removed %v", what, functions, data, refused, r.Removed)
		}
	}
}

// changed changes a function, and adds a function and a variable. The new ones shift the numbers of
// static locals.
func (m machine) changed(t *testing.T) {
	orig, patched := swap(manySided, `int last(int x) { static int calls = 2; calls ^= x; printk("last");`,
		`static __attribute__((noinline)) int fresh(int x) { static int calls; calls -= x; printk("fresh"); return external(calls); }
		int last(int x) { static int calls = 2; calls ^= x; printk("final"); state += fresh(x);`)
	r, err := elfdiff.Diff(m.compile(t, orig), m.compile(t, patched))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range r.Functions {
		found[objmodel.StableName(f.Name)] = f.Old != nil
	}
	if diff := cmp.Diff(map[string]bool{"last": true, "fresh": false}, found); diff != "" {
		t.Errorf("included functions, true for those that exist (-want +got):\n%s", diff)
	}
	if len(r.Data) != 1 || objmodel.StableName(r.Data[0].Name) != objmodel.StableName("calls.1") &&
		objmodel.StableName(r.Data[0].Name) != "fresh.calls" || r.Data[0].Status != "new" {
		t.Errorf("data: %v", r.Data)
	}
	x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
	if err != nil {
		t.Fatal(err, r.Diagnostics)
	}
	m.extracted(t, x)
}

// extracted checks that the object is for the linker of its machine, and contains the compiled
// function byte for byte.
func (m machine) extracted(t *testing.T, x *extract.Object) {
	data, err := x.File.Write()
	if err != nil {
		t.Fatal(err)
	}
	again, err := elfobj.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	outside := map[string]bool{}
	for _, e := range x.Externals {
		outside[e.Name] = true
	}
	for _, name := range []string{"external", "helper", "state", "printk"} {
		if !outside[name] {
			t.Errorf("%s is not left to the kernel: %v", name, outside)
		}
	}
	if again.Section(".text.fresh") == nil || again.Section(".text.last") == nil {
		t.Error("the functions are not in the object")
	}
	object := filepath.Join(t.TempDir(), "x.o")
	if err := os.WriteFile(object, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if linker, ok := linkers[m.machine]; ok {
		run(t, linker, "-r", "-o", object+".r", object)
	}
}

var linkers = map[elf.Machine]string{elf.EM_AARCH64: "aarch64-linux-gnu-ld", elf.EM_PPC64: "powerpc64le-linux-gnu-ld",
	elf.EM_S390: "s390x-linux-gnu-ld"}

// TestRelativeTable has tables of differences between strings and the table's start, as clang makes
// them from arrays of strings. Their addends include the distance from the start to the entry.
func TestRelativeTable(t *testing.T) {
	for _, m := range machines {
		if m.compiler[0] != "clang-16" {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			source := `const char *name(int x) { static const char *const names[] = { "zero", "one", "two", "three", "fourth" }; return names[x % 5]; } int other(int x) { return x; }`
			for _, change := range [][2]string{{`"two"`, `"dos"`}, {`"three"`, `"three!"`}, {`"fourth"`, `"tenth"`},
				{`"zero"`, `"null"`}} {
				orig, patched := swap(source, change[0], change[1])
				r, err := elfdiff.Diff(m.compile(t, orig, "-fPIC"), m.compile(t, patched, "-fPIC"))
				if err != nil {
					t.Fatal(err)
				}
				functions, data, refused := summary(r)
				if len(functions) != 1 || functions[0] != "name" || len(data) != 1 || len(refused) > 0 {
					t.Errorf("%s: functions %v, data %v, diagnostics %v", change, functions, data, refused)
				}
			}
		})
	}
}

// TestMachineEntries changes special sections on every architecture: only the static key behind a
// nop, and only the flag of an entry.
func TestMachineEntries(t *testing.T) {
	source := `int external(int); struct key { int n; void *p; }; struct key one, two;
#define branch(key) ({ __label__ yes, no; int r; asm goto("1: nop\n.pushsection __jump_table,\"aw\"\n.balign 8\n.long 1b - .\n.long %l[yes] - .\n.quad " #key " - .\n.popsection" : : : : yes); r = 0; goto no; yes: r = 1; no: r; })
#define flag(n) asm volatile("1: nop\n.pushsection __bug_table,\"aw\"\n.balign 4\n.long 1b - .\n.long one - .\n.short " #n "\n.balign 4\n.popsection")
int f(int x) { if (branch(one)) return external(x); return x; } int g(int x) { if (branch(two)) return external(x + 1); flag(3); return 4; }
int h(int x) { flag(3); return external(x); }`
	for _, m := range machines {
		t.Run(m.name, func(t *testing.T) {
			for change, want := range map[[2]string]string{
				{"if (branch(one))", "if (branch(two))"}:     "f",
				{"h(int x) { flag(3)", "h(int x) { flag(4)"}: "h",
			} {
				orig, patched := swap(source, change[0], change[1])
				r, err := elfdiff.Diff(m.compile(t, orig), m.compile(t, patched))
				if err != nil {
					t.Fatal(err)
				}
				pair{functions: []string{want}}.judge(t, r)
			}
		})
	}
}
