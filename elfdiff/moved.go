package elfdiff

import (
	"maps"
	"slices"
	"strings"

	"kintsugi/internal/objmodel"
)

// matchMoved joins static locals with the same name although their function has another name or
// clone suffix, or although the variable moved into or out of a helper. The contents must be equal,
// and exactly one variable of each object must fit. It returns the patched variables that were
// joined.
func (p *Pairing) matchMoved() map[*objmodel.Atom]bool {
	return p.joinSole(p.openState, func(a, b *objmodel.Atom) bool {
		return localName(a) == localName(b) && p.relatedUsers(a, b)
	})
}

// matchRenamed joins a variable with one that has another name and replaces it: the same
// functions use it, and exactly one variable of each object fits. It returns the patched variables
// that were joined. Users of a global variable can be in other units as well (see Disagrees).
func (p *Pairing) matchRenamed() map[*objmodel.Atom]bool {
	sameUsers := func(a, b *objmodel.Atom) bool { return len(a.Users) > 0 && p.sameUsers(a, b) }
	joined := p.joinSole(p.openState, sameUsers)
	maps.Copy(joined, p.joinSole(p.openGlobals, sameUsers))
	return joined
}

// leftScope returns the static locals without a twin whose state can have moved: another function
// had a variable with the same name, which has no twin either. This is needed only for compilers
// that put the function before the name. Others give both variables one name.
func (p *Pairing) leftScope() []*objmodel.Atom {
	var left []*objmodel.Atom
	olds := p.openState(p.orig)
	for _, b := range p.openState(p.patched) {
		moved := func(a *objmodel.Atom) bool {
			return localName(a) == localName(b) && sectionClass(a) == sectionClass(b) &&
				objmodel.StableName(a.Name) != objmodel.StableName(b.Name)
		}
		if slices.ContainsFunc(olds, moved) {
			left = append(left, b)
		}
	}
	return left
}

// joinSole joins variables of open if fits holds and their contents correspond one to one.
func (p *Pairing) joinSole(open func(*objmodel.Object) []*objmodel.Atom,
	fits func(a, b *objmodel.Atom) bool) map[*objmodel.Atom]bool {
	joined := map[*objmodel.Atom]bool{}
	olds, news := open(p.orig), open(p.patched)
	if len(olds) == 0 || len(news) == 0 {
		return joined
	}
	couples := func(a, b *objmodel.Atom) bool { return p.sameState(a, b) && fits(a, b) }
	for _, b := range news {
		a := sole(olds, func(a *objmodel.Atom) bool { return couples(a, b) })
		if a != nil && sole(news, func(c *objmodel.Atom) bool { return couples(a, c) }) == b {
			joined[b] = true
			p.join(a, b)
		}
	}
	return joined
}

// sole returns the only atom of list for which ok holds, or nil if there is none or several.
func sole(list []*objmodel.Atom, ok func(*objmodel.Atom) bool) *objmodel.Atom {
	var found *objmodel.Atom
	for _, a := range list {
		if !ok(a) {
			continue
		}
		if found != nil {
			return nil
		}
		found = a
	}
	return found
}

// openState returns the static variables of o without a twin.
func (p *Pairing) openState(o *objmodel.Object) []*objmodel.Atom {
	return slices.DeleteFunc(p.unmatched(o.Atoms), func(a *objmodel.Atom) bool { return !isState(a) || a.Global() })
}

// openGlobals returns the global variables of o without a twin.
func (p *Pairing) openGlobals(o *objmodel.Object) []*objmodel.Atom {
	return slices.DeleteFunc(p.unmatched(o.Atoms), func(a *objmodel.Atom) bool { return !isState(a) || !a.Global() })
}

// isState reports whether a is a variable in which the kernel keeps state that a patch can lose.
func isState(a *objmodel.Atom) bool {
	if a.Kind != objmodel.Data || a.Name == "" || a.Spec.Unowned || a.Spec.Registered || a.Describes() ||
		exchangeable(a) || limiter(a) {
		return false
	}
	class := sectionClass(a)
	return class == "writable" || class == "percpu"
}

// sameState reports whether a and b are in sections of the same kind and have the same size,
// initial bytes and pointers.
func (p *Pairing) sameState(a, b *objmodel.Atom) bool {
	if sectionClass(a) != sectionClass(b) || baseSection(a) != baseSection(b) || a.Size != b.Size {
		return false
	}
	c := newComparison(p)
	return c.same(a, b)
}

// localName returns the name of a variable in the source: without the compiler's numbers, and
// without the function that clang puts before it.
func localName(a *objmodel.Atom) string {
	name := objmodel.StableName(a.Name)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// rootName returns the name of a function without the suffixes of clones and parts.
func rootName(a *objmodel.Atom) string {
	root, _, _ := strings.Cut(objmodel.StableName(a.Name), ".")
	return root
}

// sameUsers reports whether the users of a and b are twins, or have the same name apart from
// suffixes of clones.
func (p *Pairing) sameUsers(a, b *objmodel.Atom) bool {
	same := func(u, w *objmodel.Atom) bool {
		return p.Twin(u) == w || u.Name != "" && u.Kind == w.Kind && rootName(u) == rootName(w)
	}
	for _, u := range a.Users {
		if u != a && !slices.ContainsFunc(b.Users, func(w *objmodel.Atom) bool { return same(u, w) }) {
			return false
		}
	}
	for _, w := range b.Users {
		if w != b && !slices.ContainsFunc(a.Users, func(u *objmodel.Atom) bool { return same(u, w) }) {
			return false
		}
	}
	return true
}

// relatedUsers reports whether a user of a and a user of b can contain the same code.
func (p *Pairing) relatedUsers(a, b *objmodel.Atom) bool {
	for _, u := range a.Users {
		for _, w := range b.Users {
			if u.Kind == objmodel.Func && w.Kind == objmodel.Func && p.related(u, w) {
				return true
			}
		}
	}
	return false
}

// related reports whether code of u, a function of the original, can be in w of the patched object:
// w is u or a clone of it, one calls the other, or a caller of u now calls w instead.
func (p *Pairing) related(u, w *objmodel.Atom) bool {
	switch before, after := p.Twin(w), p.Twin(u); {
	case after == w || rootName(u) == rootName(w):
		return true
	case after != nil && (refersTo(after, w) || refersTo(w, after)):
		return true
	case before != nil && (refersTo(before, u) || refersTo(u, before)):
		return true
	case after != nil || before != nil:
		return false
	}
	return slices.ContainsFunc(u.Users, func(c *objmodel.Atom) bool {
		return p.Twin(c) != nil && refersTo(p.Twin(c), w)
	})
}

func refersTo(a, b *objmodel.Atom) bool { return slices.Contains(b.Users, a) }
