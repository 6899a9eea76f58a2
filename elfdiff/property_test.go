package elfdiff_test

import (
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/arch"
	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/testenv"
	"kintsugi/kbuild"
	"kintsugi/kbuild/compile"
	"kintsugi/kbuild/plan"
)

// TestProperties checks properties that must hold for any object, on units of a real kernel. The
// same object, another order of sections and symbols, comments and shifted lines make no
// difference. One changed instruction is one changed function. KINTSUGI_TEST_UNITS is the number of
// units.
func TestProperties(t *testing.T) {
	kernel := testenv.Kernel(t)
	tree := &kbuild.Tree{Dir: kernel.Source, Arch: &arch.AMD64, CC: kernel.CC, CacheDir: t.TempDir(), Jobs: 2}
	s := &sample{tree: tree, sums: map[string]int{}}
	t.Run("units", func(t *testing.T) {
		for i, u := range sampleUnits(t, tree, number("KINTSUGI_TEST_UNITS", 40)) {
			v := variants[i%len(variants)]
			t.Run(v.name+" "+path.Clean(u.Object), func(t *testing.T) {
				t.Parallel()
				s.unit(t, u, v, rand.New(rand.NewSource(int64(i))))
			})
		}
	})
	t.Logf("%v", s.sums)
	if n := s.sums["units that do not compile"]; s.sums["changed bodies"] < 5*n || s.sums["changed bodies"] == 0 {
		t.Errorf("%d bodies were changed, %d units do not compile", s.sums["changed bodies"], n)
	}
}

func number(variable string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		return n
	}
	return otherwise
}

