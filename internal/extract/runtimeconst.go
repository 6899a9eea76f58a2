package extract

import (
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// loadConstants makes the functions of the module load their runtime constants.
func (x *extractor) loadConstants() {
	object := x.res.Patched
	for _, a := range x.res.Contents {
		for _, e := range a.Entries {
			if !objmodel.RuntimeConst(e.Section.Name) {
				continue
			}
			v, _ := object.RuntimeVariable(a, e)
			p := x.placed[a]
			f, _ := object.Arch.Code.LoadVariable(p.sec.Data[p.off:p.off+a.Size], e.Refs[0].Addend)
			rela := x.rela(p.sec)
			rela.Relocs = append(rela.Relocs,
				elfobj.Reloc{Offset: p.off + f.Off, Type: f.Type, Sym: x.variable(v), Addend: int64(f.Bias)})
		}
	}
}

// variable returns the symbol of v in the extracted file.
func (x *extractor) variable(v objmodel.RuntimeVariable) *elfobj.Symbol {
	switch {
	case v.Atom != nil:
		old := x.twin(v.Atom)
		return x.external(old.Name, old, old)
	case v.Sym != nil:
		return x.external(v.Name, v.Sym, nil)
	}
	return x.external(v.Name, v.Name, nil)
}
