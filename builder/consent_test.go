package builder

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/consent"
	"kintsugi/internal/debuginfo"
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

var (
	layoutOfA = layoutDiagnostic(debuginfo.LayoutChange{Type: "struct a", Detail: "its size changes from 4 to 8 bytes"})
	consentA  = consent.Given{Code: diag.LayoutChanged, Symbol: "struct a", By: report.ByFlag}
)

func TestConsent(t *testing.T) {
	rec := newRecord(Options{})
	if err := rec.note([]report.Diagnostic{layoutOfA}, nil); err != nil {
		t.Errorf("the stages after it cannot find more: %v", err)
	}
	err := rec.consented()
	rep, err := rec.finish(err)
	if rep.Verdict != report.Refused || fault.CodeOf(err) != diag.LayoutChanged || fault.ClassOf(err) != fault.Verdict {
		t.Errorf("without consent: %s, %v", rep.Verdict, err)
	}
	if d := cmp.Diff([]report.Diagnostic{layoutOfA}, rep.Diagnostics); d != "" {
		t.Errorf("without consent (-want +got):\n%s", d)
	}
	rec = newRecord(Options{Accept: []consent.Given{consentA}})
	if err := errors.Join(rec.note([]report.Diagnostic{layoutOfA}, nil), rec.consented()); err != nil {
		t.Errorf("with consent: %v", err)
	}
	rep, err = rec.finish(nil)
	accepted := []report.Accepted{{Diagnostic: layoutOfA, By: report.ByFlag}}
	if d := cmp.Diff(accepted, rep.Accepted); d != "" || rep.Verdict != report.OK || err != nil ||
		len(rep.Diagnostics) > 0 {
		t.Errorf("with consent: %s, %v, %+v (-want +got):\n%s", rep.Verdict, err, rep.Diagnostics, d)
	}
	if d := cmp.Diff([]string{"layout-changed:struct a"}, acceptedNames(append(accepted, accepted...))); d != "" {
		t.Errorf("in the module (-want +got):\n%s", d)
	}
}

// TestConsentIsNotEnough has an error beside a finding that is accepted, and a
// failure beside one that is not.
func TestConsentIsNotEnough(t *testing.T) {
	rec := newRecord(Options{Accept: []consent.Given{consentA}})
	refused := report.Diagnostic{Code: diag.DataChanged, Severity: diag.Error, Symbol: "struct a"}
	if err := rec.note([]report.Diagnostic{layoutOfA, refused}, nil); fault.CodeOf(err) != diag.DataChanged {
		t.Errorf("%v", err)
	}
	rec = newRecord(Options{})
	err := rec.note([]report.Diagnostic{layoutOfA},
		&fault.Error{Class: fault.Input, Code: diag.PatchCompile, Err: errors.New("no")})
	rep, _ := rec.finish(err)
	if rep.Verdict != report.Failed || len(rep.Diagnostics) != 2 || rep.Diagnostics[0].Code != diag.PatchCompile {
		t.Errorf("%s: %+v", rep.Verdict, rep.Diagnostics)
	}
}

func TestConsentUnused(t *testing.T) {
	misspelt := consent.Given{Code: diag.LayoutChanged, Symbol: "struct b", By: report.ByFlag}
	rec := newRecord(Options{Accept: []consent.Given{consentA, misspelt}})
	if err := rec.note([]report.Diagnostic{layoutOfA}, nil); err != nil {
		t.Fatal(err)
	}
	rep, _ := rec.finish(nil)
	if len(rep.Diagnostics) != 1 || codeOf(rep) != diag.AcceptUnused || rep.Diagnostics[0].Symbol != "struct b" {
		t.Errorf("%+v", rep.Diagnostics)
	}
}

// TestNothingOfAType: where no code changes, none uses the other layout.
func TestNothingOfAType(t *testing.T) {
	rec := newRecord(Options{})
	if err := rec.note([]report.Diagnostic{layoutOfA}, nil); err != nil {
		t.Fatal(err)
	}
	rep, err := rec.finish(rec.nothing())
	if rep.Verdict != report.Nothing || !errors.Is(err, ErrNothing) || rep.Errors() > 0 {
		t.Errorf("%s, %v, %+v", rep.Verdict, err, rep.Diagnostics)
	}
}

// TestNothingIsFresh: a caller's hint does not stay for the next build.
func TestNothingIsFresh(t *testing.T) {
	var first *fault.Error
	if errors.As(nothingError(), &first) {
		_ = first.Hint("of one build")
	}
	if hints := fault.Hints(nothingError()); len(hints) > 0 || first == nil {
		t.Errorf("%q", hints)
	}
}

// TestTrailer reads a consent from a patch's description.
func TestTrailer(t *testing.T) {
	s := newSession(t, &fakeTools{})
	patch := s.opts.Patches[0]
	for trailer, want := range map[string]struct {
		given []consent.Given
		class fault.Class // of the error; 0: there is none
	}{
		"Livepatch-Accept: layout-changed struct a\n\n": {[]consent.Given{{Code: diag.LayoutChanged, Symbol: "struct a",
			By: report.ByPatch}}, 0},
		"a unit\n\n":                             {nil, 0},
		"Livepatch-Accept: data-changed one\n\n": {nil, fault.Input}, // that is an error
	} {
		if err := os.WriteFile(patch, []byte(trailer+unitPatch), 0o644); err != nil {
			t.Fatal(err)
		}
		rec := newRecord(s.opts)
		_, err := parse(s.opts, rec)
		if d := cmp.Diff(want.given, rec.accepts); d != "" {
			t.Errorf("%q (-want +got):\n%s", trailer, d)
		}
		if (err != nil) != (want.class != 0) || err != nil && fault.ClassOf(err) != want.class {
			t.Errorf("%q: %v", trailer, err)
		}
	}
}

func TestOnStackOnly(t *testing.T) {
	local := []byte("struct a { int x; };\nint f(void) { struct a v; return g(&v); }\n")
	static := []byte("struct a { int x; };\nstatic struct a v;\n")
	for name, c := range map[string]struct {
		change *patchfile.Change
		want   bool
	}{
		"local":           {&patchfile.Change{Original: local, Patched: local}, true},
		"static before":   {&patchfile.Change{Original: static, Patched: local}, false},
		"static after":    {&patchfile.Change{Original: local, Patched: static}, false},
		"not of the file": {nil, false},
	} {
		if got := onStackOnly(c.change, "struct a"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