// sampleUnits returns n units of the tree, chosen by KINTSUGI_TEST_SEED.
func sampleUnits(t *testing.T, tree *kbuild.Tree, n int) []kbuild.Unit {
	t.Helper()
	var files []string
	for _, top := range []string{"arch/x86", "block", "crypto", "drivers", "fs", "ipc", "kernel", "lib", "mm", "net",
		"security", "sound"} {
		err := fs.WalkDir(os.DirFS(tree.Dir), top, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && path.Ext(name) == ".c" {
				files = append(files, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewSource(int64(number("KINTSUGI_TEST_SEED", 1))))
	random.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	units, _, err := (&plan.Planner{Tree: tree}).Plan(context.Background(), files[:min(4*n, len(files))])
	if err != nil {
		t.Fatal(err)
	}
	random.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
	return units[:min(n, len(units))]
}

// variant is a way to compile.
type variant struct {
	name     string
	clang    bool
	optimize string
	split    bool // functions and data have sections of their own
}

var variants = []variant{
	{"gcc-O2-split", false, "-O2", true}, {"clang-O2-split", true, "-O2", true},
	{"gcc-Os-split", false, "-Os", true}, {"clang-Os-split", true, "-Os", true},
	{"gcc-O2-whole", false, "-O2", false}, {"clang-O2-whole", true, "-O2", false},
	{"gcc-Os-whole", false, "-Os", false}, {"clang-Os-whole", true, "-Os", false},
}

// sample is a run over many units.
type sample struct {
	tree  *kbuild.Tree
	mutex sync.Mutex
	sums  map[string]int
}

func (s *sample) count(what string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.sums[what]++
}

func (s *sample) unit(t *testing.T, u kbuild.Unit, v variant, random *rand.Rand) {
	source, err := os.ReadFile(filepath.Join(s.tree.Dir, u.Source))
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.compile(t, u, v, string(source))
	if err != nil && v.clang {
		s.count("units that clang does not compile")
		v.clang = false
		data, err = s.compile(t, u, v, string(source))
	}
	if err != nil {
		t.Log(err)
		s.count("units that do not compile")
		return
	}
	s.count("units by " + map[bool]string{true: "clang", false: "gcc"}[v.clang])
	same(t, "the same object", read(t, data), read(t, data))
	same(t, "the object written again", read(t, data), read(t, write(t, read(t, data))))
	same(t, "another order", read(t, data), permuted(t, data, random))
	shifted, err := s.compile(t, u, v, fmt.Sprintf("/* one\n two\n three */\n#line 1 \"%s\"\n%s/* the end */\n",
		u.Source, source))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "comments and shifted lines", read(t, data), read(t, shifted))
	s.changedBody(t, data, random)
}

func read(t *testing.T, data []byte) *elfobj.File {
	t.Helper()
	f, err := elfobj.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, f *elfobj.File) []byte {
	t.Helper()
	data, err := f.Write()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// compile compiles another source text of a unit like kbuild, including objtool.
func (s *sample) compile(t *testing.T, u kbuild.Unit, v variant, source string) ([]byte, error) {
	dir := t.TempDir()
	copied, object := filepath.Join(dir, path.Base(u.Source)), filepath.Join(dir, "unit.o")
	if err := os.WriteFile(copied, []byte("#line 1 \""+u.Source+"\"\n"+source), 0o644); err != nil {
		return nil, err
	}
	cc := (&compile.Compiler{Tree: s.tree}).Command(u, object)
	name, args := cc.Path, []string{"-iquote", path.Dir(u.Source)}
	if v.clang {
		name = "clang-16"
	}
	for _, a := range cc.Args {
		switch {
		case a == u.Source:
			args = append(args, copied)
		case !v.split && (a == "-ffunction-sections" || a == "-fdata-sections"):
		case v.clang && gccOnly(a):
		case a == "-O2":
			args = append(args, v.optimize)
		default:
			args = append(args, a)
		}
	}
	args = append(args, "-g0", "-w")
	if v.clang {
		args = append(args, "-mstack-alignment=8", "-mretpoline-external-thunk", "-Wno-everything", "-Qunused-arguments")
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = s.tree.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	objtool := exec.Command("tools/objtool/objtool", "--hacks=jump_label", "--hacks=noinstr", "--orc", "--retpoline",
		"--rethunk",
		"--sls", "--static-call", "--uaccess", object)
	objtool.Dir = s.tree.Dir
	if objtool.Run() == nil {
		s.count("units that objtool has seen")
	}
	data, err := os.ReadFile(object)
	if err != nil || !v.clang {
		return data, err
	}
	return recordMcount(data)
}

func gccOnly(arg string) bool {
	for _, prefix := range []string{"-mindirect-branch", "-mrecord-mcount", "-mskip-rax-setup",
		"-mpreferred-stack-boundary", "-fconserve-stack",
		"-fno-allow-store-data-races", "-falign-jumps", "-falign-loops", "-Werror", "-W"} {
		if strings.HasPrefix(arg, prefix) && !strings.HasPrefix(arg, "-Wp,") {
			return true
		}
	}
	return false
}

// recordMcount lists the calls of __fentry__, as gcc does itself.
func recordMcount(data []byte) ([]byte, error) {
	f, err := elfobj.Read(data)
	if err != nil {
		return nil, err
	}
	sites := &elfobj.Section{Name: "__mcount_loc", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC, Align: 8}
	relocs := &elfobj.Section{Name: ".rela__mcount_loc", Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK, Align: 8,
		EntSize: 24, Target: sites}
	homes := map[*elfobj.Section]*elfobj.Symbol{}
	for _, s := range f.Symbols {
		if s.Section != nil && s.Value == 0 && (homes[s.Section] == nil || s.Type == elf.STT_SECTION) {
			homes[s.Section] = s
		}
	}
	for _, sec := range f.Sections {
		for _, r := range sec.Relocs {
			if r.Sym == nil || r.Sym.Name != "__fentry__" || homes[sec.Target] == nil {
				continue
			}
			relocs.Relocs = append(relocs.Relocs, elfobj.Reloc{Offset: uint64(len(sites.Data)), Type: uint32(elf.R_X86_64_64),
				Sym: homes[sec.Target], Addend: int64(r.Offset) - 1})
			sites.Data = append(sites.Data, make([]byte, 8)...)
		}
	}
	if len(relocs.Relocs) > 0 {
		f.Sections = append(f.Sections, sites, relocs)
	}
	return f.Write()
}

// same fails if two objects differ in anything.
func same(t *testing.T, what string, a, b *elfobj.File) {
	t.Helper()
	r, err := elfdiff.Diff(a, b)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if !r.Empty() || len(r.Removed) > 0 || len(r.Diagnostics) > 0 {
		t.Errorf("%s: functions %v, data %v, removed %v, diagnostics %v", what, changes(r), names(r.Data), r.Removed,
			r.Diagnostics)
	}
}

func changes(r *elfdiff.Result) []string {
	var list []string
	for _, f := range r.Functions {
		list = append(list, fmt.Sprint(f.Name, f.Cause))
	}
	return list
}

func names(items []*elfdiff.DataItem) []string {
	var list []string
	for _, d := range items {
		list = append(list, string(d.Status)+":"+d.Name)
	}
	return list
}

// permuted returns the object with its sections and symbols in another order.
func permuted(t *testing.T, data []byte, random *rand.Rand) *elfobj.File {
	t.Helper()
	f := read(t, data)
	random.Shuffle(len(f.Sections), func(i, j int) { f.Sections[i], f.Sections[j] = f.Sections[j], f.Sections[i] })
	random.Shuffle(len(f.Symbols), func(i, j int) { f.Symbols[i], f.Symbols[j] = f.Symbols[j], f.Symbols[i] })
	return read(t, write(t, f))
}

// changedBody changes an immediate operand in one function of the object.
func (s *sample) changedBody(t *testing.T, data []byte, random *rand.Rand) {
	orig, patched := read(t, data), read(t, data)
	before, err := objmodel.Load(orig)
	if err != nil {
		t.Fatal(err)
	}
	name, at, section := pick(before, random)
	if name == "" {
		s.count("units without a function to change")
		return
	}
	patched.Sections[section].Data = slices.Clone(patched.Sections[section].Data)
	patched.Sections[section].Data[at] ^= 1
	after, err := objmodel.Load(patched)
	if err != nil {
		t.Fatal(err)
	}
	r := elfdiff.DiffObjects(before, after)
	s.count("changed bodies")
	for _, f := range r.Functions {
		if f.Change != nil && f.Name != name {
			t.Errorf("%s was changed, but %s is reported as changed: %v", name, f.Name, f.Cause)
		}
		if f.Change == nil && f.Cause[0].Kind != "callee" {
			t.Errorf("%s was changed, but %s is included: %v", name, f.Name, f.Cause)
		}
	}
	if !slices.ContainsFunc(r.Functions, func(f *elfdiff.Function) bool {
		return f.Name == name && f.Change != nil &&
			f.Patch
	}) {
		t.Errorf("%s was changed, but is not replaced: %v %v", name, changes(r), r.Diagnostics)
	}
	if r.Refused() {
		for _, d := range r.Diagnostics {
			if d.Severity == diag.Error {
				s.count("refused: " + string(d.Code))
				t.Logf("%s is refused: %v", name, d)
			}
		}
		return
	}
	s.extracted(t, r, after)
}

// pick chooses a byte of an immediate operand in a function that can be replaced. It returns the
// section by number, and the offset there.
func pick(o *objmodel.Object, random *rand.Rand) (name string, at uint64, section int) {
	functions := o.Functions()
	random.Shuffle(len(functions), func(i, j int) { functions[i], functions[j] = functions[j], functions[i] })
	for _, f := range functions {
		if f.Init() || !f.Patchable() {
			continue
		}
		if places := immediates(o, f); len(places) > 0 {
			return f.Name, f.Off + places[random.Intn(len(places))], slices.Index(o.File.Sections, f.Section)
		}
	}
	return "", 0, 0
}

// immediates returns the offsets of the last bytes of instructions that end in an immediate operand
// without a relocation.
func immediates(o *objmodel.Object, f *objmodel.Atom) []uint64 {
	code, related := f.Bytes(), map[uint64]bool{}
	for _, r := range f.Refs {
		for i := range o.Reloc(r.Type).Size {
			related[r.Off+uint64(i)] = true
		}
	}
	var list []uint64
	for pos := 0; pos < len(code); {
		n := o.InsnLen(code[pos:])
		if n == 0 {
			break
		}
		op := code[pos]
		if op&0xf0 == 0x40 && n > 1 {
			op = code[pos+1]
		}
		pos += n
		if last := uint64(pos - 1); !related[last] && (op == 0x83 || op == 0x81 || op == 0xc7 || op == 0xc6 || op >= 0xb8 &&
			op <= 0xbf) {
			list = append(list, last)
		}
	}
	return list
}

// extracted checks that the functions of the extracted object have the same code and the same
// references as those of the patched object.
func (s *sample) extracted(t *testing.T, r *elfdiff.Result, patched *objmodel.Object) {
	x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
	if err != nil {
		t.Errorf("extract: %v", err)
		return
	}
	o, err := objmodel.Load(read(t, write(t, x.File)))
	if err != nil {
		t.Errorf("extracted object: %v", err)
		return
	}
	s.count("extracted objects")
	byName := map[string]*objmodel.Atom{}
	for _, f := range o.Functions() {
		for _, sym := range append(slices.Clone(f.Aliases), f.Sym) {
			byName[sym.Name] = f
		}
	}
	for _, f := range r.Functions {
		g := byName[f.Name]
		switch {
		case g == nil:
			t.Errorf("%s is not in the extracted object", f.Name)
		case string(g.Bytes()) != string(f.New.Bytes()):
			t.Errorf("%s has other code in the extracted object", f.Name)
		case len(g.Refs) != len(f.New.Refs) || len(g.Entries) != len(f.New.Entries):
			t.Errorf("%s has %d references and %d entries in the extracted object, want %d and %d", f.Name, len(g.Refs),
				len(g.Entries), len(f.New.Refs), len(f.New.Entries))
		default:
			s.references(t, f.New, g)
		}
	}
}

func (s *sample) references(t *testing.T, want, got *objmodel.Atom) {
	for i := range want.Refs {
		if a, b := target(&want.Refs[i]), target(&got.Refs[i]); want.Refs[i].Off != got.Refs[i].Off || a != b {
			t.Errorf("%s+%#x refers to %s in the extracted object, want %s", want, want.Refs[i].Off, b, a)
		}
	}
	for i, e := range want.Entries {
		if f := got.Entries[i]; e.Section.Name != f.Section.Name || string(e.Bytes()) != string(f.Bytes()) {
			t.Errorf("%s: entry %d of %s differs in the extracted object", want, i, e.Section.Name)
		}
	}
}

// target names the target of a reference in either object.
func target(r *objmodel.Ref) string {
	switch {
	case r.Atom == nil && r.Sym == nil:
		return ""
	case r.Atom == nil:
		return fmt.Sprintf("%s%+d", r.Sym.Name, r.Addend)
	case r.Atom.Kind == objmodel.String:
		return strconv.Quote(r.Atom.Text(r.Addend))
	case r.Atom.Name != "":
		return fmt.Sprintf("%s%+d", ownName(r.Atom), r.Addend)
	}
	content := r.Atom.Bytes()
	if at := r.Addend; at >= 0 && at < int64(len(content)) {
		content = content[at:]
	}
	if strings.HasPrefix(r.Atom.Section.Name, ".rodata.str") {
		text, _, _ := strings.Cut(string(content), "\x00")
		return strconv.Quote(text)
	}
	return fmt.Sprintf("% x", content[:min(8, len(content))])
}

// ownName returns the name of an atom without the alias that an extracted object gives it.
func ownName(a *objmodel.Atom) string {
	for _, sym := range a.Aliases {
		if strings.HasPrefix(a.Name, "klp_") {
			return sym.Name
		}
	}
	return a.Name
}
