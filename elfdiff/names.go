package elfdiff

import (
	"debug/elf"
	"strings"
	"sync"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// names refuses symbols that both objects define with different meanings: an alias of another
// function, a variable that became a constant, code that moved into or out of init sections. Code
// outside the unit keeps using the kernel's meaning.
func (s *selection) names() {
	before := sync.OnceValue(func() map[string]*elfobj.Symbol { return definedOnce(s.orig) })
	for _, q := range s.patched.File.Symbols {
		b := s.patched.AtomOf(q)
		if b == nil {
			continue
		}
		p := s.sameSymbol(b, q)
		if p == nil {
			p = before()[q.Name]
		}
		if p == nil || !sourceName(q.Name) || b.Spec.Unowned {
			continue
		}
		a := s.orig.AtomOf(p)
		const hint = "Keep the meaning that the name has in the running kernel, and use another name for the new one."
		switch {
		case s.twin(a) != b && a.Kind == objmodel.Data && !a.Init():
			s.refuse(diag.DataChanged, b, dataAdvice, "%s becomes another kind of object: %s instead of %s", q.Name,
				sectionClass(b), sectionClass(a))
		case s.twin(a) != b || p.Value-a.Off != q.Value-b.Off:
			s.refuse(diag.SymbolMoved, b, hint, "the name %s has another meaning in the patched unit", q.Name)
		case (p.Bind == elf.STB_WEAK) != (q.Bind == elf.STB_WEAK):
			s.refuse(diag.SymbolMoved, b, hint,
				"%s changed between weak and strong, which decides whose definition the kernel uses", q.Name)
		case a.Kind != objmodel.Anon && baseSection(a) != baseSection(b) && !s.becomesWritable(b):
			s.remark(diag.SectionKept, b, "the patch moves %s to another section; the running kernel keeps it in its section",
				q.Name)
		}
	}
}

// sameSymbol returns the symbol of a's twin with the name of sym, if both are the main symbols of
// their atoms. This holds for almost all symbols, and avoids a search by name.
func (s *selection) sameSymbol(a *objmodel.Atom, sym *elfobj.Symbol) *elfobj.Symbol {
	if s.twin(a) == nil || a.Sym != sym || s.twin(a).Sym.Name != sym.Name {
		return nil
	}
	return s.twin(a).Sym
}

// sourceName reports whether a name is from the source. The compiler makes names with a dot. The
// first of several variables with one name has no number.
func sourceName(name string) bool {
	return !strings.Contains(name, ".") && objmodel.StableName(name) == name
}

// removals warns about global functions and objects that the patched object lacks. The kernel keeps
// them, although in a rebuilt kernel a weak definition of another unit might replace them.
func (s *selection) removals() {
	for _, p := range s.orig.File.Symbols {
		a := s.orig.AtomOf(p)
		if a == nil || s.sameSymbol(a, p) != nil || p.Bind == elf.STB_LOCAL || a.Init() || a.Spec.Unowned ||
			a.Kind != objmodel.Func && a.Kind != objmodel.Data || s.renamed[s.twin(a)] {
			continue
		}
		if _, still := s.defined()[p.Name]; !still {
			s.remark(diag.SymbolRemoved, a,
				"the patch removes %s, but the running kernel keeps it, even if a weak definition would replace it",
				p.Name)
		}
	}
}

// definedOnce returns the symbols of functions and objects by name, without names that occur twice.
func definedOnce(o *objmodel.Object) map[string]*elfobj.Symbol {
	m := make(map[string]*elfobj.Symbol, len(o.File.Symbols))
	for _, s := range o.File.Symbols {
		a := o.AtomOf(s)
		if s.Name == "" || a == nil || a.Kind != objmodel.Func && a.Kind != objmodel.Data {
			continue
		}
		if _, twice := m[s.Name]; twice {
			m[s.Name] = nil
			continue
		}
		m[s.Name] = s
	}
	return m
}

// baseSection returns the section of a without the suffixes of -ffunction-sections and
// -fdata-sections, and without the split into hot and cold. Names such as ".data..x" are sections
// of their own.
func baseSection(a *objmodel.Atom) string {
	name := a.Section.Name
	for _, base := range []string{".text", ".data", ".bss", ".rodata"} {
		rest, ok := strings.CutPrefix(name, base)
		switch {
		case !ok || strings.HasPrefix(rest, "..") || rest != "" && rest[0] != '.':
		case base == ".bss":
			return ".data" // only the initial value distinguishes the two
		default:
			return base
		}
	}
	return name
}
