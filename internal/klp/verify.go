package klp

import (
	"fmt"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// rule is a requirement of the kernel for livepatch modules. It reports its
// findings through the verifier.
type rule struct {
	name  string
	check func(*verifier)
}

// rules are in the order in which a kernel applies them: the loader's checks of
// the file (kernel/module/main.c), its symbols and relocations
// (simplify_symbols, apply_relocations), then the livepatch core
// (kernel/livepatch/core.c).
var rules = []rule{
	{"machine", (*verifier).machine},
	{"signature", (*verifier).signature},
	{"sections", (*verifier).sections},
	{"this-module", (*verifier).thisModule},
	{"vermagic", (*verifier).vermagic},
	{"licence", (*verifier).licence},
	{"livepatch-mark", (*verifier).livepatchMark},
	{"struct-module-version", (*verifier).structVersion},
	{"symbols", (*verifier).symbols},
	{"imports", (*verifier).imports},
	{"relocations", (*verifier).relocations},
	{"overlaps", (*verifier).overlaps},
	{"branches", (*verifier).branches},
	{"klp-sections", (*verifier).klpSections},
	{"klp-symbols", (*verifier).klpSymbols},
	{"klp-late", (*verifier).klpLate},
	{"objects", (*verifier).objects},
	{"functions", (*verifier).functions},
	{"replacements", (*verifier).replacements},
}

// maxFindings limits the reported findings of a rule.
const maxFindings = 10

// verifier checks one module against one kernel.
type verifier struct {
	*moduleFile
	kernel *Kernel
	magic  string // the kernel's version magic, empty if unknown
	klp    []*elfobj.Section
	desc   *Module

	rule     string
	findings map[string]int
	diags    []report.Diagnostic
}

// Verify applies the kernel's load rules to a module without booting. Without an
// error among the findings, no rule keeps k from loading the module. Positions of
// symbols in modules that k cannot read are not checked; a note lists these.
func (k *Kernel) Verify(ko []byte) []report.Diagnostic {
	v := &verifier{kernel: k, findings: map[string]int{}}
	m, err := readModule(ko)
	if err != nil {
		v.rule = "file"
		v.fail("", hintOf(err), "%v", err)
		return v.diags
	}
	v.moduleFile, v.desc = m, m.describe()
	for _, s := range m.Sections {
		if s.Flags&elfobj.SHFRelaLivepatch != 0 {
			v.klp = append(v.klp, s)
		}
	}
	if v.magic, err = Vermagic(k.Image); err != nil {
		v.add(report.Found(report.Diagnostic{Code: diag.LoadRule, Message: err.Error(), Hint: hintOf(err)}).In(diag.Doubtful))
	}
	for _, r := range rules {
		v.rule = r.name
		r.check(v)
	}
	return v.diags
}

func hintOf(err error) string {
	if hints := fault.Hints(err); len(hints) > 0 {
		return hints[0]
	}
	return ""
}

// fail reports that a symbol breaks the current rule. symbol may be empty.
func (v *verifier) fail(symbol, hint, format string, args ...any) {
	v.failAs(diag.LoadRule, symbol, hint, format, args...)
}

// failAs is fail with a more precise code.
func (v *verifier) failAs(code diag.Code, symbol, hint, format string, args ...any) {
	v.add(report.Found(report.Diagnostic{Code: code, Symbol: symbol, Message: fmt.Sprintf(format, args...), Hint: hint}))
}

// warn reports a fault that does not keep the module from loading.
func (v *verifier) warn(symbol, format string, args ...any) {
	v.failIn(diag.Doubtful, symbol, format, args...)
}

// note reports what could not be checked.
func (v *verifier) note(symbol, format string, args ...any) {
	v.failIn(diag.Unseen, symbol, format, args...)
}

// failIn is fail in one case of the rules' code.
func (v *verifier) failIn(in diag.Case, symbol, format string, args ...any) {
	d := report.Found(report.Diagnostic{Code: diag.LoadRule, Symbol: symbol, Message: fmt.Sprintf(format, args...)})
	v.add(d.In(in))
}

func (v *verifier) add(d report.Diagnostic) {
	v.findings[v.rule]++
	switch n := v.findings[v.rule]; {
	case n <= maxFindings:
		v.diags = append(v.diags, d)
	case n == maxFindings+1:
		v.diags = append(v.diags, report.Found(report.Diagnostic{Code: diag.LoadRule,
			Message: fmt.Sprintf("further findings of the rule %s are omitted", v.rule)}).In(diag.Unseen))
	}
}
