package diag

import (
	"slices"
	"testing"
)

func TestTableIsComplete(t *testing.T) {
	severities := []Severity{Error, Consent, Warning, Note}
	for _, c := range Codes() {
		row, _ := Lookup(c)
		if !slices.Contains(severities, row.Severity) || row.Title == "" || row.Meaning == "" {
			t.Errorf("%s: severity %q, title %q, meaning %q", c, row.Severity, row.Title, row.Meaning)
		}
		if row.Advice == "" && len(row.Also) == 0 && row.Severity.Refuses() {
			t.Errorf("%s refuses and has no advice", c)
		}
		seen := map[Case]bool{Usual: true}
		for _, a := range row.Also {
			if seen[a.Case] || a.When == "" || a.Severity == row.Severity || !slices.Contains(severities, a.Severity) {
				t.Errorf("%s: case %q with severity %q, when %q", c, a.Case, a.Severity, a.When)
			}
			seen[a.Case] = true
		}
	}
}

func TestSeverity(t *testing.T) {
	for _, test := range []struct {
		code Code
		in   Case
		want Severity
	}{
		{SymbolRemoved, Usual, Warning},
		{SymbolRemoved, Alone, Error},
		{LayoutChanged, Usual, Consent},
		{LayoutChanged, Alone, Note},
		{LayoutChanged, OnStack, Note},
		{DataChanged, Alone, Error}, // a case that the row does not name
		{InitCode, HasRun, Warning},
		{NotInKernel, NotShipped, Error},
	} {
		if got := test.code.Severity(test.in); got != test.want {
			t.Errorf("%s in case %q: %s, not %s", test.code, test.in, got, test.want)
		}
	}
}

func TestSeverityOfNoCode(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a code without a row has a severity")
		}
	}()
	Code("no-such-code").Severity(Usual)
}
