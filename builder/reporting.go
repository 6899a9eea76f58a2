package builder

import (
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
)

// contents reports the functions and data of the module, and its references to
// the kernel. changes are numbered like debug info.
func (rec *record) contents(parts []resolved, changes map[string]*patchfile.Change) {
	rep := rec.rep
	for i, p := range parts {
		causes := p.causes(changes)
		for _, f := range p.diff.Functions {
			out := report.Function{Name: f.Name, Object: p.owner.Name, Unit: p.Unit.Source,
				Status: report.StatusNew, NewSize: f.New.Size, Cause: causes[f]}
			if f.Old != nil {
				out.Status, out.OldSize, out.SymPos = report.StatusChanged, f.Old.Size, p.targets[f].SymPos
			}
			rep.Functions = append(rep.Functions, out)
		}
		for _, d := range p.diff.Data {
			rep.Data = append(rep.Data,
				report.Data{Name: d.Name, Object: p.owner.Name, Unit: p.Unit.Source, Status: d.Status})
		}
		rep.References = append(rep.References, parts[i].resolution.References...)
	}
}
