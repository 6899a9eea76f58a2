package patchfile

import (
	"fmt"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
)

// Diagnose says what cannot become a livepatch whatever the code is, as
// errors with the codes assembly and build-file, and which files have no part
// in one, as notes. The target's directory below arch/ is arch: files of other
// architectures are noted only. Makefiles that do no more than name new files
// are part of applied, what became of the patches, and nothing is said of them.
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
	return list
}

// makefileAdvice is what a makefile in a patch can do.
const makefileAdvice = "a makefile of a patch can name new C files in obj-y, or among the objects of one that there is"

func (f *File) diagnose(arch string) *report.Diagnostic {
	d := &report.Diagnostic{Severity: diag.Error, Source: f.Path}
	switch {
	case f.Kind == Ignorable:
		d.Code, d.Severity = diag.FileIgnored, diag.Note
		d.Message = f.Path + " is compiled into no kernel; left out"
	case ForeignArch(f.Path, arch) && (f.OldPath == "" || ForeignArch(f.OldPath, arch)):
		d.Code, d.Severity = diag.FileIgnored, diag.Note
		d.Message = f.Path + " belongs to another architecture"
	case f.Action == Chmod:
		d.Code, d.Severity = diag.FileIgnored, diag.Note
		d.Message = f.Path + " only gets other permissions, which are no part of the kernel"
	case f.Kind == Assembly:
		d.Code = diag.Assembly
		d.Message = f.Path + " is assembly, whose functions cannot be told apart and replaced"
		d.Hint = "leave the file out if the fix works without it; otherwise the kernel has to be rebuilt"
	case f.Kind == BuildFile:
		d.Code = diag.BuildFile
		d.Message = f.Path + " takes part in the kernel's build, and a livepatch cannot redo that"
		d.Hint = "leave the file out if only its C files matter; otherwise the kernel has to be rebuilt"
	default:
		return nil
	}
	return d
}

// Diagnostic is the failure for a report.
func (f *Failure) Diagnostic() report.Diagnostic {
	source := f.Path
	if f.Near > 0 {
		source = fmt.Sprintf("%s:%d", f.Path, f.Differs)
	}
	d := report.Diagnostic{Code: diag.PatchApply, Severity: diag.Error, Source: source, Message: f.String()}
	if f.Applied {
		d.Hint = "check whether this kernel has the change already"
	}
	return d
}

// Diagnostic is the offset as a note for a report.
func (o Offset) Diagnostic() report.Diagnostic {
	return report.Diagnostic{Code: diag.PatchOffset, Severity: diag.Note, Source: o.Path,
		Message: fmt.Sprintf("hunk %d of %s applies %+d lines from where it says", o.Hunk, o.Patch, o.Lines)}
}
