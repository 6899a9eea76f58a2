package elfdiff

import (
	"hash/maphash"
	"slices"
	"sort"
	"strings"

	"kintsugi/internal/elfobj"
)

// correlate finds for every named atom of orig the same one in patched and
// joins the two through twin. Names decide where the compiler did not number
// them. Numbered ones (static locals, clones, generated identifiers) are
// grouped by the name without its numbers and matched inside the group by
// who uses them, by content and by order, in this sequence.
//
// It returns the writable atoms for which more than one reading is left and
// the readings differ in effect.
func correlate(orig, patched *Object) (ambiguous []*Atom) {
	for _, g := range groups(orig, patched) {
		if len(g.news) > 0 {
			ambiguous = append(ambiguous, g.match()...)
		}
	}
	matchAliases(orig, patched)
	return ambiguous
}

// matchAliases joins atoms that another of their names tells to be the same:
// of several symbols at one address, any can be the one that an atom is
// called by.
func matchAliases(orig, patched *Object) {
	byName := map[string]*Atom{}
	for s, a := range orig.bySymbol {
		if a.twin == nil && s.Name != "" && s.Value == a.Off {
			if _, twice := byName[s.Name]; twice {
				a = nil
			}
			byName[s.Name] = a
		}
	}
	for _, b := range patched.Atoms {
		if b.twin != nil || len(b.Aliases) == 0 && b.Sym == nil {
			continue
		}
		for _, s := range b.symbols() {
			if a := byName[s.Name]; a != nil && a.twin == nil && a.Kind == b.Kind && sectionClass(a) == sectionClass(b) && a.limit() == b.limit() {
				join(a, b)
				break
			}
		}
	}
}

// symbols are all that a is called by.
func (a *Atom) symbols() []*elfobj.Symbol {
	if a.Sym == nil {
		return nil
	}
	return append([]*elfobj.Symbol{a.Sym}, a.Aliases...)
}

// groupKey is what two atoms have in common that may be the same.
type groupKey struct {
	kind  Kind
	name  string // without the compiler's numbers
	file  string // of a local symbol, in an object of several files
	class string // of the section
	limit string // see Atom.limit
}

// group is the atoms with one key.
type group struct {
	groupKey
	olds, news []*Atom
}

// groups are the named atoms of both objects by what they have in common, those
// of the patched one in the order in which they come there.
func groups(orig, patched *Object) []*group {
	var list []*group
	byKey := make(map[groupKey]*group, len(patched.bySymbol))
	add := func(o *Object, side func(*group) *[]*Atom) {
		files := fileBlocks(o.File)
		for _, a := range o.Atoms {
			if a.Name == "" {
				continue
			}
			key := groupKey{kind: a.Kind, name: StableName(a.Name), file: files[a.Sym], class: sectionClass(a), limit: a.limit()}
			g := byKey[key]
			if g == nil {
				g = &group{groupKey: key}
				byKey[key], list = g, append(list, g)
			}
			*side(g) = append(*side(g), a)
		}
	}
	add(patched, func(g *group) *[]*Atom { return &g.news })
	add(orig, func(g *group) *[]*Atom { return &g.olds })
	for _, g := range list {
		sortByUse(g.olds)
		sortByUse(g.news)
	}
	return list
}

// sectionClass tells apart what cannot be the same function or object.
func sectionClass(a *Atom) string {
	switch name := a.Section.Name; {
	case a.Init():
		return "init"
	case a.Kind == Func:
		return "text"
	case strings.HasPrefix(name, ".data..percpu"):
		return "percpu"
	case !a.Writable():
		return "const"
	}
	return "writable"
}

func join(a, b *Atom) { a.twin, b.twin = b, a }

// match joins what is the same of a group and returns the atoms of which
// that is not certain: in a group of writable atoms a wrong guess would give
// one variable's state to another.
func (g *group) match() (ambiguous []*Atom) {
	olds, news := g.olds, g.news
	if len(olds) == 1 && len(news) == 1 && olds[0].Name == g.name && news[0].Name == g.name {
		join(olds[0], news[0])
		return nil
	}
	if g.class != "writable" && g.class != "percpu" {
		olds, news = matchBy(olds, news, fullHash)
		olds, news = matchBy(olds, news, usersHash)
		olds, news = matchBy(olds, news, exactName)
		if len(olds) == 1 && len(news) == 1 {
			join(olds[0], news[0])
		}
		return nil
	}
	return matchWritable(olds, news)
}

