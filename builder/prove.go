package builder

import (
	"context"
	"path/filepath"
	"slices"

	"kintsugi/internal/baseproof"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// proven is a unit with the addresses of its original code in the kernel.
type proven struct {
	compiled
	orig  *objmodel.Object
	proof *baseproof.Proof
}

// prove finds every original function in the shipped image.
func prove(units []compiled) ([]proven, error) {
	list := make([]proven, 0, len(units))
	for _, u := range units {
		orig, err := load(u.Original)
		if err != nil {
			return nil, fault.Environmentf("%s: %w", u.Unit.Object, err)
		}
		list = append(list, proven{compiled: u, orig: orig, proof: baseproof.Prove(orig, u.owner.Image)})
	}
	return list, nil
}

func load(object []byte) (*objmodel.Object, error) {
	file, err := elfobj.Read(object)
	if err != nil {
		return nil, err
	}
	return objmodel.Load(file)
}

// reprove compiles some units once more without a section for each function:
// those of which the module needs something unproven. The assembler then makes
// jumps between functions of the section short, as in the kernel.
func reprove(ctx context.Context, s *session, parts []part) ([]part, error) {
	parts = slices.Clone(parts)
	for i := range parts {
		p := &parts[i]
		if p.readsKeys || !p.proof.Improvable() || !p.wantsProof() {
			continue
		}
		object, err := s.tools.CompilePlain(ctx, p.Unit, filepath.Join(s.work, "plain", filepath.Base(p.Unit.Object)))
		if err != nil {
			return nil, err
		}
		plain, err := load(object)
		if err != nil {
			return nil, fault.Environmentf("%s: %w", p.Unit.Object, err)
		}
		p.proof = p.proof.With(baseproof.Prove(plain, p.owner.Image))
	}
	return parts, nil
}

// wantsProof reports whether the module needs a symbol of the unit that has no
// proven address yet.
func (p *part) wantsProof() bool {
	for _, rep := range p.extract.Replacements {
		if p.proof.Unproven(rep.Func.Old) != "" {
			return true
		}
	}
	for _, e := range p.extract.Externals {
		known := false
		if e.Old != nil {
			_, known = p.proof.Addr(e.Old)
		} else {
			_, known = p.proof.SymbolAddr(e.Name)
		}
		if !known {
			return true
		}
	}
	return false
}

// describeProven reports how many functions of each unit are proven.
func describeProven(units []proven) []report.Unit {
	var list []report.Unit
	for _, u := range units {
		d := describeUnit(u.Unit, u.owner.Name)
		d.Proof = u.proof.Report()
		list = append(list, d)
	}
	return list
}

// describeReproven updates list with the number of proven functions of the parts.
func describeReproven(list []report.Unit, parts []part) []report.Unit {
	list = slices.Clone(list)
	for _, p := range parts {
		for i := range list {
			if list[i].Object == p.Unit.Object && list[i].Owner == p.owner.Name {
				list[i].Proof = p.proof.Report()
			}
		}
	}
	return list
}
