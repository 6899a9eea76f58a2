package elfdiff

import (
	"slices"
	"strings"

	"kintsugi/internal/objmodel"
)

// matchMoved joins a static local with the one of its name whose function got
// another name or clone suffix, or that moved into a helper or out of one. The
// contents are the same, and exactly one variable of each object fits. The
// patched variables that were joined are returned.
func (p *Pairing) matchMoved() map[*objmodel.Atom]bool {
	return p.joinSole(func(a, b *objmodel.Atom) bool {
		return localName(a) == localName(b) && p.relatedUsers(a, b)
	})
}

// matchRenamed joins a static variable with one that has another name and takes
// its place: the same functions use it, and exactly one variable of each object
// fits. The patched variables that were joined are returned.
func (p *Pairing) matchRenamed() map[*objmodel.Atom]bool {
	return p.joinSole(func(a, b *objmodel.Atom) bool {
		return len(a.Users) > 0 && p.sameUsers(a, b)
	})
}

// leftScope are the static locals without a twin whose name is that of one that
// another function had and that has none either: the state can have moved. Only
// compilers that put the function before the name need this. The others give both
// one name.
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

// joinSole joins the variables without a twin that fits and their contents
// join one to one.
func (p *Pairing) joinSole(fits func(a, b *objmodel.Atom) bool) map[*objmodel.Atom]bool {
	joined := map[*objmodel.Atom]bool{}
	olds, news := p.openState(p.orig), p.openState(p.patched)
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

// sole is the only atom of list for which ok holds, nil for none or several.
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

// openState are the static variables of o without a twin.
func (p *Pairing) openState(o *objmodel.Object) []*objmodel.Atom {
	return slices.DeleteFunc(p.unmatched(o.Atoms), func(a *objmodel.Atom) bool { return !isState(a) || a.Global() })
}

// isState reports whether a is a variable in which the kernel keeps state that
// a patch can lose.
func isState(a *objmodel.Atom) bool {
	if a.Kind != objmodel.Data || a.Name == "" || a.Spec.Unowned || a.Spec.Registered || a.Describes() ||
		exchangeable(a) || limiter(a) {
		return false
	}
	class := sectionClass(a)
	return class == "writable" || class == "percpu"
}

// sameState reports whether a and b lie in sections of one kind and have the
// same size, initial bytes and pointers.
func (p *Pairing) sameState(a, b *objmodel.Atom) bool {
	if sectionClass(a) != sectionClass(b) || baseSection(a) != baseSection(b) || a.Size != b.Size {
		return false
	}
	c := newComparison(p)
	return c.same(a, b)
}

// localName is the name of a variable in the source: without the compiler's
// numbers, and without the function that clang puts before it.
func localName(a *objmodel.Atom) string {
	name := objmodel.StableName(a.Name)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// rootName is the name of a function without the suffixes of clones and parts.
func rootName(a *objmodel.Atom) string {
	root, _, _ := strings.Cut(objmodel.StableName(a.Name), ".")
	return root
}

// sameUsers reports whether the users of a and b are each other's twins, or of
// one name without the suffixes of clones.
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

// relatedUsers reports whether a function that uses a and one that uses b can
// have the same code.
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

// related reports whether code of u, a function of the original, can be in w of
// the patched object: w is u or a clone of it, one calls the other, or w has
// taken the place of u at a caller.
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