// matchWritable joins variables by who uses them and, where they have
// pointers in them, by content. Several that only their order tells apart are
// joined in order and stay in doubt, unless their surroundings agree.
func matchWritable(olds, news []*Atom) (ambiguous []*Atom) {
	before, after := contextsOf(olds), contextsOf(news)
	olds, news = matchPointing(olds, news)
	open := news
	olds, news = matchBy(olds, news, usersAndContent)
	olds, news = matchBy(olds, news, usersHash)
	for _, b := range open {
		settled := b.twin == nil || !b.crowded() || b.exchangeable() && sameBytes(b, b.twin)
		if !settled && before().only(after().of[b], after()) != b.twin {
			ambiguous = append(ambiguous, b)
		}
	}
	olds, news = matchByContext(olds, news)
	if len(olds) == 1 && len(news) == 1 && shareUser(olds[0], news[0]) {
		join(olds[0], news[0])
		return ambiguous
	}
	if len(olds) > 0 {
		ambiguous = append(ambiguous, slices.DeleteFunc(news, (*Atom).exchangeable)...) // a new one begins afresh
	}
	return ambiguous
}

// crowded reports whether a function that uses a uses another variable of its
// group, so that users alone do not tell which is which.
func (a *Atom) crowded() bool {
	name := StableName(a.Name)
	for _, u := range a.users {
		for _, r := range u.Refs {
			if t := r.Atom; t != nil && t != a && t.Name != "" && t.Kind == a.Kind && StableName(t.Name) == name {
				return true
			}
		}
	}
	return false
}

// matchPointing joins writable atoms by content where that tells them apart:
// where it has pointers in it.
func matchPointing(olds, news []*Atom) (restOld, restNew []*Atom) {
	for _, a := range slices.Concat(olds, news) {
		if len(a.Refs) == 0 {
			return olds, news
		}
	}
	return matchBy(olds, news, fullHash)
}

// matchBy joins the atoms with the same key, as long as both sides have the
// same number of them: then their order decides, which can only matter where
// all else is the same. It returns what is left.
func matchBy(olds, news []*Atom, key func(*Atom) uint64) (restOld, restNew []*Atom) {
	byKey := map[uint64][]*Atom{}
	count := map[uint64]int{}
	for _, a := range olds {
		k := key(a)
		byKey[k] = append(byKey[k], a)
	}
	for _, b := range news {
		count[key(b)]++
	}
	for _, b := range news {
		k := key(b)
		candidates := byKey[k]
		if len(candidates) == 0 || len(candidates) != count[k] {
			restNew = append(restNew, b)
			continue
		}
		join(candidates[0], b)
		byKey[k], count[k] = candidates[1:], count[k]-1
	}
	return unmatched(olds), restNew
}

var seed = maphash.MakeSeed()

// exactName keys an atom by its own name, numbers and all.
func exactName(a *Atom) uint64 { return maphash.String(seed, a.Name) }

// usersHash keys an atom by the stable names of the functions that use it.
func usersHash(a *Atom) uint64 {
	names := map[string]bool{}
	for _, u := range a.users {
		if u.Name != "" {
			names[strings.TrimSuffix(StableName(u.Name), ".cold")] = true
		}
	}
	list := make([]string, 0, len(names))
	for n := range names {
		list = append(list, n)
	}
	sort.Strings(list)
	return maphash.String(seed, strings.Join(list, "\x00"))
}

// fullHash keys an atom by its contents and the stable names of all that it refers to.
func fullHash(a *Atom) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	hashContent(&h, a, 2)
	return h.Sum64()
}

func usersAndContent(a *Atom) uint64 { return usersHash(a)*31 + fullHash(a) }

func hashContent(h *maphash.Hash, a *Atom, depth int) {
	writeNumber(h, a.Size)
	if a.Kind == String {
		h.Write(a.text(0))
		return
	}
	h.Write(a.Bytes())
	for _, r := range a.Refs {
		writeNumber(h, r.Off)
		writeNumber(h, uint64(r.Addend))
		switch {
		case r.Sym != nil:
			h.WriteString(r.Sym.Name)
		case r.Atom != nil && r.Atom.Name != "":
			h.WriteString(StableName(r.Atom.Name))
		case r.Atom != nil && depth > 0:
			hashContent(h, r.Atom, depth-1)
		}
	}
}

func writeNumber(h *maphash.Hash, n uint64) {
	var b [8]byte
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	h.Write(b[:])
}

func shareUser(a, b *Atom) bool {
	names := map[string]bool{}
	for _, u := range a.users {
		names[StableName(u.Name)] = true
	}
	for _, u := range b.users {
		if u.Name != "" && names[StableName(u.Name)] {
			return true
		}
	}
	return len(a.users) == 0 && len(b.users) == 0
}

// Text is the string at off of a String atom, without its end. A character
// has as many bytes as its section says.
func (a *Atom) Text(off int64) string { return string(a.text(off)) }

func (a *Atom) text(off int64) []byte {
	b := a.Bytes()
	if off < 0 || off > int64(len(b)) {
		return nil
	}
	b = b[off:]
	unit := int(max(a.Section.EntSize, 1))
	for i := 0; i+unit <= len(b); i += unit {
		if isZero(b[i : i+unit]) {
			return b[:i]
		}
	}
	return b
}
