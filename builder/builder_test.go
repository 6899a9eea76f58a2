package builder

import (
	"context"
	"debug/elf"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/arch"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/kimage"
	"kintsugi/internal/klp"
	"kintsugi/internal/makefile"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
	"kintsugi/kbuild"
)

// recorded is an object that testdata/make-objects compiled.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fakeTools stands for kbuild: one unit, and recorded objects for it.
type fakeTools struct {
	original, patched, plain []byte
	reader                   []byte // patched object that reads its keys
	refusesPinned            bool   // the compiler refuses the source, as it does without pinned numbers
	called                   []string
}

func (f *fakeTools) call(name string) { f.called = append(f.called, name) }

func (f *fakeTools) Plan(_ context.Context, changed []string) ([]kbuild.Unit, []report.Diagnostic, error) {
	f.call("plan")
	return []kbuild.Unit{{Source: "lib/unit.c", Object: "lib/unit.o", Changed: changed}}, nil, nil
}

func (f *fakeTools) PlanNew(context.Context, []makefile.Object) ([]kbuild.Unit, []report.Diagnostic, error) {
	return nil, nil, nil
}

func (f *fakeTools) Compile(_ context.Context, units []kbuild.Unit, overlay map[string][]byte,
	_ string) ([]kbuild.Pair, error) {
	pinned := strings.Contains(string(overlay["lib/unit.c"]), "#line")
	f.call("compile pinned:" + map[bool]string{true: "yes", false: "no"}[pinned])
	if f.refusesPinned {
		line := map[bool]string{true: "10003", false: "3"}[pinned]
		return nil, &fault.Error{Class: fault.Input, Code: diag.PatchCompile,
			Err: errors.New("lib/unit.c:" + line + ": error: no")}
	}
	return []kbuild.Pair{{Unit: units[0], Original: f.original, Patched: f.patched}}, nil
}

func (f *fakeTools) CompileHeaders(context.Context, []kbuild.Unit, map[string][]byte, string) ([]kbuild.Pair,
	[]string, error) {
	return nil, []string{"lib/unit.c"}, nil
}

func (f *fakeTools) CompileReadingKeys(_ context.Context, u kbuild.Unit, _ map[string][]byte, _ string) (kbuild.Pair,
	error) {
	f.call("read keys")
	return kbuild.Pair{Unit: u, Original: f.original, Patched: f.reader}, nil
}

func (f *fakeTools) CompilePlain(context.Context, kbuild.Unit, string) ([]byte, error) {
	f.call("compile plain")
	return f.plain, nil
}

func (f *fakeTools) CheckNonUnits(context.Context, []string, map[string][]byte, string) ([]report.Diagnostic, error) {
	return nil, nil
}

const unitPatch = `--- a/lib/unit.c
+++ b/lib/unit.c
@@ -1,3 +1,4 @@
 /* a unit */
-int one;
+int two;
+int three;
 /* its end */
`

