package patchfile

import (
	"fmt"
	"slices"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
)

// Diagnose finds files that cannot become a livepatch, whatever their code is, as
// errors with the codes assembly and build-file, and files that have no part in a
// livepatch, as notes. arch is the target's directory below arch/; files of other
// architectures get a note only. Makefiles that only name new files are in applied,
// the result of the patches, and have no finding.
func Diagnose(patches []*Patch, applied *Result, arch string) []report.Diagnostic {
	var list []report.Diagnostic
	seen := map[string]bool{}
	for _, p := range patches {
		for _, f := range p.Files {
			d := f.diagnose(arch)
			if d == nil || seen[f.Path] {
				continue
			}
			why, read := applied.unread[f.Path]
			if d.Code == diag.BuildFile && why != "" {
				d.Hint = makefileAdvice + "; " + why
			}
			if d.Code != diag.BuildFile || !read || why != "" {
				seen[f.Path] = true
				list = append(list, *d)
			}
		}
	}
	if slices.ContainsFunc(list, func(d report.Diagnostic) bool { return d.Severity == diag.Error }) {
		// The usual reason why the refused makefile has a line less.
		list = append(applied.Removed(func(path string) bool { return !ForeignArch(path, arch) }), list...)
	}
	return list
}

// makefileAdvice is the hint about makefiles in a patch.
const makefileAdvice = "a makefile of a patch can name new C files in obj-y, or among the objects of one that there is"

func (f *File) diagnose(arch string) *report.Diagnostic {
	d := report.Diagnostic{Source: f.Path}
	switch {
	case f.Kind == Ignorable:
		d.Code = diag.FileIgnored
		d.Message = f.Path + " is compiled into no kernel; left out"
	case ForeignArch(f.Path, arch) && (f.OldPath == "" || ForeignArch(f.OldPath, arch)):
		d.Code = diag.FileIgnored
		d.Message = f.Path + " belongs to another architecture"
	case f.Action == Chmod:
		d.Code = diag.FileIgnored
		d.Message = f.Path + " only gets other permissions, which are no part of the kernel"
	case f.Kind == Assembly:
		d.Code = diag.Assembly
		d.Message = f.Path + " is assembly, whose functions cannot be distinguished and replaced"
		d.Hint = "leave the file out if the fix works without it; otherwise the kernel has to be rebuilt"
	case f.Kind == BuildFile:
		d.Code = diag.BuildFile
		d.Message = f.Path + " takes part in the kernel's build, and a livepatch cannot redo that"
		d.Hint = "leave the file out if only its C files matter; otherwise the kernel has to be rebuilt"
	default:
		return nil
	}
	return new(report.Found(d))
}

// Removed refuses the C files that the patches delete or rename, if isUnit reports
// that they are compiled into the kernel.
func (r *Result) Removed(isUnit func(path string) bool) []report.Diagnostic {
	var list []report.Diagnostic
	for _, c := range r.Changes {
		if c.Patched != nil || c.Kind != Source || !isUnit(c.Path) {
			continue
		}
		d := report.Found(report.Diagnostic{Code: diag.FileRemoved, Source: c.Path,
			Message: c.Path + " is deleted: a livepatch replaces functions, and cannot take any out of the running kernel",
			Hint:    "keep the file, and change the functions that call into it"})
		if to := r.renamed(c.Path); to != "" {
			d.Message = fmt.Sprintf("%s is renamed to %s: the running kernel has its functions under the old name", c.Path, to)
			d.Hint = "make the change to " + c.Path + " under its old name"
		}
		list = append(list, d)
	}
	return list
}

// renamed is the new name of the file at path, empty if it has none.
func (r *Result) renamed(path string) string {
	for _, c := range r.Changes {
		if c.From == path && c.Path != path {
			return c.Path
		}
	}
	return ""
}

// Diagnostic is the failure for a report.
func (f *Failure) Diagnostic() report.Diagnostic {
	source := f.Path
	if f.Differs > 0 {
		source = fmt.Sprintf("%s:%d", f.Path, f.Differs)
	}
	d := report.Found(report.Diagnostic{Code: diag.PatchApply, Source: source, Message: f.String()})
	d.Hint = f.advice()
	return d
}

// AppliedDiagnostic is the note for a report that the kernel has all of p.
func (p *Patch) AppliedDiagnostic() report.Diagnostic {
	return report.Found(report.Diagnostic{Code: diag.PatchApplied,
		Message: p.Name + " is in this kernel's source already: all of it applies in reverse"})
}

// Diagnostic is the offset as a note for a report.
func (o Offset) Diagnostic() report.Diagnostic {
	message := fmt.Sprintf("hunk %d of %s applies %+d lines from the line that it names", o.Hunk, o.Patch, o.Lines)
	if o.Chosen != "" {
		message += "; of several places that match it was chosen by " + o.Chosen
	}
	return report.Found(report.Diagnostic{Code: diag.PatchOffset, Source: o.Path, Message: message})
}

// Diagnostic is the fuzz as a note for a report.
func (f Fuzz) Diagnostic() report.Diagnostic {
	return report.Found(report.Diagnostic{Code: diag.PatchFuzz, Source: fmt.Sprintf("%s:%d", f.Path, f.Line),
		Message: fmt.Sprintf("hunk %d of %s (%s) applies at line %d only with fuzz %d: "+
			"its outermost lines of context do not match", f.Hunk, f.Patch, f.Header, f.Line, f.Fuzz),
		Hint: "check that this is the intended place"})
}
