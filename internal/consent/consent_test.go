package consent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

func TestFlags(t *testing.T) {
	got, err := Flags([]string{"layout-changed", "layout-changed:struct eventpoll"})
	want := []Given{{diag.LayoutChanged, "", report.ByFlag}, {diag.LayoutChanged, "struct eventpoll", report.ByFlag}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v: %s", err, d)
	}
	if _, err := Flags([]string{"pointer-kept"}); err != nil {
		t.Errorf("a warning that pins: %v", err)
	}
	for value, want := range map[string]string{
		"section-kept": "--accept section-kept: section-kept is of severity warning: " +
			"only a finding of severity consent can be accepted",
		"layout-change": `--accept layout-change: no diagnostic "layout-change"`,
		"data-changed:x": "--accept data-changed:x: " +
			"data-changed is of severity error: only a finding of severity consent can be accepted",
	} {
		_, err := Flags([]string{value})
		if err == nil || err.Error() != want || fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: %v", value, err)
		}
	}
	_, err = Flags([]string{"layout-change"})
	if d := cmp.Diff([]string{"did you mean layout-changed?"}, fault.Hints(err)); d != "" {
		t.Error(d)
	}
}

const description = `From: A. Author <author@example.org>
Subject: [PATCH] fs: count

Livepatch-Accept: layout-changed struct eventpoll
 Livepatch-Accept: indented text is no trailer
---
diff --git a/a b/a
--- a/a
+++ b/a
@@ -1,2 +1,2 @@
 Livepatch-Accept: of a context line
-Livepatch-Accept: of a line that goes
+Livepatch-Accept: of a line that comes
`

func TestTrailers(t *testing.T) {
	got, err := Trailers("a.patch", description)
	if d := cmp.Diff([]Given{{diag.LayoutChanged, "struct eventpoll", report.ByPatch}}, got); d != "" || err != nil {
		t.Errorf("%v: %s", err, d)
	}
	for _, line := range []string{"Livepatch-Accept: no-such-code x\n", "Livepatch-Accept:\r\n"} {
		if _, err := Trailers("a.patch", line); fault.ClassOf(err) != fault.Input {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestSettle(t *testing.T) {
	finding := func(symbol string, s diag.Severity) report.Diagnostic {
		return report.Diagnostic{Code: diag.LayoutChanged, Severity: s, Symbol: symbol}
	}
	warning := report.Diagnostic{Code: diag.PointerKept, Severity: diag.Warning, Symbol: "tick"}
	pins := &report.Report{Diagnostics: []report.Diagnostic{warning}}
	Settle(pins, []Given{{diag.PointerKept, "tick", report.ByPatch}})
	if d := cmp.Diff([]report.Accepted{{Diagnostic: warning, By: report.ByPatch}}, pins.Accepted); d != "" {
		t.Errorf("a warning that pins: %s", d)
	}
	rep := &report.Report{Diagnostics: []report.Diagnostic{
		finding("struct a", diag.Consent), finding("struct b", diag.Consent), finding("struct a", diag.Note)}}
	given := []Given{{diag.LayoutChanged, "struct a", report.ByFlag}, {diag.LayoutChanged, "struct c", report.ByPatch}}
	Settle(rep, given)
	accepted := []report.Accepted{{Diagnostic: finding("struct a", diag.Consent), By: report.ByFlag}}
	if d := cmp.Diff(accepted, rep.Accepted); d != "" {
		t.Errorf("accepted: %s", d)
	}
	open := []report.Diagnostic{finding("struct b", diag.Consent), finding("struct a", diag.Note)}
	if d := cmp.Diff(open, rep.Diagnostics); d != "" || rep.Errors() != 1 {
		t.Errorf("%d open: %s", rep.Errors(), d)
	}
	unused := Unused(rep, given)
	if len(unused) != 1 || unused[0].Symbol != "struct c" || unused[0].Severity != diag.Warning {
		t.Errorf("unused: %v", unused)
	}
	Settle(rep, []Given{{diag.LayoutChanged, "", report.ByFlag}})
	if len(rep.Accepted) != 2 || rep.Errors() != 0 {
		t.Errorf("a consent without a symbol accepts all: %v", rep)
	}
}