// newSession is a build whose kernel is the recorded one, and whose kbuild is f.
func newSession(t *testing.T, f *fakeTools) *session {
	t.Helper()
	image, err := kimage.ParseModule(recorded(t, "kernel.o"))
	if err != nil {
		t.Fatal(err)
	}
	source, patch := t.TempDir(), filepath.Join(t.TempDir(), "unit.patch")
	if err := os.Mkdir(filepath.Join(source, "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		filepath.Join(source, "lib/unit.c"): "/* a unit */\nint one;\n/* its end */\n",
		patch:                               unitPatch,
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kernel := &klp.Kernel{Image: image,
		Exports: map[string]klp.Export{"__fentry__": {Name: "__fentry__", Module: klp.Vmlinux}}}
	return &session{opts: Options{Patches: []string{patch},
		Target: &target.Target{Name: "recorded", Arch: arch.AMD64.Name, Source: source}},
		kernel: kernel, arch: &arch.AMD64, tools: f, name: "livepatch-unit", work: t.TempDir()}
}

// resolveRecorded is the first half of a build, with its report.
func resolveRecorded(t *testing.T, f *fakeTools) ([]resolved, *report.Report, error) {
	t.Helper()
	s := newSession(t, f)
	rec := newRecord(s.opts)
	changes, err := parse(s.opts, rec)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := resolveParts(t.Context(), s, rec, changes)
	rep, err := rec.finish(err)
	return parts, rep, err
}

func TestStages(t *testing.T) {
	f := &fakeTools{original: recorded(t, "original.o"), patched: recorded(t, "patched.o"), plain: recorded(t, "plain.o")}
	parts, rep, err := resolveRecorded(t, f)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) != 1 || len(rep.Functions) != 1 || rep.Functions[0].Name != "show" ||
		rep.Functions[0].Status != "changed" {
		t.Errorf("%d parts, functions %+v", len(parts), rep.Functions)
	}
	want := []report.Reference{{Symbol: "__fentry__", Object: klp.Vmlinux, Kind: "export", How: "proof"},
		{Symbol: "hidden", Object: klp.Vmlinux, Kind: "klp", How: "proof"}}
	if d := cmp.Diff(want, rep.References); d != "" {
		t.Errorf("references (-want +got):\n%s", d)
	}
	stages := []string{"compile", "diff", "exports", "extract", "keys", "parse", "plan", "prove", "reprove", "resolve"}
	if d := cmp.Diff(stages, slices.Sorted(maps.Keys(rep.Timings))); d != "" {
		t.Errorf("stages (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"plan", "compile pinned:yes"}, f.called); d != "" {
		t.Errorf("tools (-want +got):\n%s", d)
	}
}

// TestReprove patches a function whose jump the assembler makes short in the
// kernel: only the unit compiled whole proves it.
func TestReprove(t *testing.T) {
	f := &fakeTools{original: recorded(t, "original.o"), patched: recorded(t, "first.o"), plain: recorded(t, "plain.o")}
	_, rep, err := resolveRecorded(t, f)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(f.called, "compile plain") || rep.Units[0].Proof.Proven != 3 {
		t.Errorf("tools %q, proof %+v", f.called, rep.Units[0].Proof)
	}
	f = &fakeTools{original: recorded(t, "original.o"), patched: recorded(t, "first.o"), plain: recorded(t, "original.o")}
	if _, rep, err = resolveRecorded(t, f); codeOf(rep) != diag.NotProven || fault.ClassOf(err) != fault.Verdict {
		t.Errorf("without the proof: %v, %+v", err, rep.Diagnostics)
	}
}

// TestReadKeys has a new static key, whose jump label a livepatch cannot have.
func TestReadKeys(t *testing.T) {
	f := &fakeTools{original: recorded(t, "original.o"), patched: recorded(t, "key.o"), reader: recorded(t, "reads-key.o")}
	parts, rep, err := resolveRecorded(t, f)
	if err != nil {
		t.Fatal(err)
	}
	if !parts[0].readsKeys || codeOf(rep) != diag.KeysRead {
		t.Errorf("reads keys: %v, %+v", parts[0].readsKeys, rep.Diagnostics)
	}
	f = &fakeTools{original: recorded(t, "original.o"), patched: recorded(t, "key.o"), reader: recorded(t, "original.o")}
	if _, rep, err = resolveRecorded(t, f); err == nil || codeOf(rep) != diag.ModuleStaticKey {
		t.Errorf("a reader without the change: %v, %+v", err, rep.Diagnostics)
	}
}

// codeOf is that of the first diagnostic.
func codeOf(rep *report.Report) diag.Code {
	if len(rep.Diagnostics) == 0 {
		return ""
	}
	return rep.Diagnostics[0].Code
}

func TestRefusedInDiff(t *testing.T) {
	f := &fakeTools{original: recorded(t, "original.o"), patched: recorded(t, "value.o")}
	_, rep, err := resolveRecorded(t, f)
	if rep.Verdict != report.Refused || codeOf(rep) != diag.DataChanged || fault.CodeOf(err) != diag.DataChanged {
		t.Errorf("%s, %v, %+v", rep.Verdict, err, rep.Diagnostics)
	}
	if _, went := rep.Timings["extract"]; went {
		t.Error("the build went on after a refusal")
	}
	if rep.Units[0].Proof == nil {
		t.Error("the report has no proof of a refused unit")
	}
}

func TestNothing(t *testing.T) {
	f := &fakeTools{original: recorded(t, "original.o"), patched: recorded(t, "original.o")}
	if _, rep, err := resolveRecorded(t, f); rep.Verdict != report.Nothing || !errors.Is(err, ErrNothing) {
		t.Errorf("%s, %v", rep.Verdict, err)
	}
}

// TestCompilerRefuses: a message of the compiler has the line of the file, not
// the number that line is pinned to.
func TestCompilerRefuses(t *testing.T) {
	f := &fakeTools{refusesPinned: true}
	_, rep, err := resolveRecorded(t, f)
	if err == nil || !strings.Contains(err.Error(), "unit.c:3:") || rep.Verdict != report.Failed {
		t.Errorf("%s, %v", rep.Verdict, err)
	}
	if d := cmp.Diff([]string{"plan", "compile pinned:yes", "compile pinned:no"}, f.called); d != "" {
		t.Errorf("tools (-want +got):\n%s", d)
	}
}

// TestForgetLinks has a livepatch of a module for a kernel without the symbols
// that taking back its relocations needs, and for one that does it itself.
func TestForgetLinks(t *testing.T) {
	f := &fakeTools{original: recorded(t, "original.o"), patched: recorded(t, "patched.o"), plain: recorded(t, "plain.o")}
	parts, _, err := resolveRecorded(t, f)
	if err != nil {
		t.Fatal(err)
	}
	kernel := newSession(t, f).kernel
	if links, err := forgetLinks(kernel, parts); links != nil || err != nil {
		t.Errorf("of the image alone: %v, %v", links, err)
	}
	parts[0].owner = &klp.Owner{Name: "minix", Image: kernel.Image}
	if _, err := forgetLinks(kernel, parts); fault.ClassOf(err) != fault.Environment ||
		!strings.Contains(err.Error(), "text_mutex") {
		t.Errorf("of a module: %v", err)
	}
	kernel.Image.Machine = elf.EM_S390
	if _, err := forgetLinks(kernel, parts); fault.ClassOf(err) != fault.Environment ||
		!strings.Contains(err.Error(), "s390x") {
		t.Errorf("of a module on a machine without facts: %v", err)
	}
}

// TestValuesStay runs stages twice on one value: none completes what it is given.
func TestValuesStay(t *testing.T) {
	f := &fakeTools{original: recorded(t, "original.o"), patched: recorded(t, "first.o"), plain: recorded(t, "plain.o")}
	s := newSession(t, f)
	owner, err := s.kernel.Owner(klp.Vmlinux)
	if err != nil {
		t.Fatal(err)
	}
	unit := compiled{Pair: kbuild.Pair{Unit: kbuild.Unit{Source: "lib/unit.c", Object: "lib/unit.o"},
		Original: f.original, Patched: f.patched}, owner: owner}
	proven, err := prove([]compiled{unit})
	if err != nil {
		t.Fatal(err)
	}
	before := proven[0].proof.Report()
	var references [2][]report.Reference
	for i := range references {
		changed, err := diff(proven)
		if err != nil {
			t.Fatal(err)
		}
		parts, _, err := cut(changed)
		if err != nil {
			t.Fatal(err)
		}
		if parts, err = reprove(t.Context(), s, parts); err != nil {
			t.Fatal(err)
		}
		resolved, found, err := resolve(s.kernel, parts)
		if err != nil || len(found) > 0 {
			t.Fatal(err, found)
		}
		references[i] = resolved[0].resolution.References
	}
	if d := cmp.Diff(before, proven[0].proof.Report()); d != "" {
		t.Errorf("the proof was changed:\n%s", d)
	}
	if d := cmp.Diff(references[0], references[1]); d != "" || len(references[0]) == 0 {
		t.Errorf("the second run differs:\n%s", d)
	}
}
