package builder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/debuginfo"
	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/klp"
	"kintsugi/internal/kofile"
	"kintsugi/internal/report"
	"kintsugi/internal/text"
)

// exports reports the exports whose type changes: callers outside the patch were
// compiled with the old type. same are units whose code does not change. exports
// reads the modules of the target only if there is such an export.
func exports(ctx context.Context, s *session, units []changed, same []compiled) ([]report.Diagnostic, error) {
	var found []report.Diagnostic
	for _, u := range units {
		more, err := s.exportsOf(ctx, &u.compiled, u.diff.Orig.File, u.diff.Patched.File, units)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	for _, u := range same {
		orig, origErr := elfobj.Read(u.Original)
		patched, err := elfobj.Read(u.Patched)
		if err := errors.Join(origErr, err); err != nil {
			return nil, fmt.Errorf("%s: %w", u.Unit.Object, err)
		}
		more, err := s.exportsOf(ctx, &u, orig, patched, units)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// exportsOf is exports for one unit.
func (s *session) exportsOf(ctx context.Context, u *compiled, orig, patched *elfobj.File, units []changed) (
	[]report.Diagnostic, error) {
	var found []report.Diagnostic
	changes, err := u.prototypes(s.kernel, orig, patched)
	if err != nil {
		found = append(found, report.Found(report.Diagnostic{Code: diag.ExportABI, Symbol: u.Unit.Source,
			Message: fmt.Sprintf("the types of the exports of %s cannot be compared: %v", u.Unit.Source, err),
			Hint:    "Accept the change if the patch changes no type of an export there."}))
	}
	for _, c := range changes {
		users, err := s.exportUsers(ctx, c.Name, units)
		if err != nil {
			return nil, err
		}
		found = append(found, exportDiagnostic(c, users))
	}
	return u.at(found), nil
}

// prototypes returns the exports of the running kernel whose type changes in the unit.
func (u *compiled) prototypes(kernel *klp.Kernel, orig, patched *elfobj.File) ([]debuginfo.PrototypeChange, error) {
	if !u.Unit.Types {
		return nil, nil
	}
	return debuginfo.ChangedPrototypes(orig, patched, func(name string) bool {
		e, exported := kernel.Exports[name]
		return exported && e.Owner() == u.owner.Name
	})
}

func exportDiagnostic(c debuginfo.PrototypeChange, users exportUsers) report.Diagnostic {
	what, change := "type of the exported variable "+c.Name, fmt.Sprintf(" from %s to %s", c.Old, c.New)
	if c.Function {
		what = "prototype of the exported function " + c.Name
	}
	if c.Old == c.New {
		change = ": " + c.Detail
	}
	return report.Found(report.Diagnostic{Code: diag.ExportABI, Symbol: c.Name,
		Message: fmt.Sprintf("the %s changes%s; %s", what, change, users),
		Hint: "Keep the export as it is, and give the new function or variable another name. " +
			"Accept the change if every module that uses the export is covered, including modules outside the target."})
}

// exportUsers are the modules of the target that use an export.
type exportUsers struct {
	unknown string   // why the modules are unknown; empty: they are known
	covered []string // modules whose code that uses the export is all replaced
	open    []string // modules that keep the old type, each with the code that is not replaced
}

// mostNamed limits the number of names in a message.
const mostNamed = 8

// String returns the end of a message.
func (u exportUsers) String() string {
	var parts []string
	switch {
	case u.unknown != "":
		return "which modules use it is unknown: " + u.unknown
	case len(u.covered)+len(u.open) == 0:
		return "no module of the target uses it, but others may"
	}
	if len(u.covered) > 0 {
		parts = append(parts, "the patch covers its use by "+text.Some(u.covered, mostNamed, ", "))
	}
	if len(u.open) > 0 {
		parts = append(parts, "outside the patch it is used by "+text.Some(u.open, mostNamed, ", "))
	}
	return strings.Join(parts, "; ")
}

// exportUsers finds the modules that import a symbol, and what of them the patch
// does not replace.
func (s *session) exportUsers(ctx context.Context, symbol string, units []changed) (exportUsers, error) {
	if s.modules == nil {
		return exportUsers{unknown: "the target has no modules"}, nil
	}
	imports, err := s.modules.importers(ctx, symbol)
	if ctx.Err() != nil {
		return exportUsers{}, ctx.Err()
	}
	if err != nil {
		return exportUsers{unknown: err.Error()}, nil
	}
	var users exportUsers
	for _, module := range imports {
		left, touched, err := s.notReplaced(module, symbol, units)
		switch {
		case err != nil:
			users.open = append(users.open, module+" ("+err.Error()+")")
		case !touched:
			users.open = append(users.open, module)
		case len(left) > 0:
			users.open = append(users.open, module+" ("+text.Some(left, mostNamed, ", ")+")")
		default:
			users.covered = append(users.covered, module)
		}
	}
	return users, nil
}

// notReplaced returns the functions and variables of a module that use a symbol and that no unit
// replaces. touched is false if the patch has no unit of the module.
func (s *session) notReplaced(module, symbol string, units []changed) (left []string, touched bool, err error) {
	replaced := map[string]int{}
	for _, u := range units {
		if u.owner.Name == module {
			touched = true
			u.countReplaced(replaced)
		}
	}
	if !touched {
		return nil, false, nil
	}
	ko, err := s.kernel.ReadModule(module)
	if err != nil {
		return nil, true, err
	}
	uses, err := kofile.Uses(ko, symbol)
	for _, name := range uses {
		if replaced[name]--; replaced[name] < 0 {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	return left, true, err
}

// countReplaced counts the functions that the unit replaces by their names in
// the kernel.
func (u *changed) countReplaced(count map[string]int) {
	for _, f := range u.diff.Functions {
		if !f.Patch {
			continue
		}
		name := f.Name
		if target, d := u.owner.Replaced(f, u.proof); d == nil {
			name = target.Name
		}
		count[name]++
	}
}
