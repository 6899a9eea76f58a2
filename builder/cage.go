package builder

import (
	"kintsugi/internal/cage"
	"kintsugi/internal/diag"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
)

// enclosed records the cage of the target's programs. It warns if there is none.
func (rec *record) enclosed(c cage.Cage, opts Options) {
	rec.rep.Cage = string(c.Kind)
	rec.rep.Target.Toolchain = toolchainOf(opts.Target)
	if opts.Cage.None && !c.In() {
		rec.rep.Diagnostics = append(rec.rep.Diagnostics, report.Found(report.Diagnostic{Code: diag.Uncaged,
			Message: "the compiler ran without a cage: a patch could read the files of this machine"}))
	}
}

func toolchainOf(t *target.Target) *report.Toolchain {
	if t.Toolchain == nil {
		return nil
	}
	rep := &report.Toolchain{Name: t.Toolchain.Name}
	for _, p := range t.Toolchain.Packages {
		rep.Packages = append(rep.Packages, report.ToolchainPackage{Name: p.Name, Version: p.Version, SHA256: p.SHA256})
	}
	return rep
}
