package elfdiff

import (
	"hash/maphash"
	"slices"
	"sort"
	"strings"

	"kintsugi/internal/objmodel"
)

// correlate finds the atom of patched that corresponds to each named atom of orig, and joins the
// two as twins. The name decides, unless the compiler has numbered it. Numbered names (static
// locals, clones, generated identifiers) are grouped by the name without numbers. Within a group,
// atoms are matched by users, then by content, then by order.
//
// Limiters are joined only by their messages.
//
// It returns the writable atoms that can be joined in several ways with different effects, and the
// limiters whose message is in doubt.
func correlate(orig, patched *objmodel.Object) (
	pairs *Pairing, ambiguous []*objmodel.Atom, doubtful map[*objmodel.Atom]doubt) {
	p := newPairing(orig, patched)
	for _, g := range groups(orig, patched) {
		if len(g.news) > 0 {
			ambiguous = append(ambiguous, p.match(g)...)
		}
	}
	p.matchAliases()
	p.matchConstness()
	moved := p.matchMoved()
	ambiguous = append(ambiguous, p.leftScope()...)
	ambiguous = slices.DeleteFunc(ambiguous, func(b *objmodel.Atom) bool { return moved[b] })
	return p, ambiguous, p.matchLimiters()
}

// matchAliases joins atoms that share any name. Several symbols can be at one address, and an atom
// can be named after any of them.
func (p *Pairing) matchAliases() {
	byName := map[string]*objmodel.Atom{}
	for _, s := range p.orig.File.Symbols {
		if a := p.orig.AtomOf(s); a != nil && p.Twin(a) == nil && s.Name != "" && s.Value == a.Off && !limiter(a) {
			if _, twice := byName[s.Name]; twice {
				a = nil
			}
			byName[s.Name] = a
		}
	}
	for _, b := range p.patched.Atoms {
		if p.Twin(b) != nil || b.Sym == nil || limiter(b) {
			continue
		}
		for _, s := range b.Symbols() {
			if isState(b) && objmodel.StableName(s.Name) != s.Name {
				continue // numbered by the compiler: the group was already matched without the number
			}
			if a := byName[s.Name]; a != nil && p.Twin(a) == nil && a.Kind == b.Kind &&
				sectionClass(a) == sectionClass(b) && registeredText(a) == registeredText(b) {
				p.join(a, b)
				break
			}
		}
	}
}

// groupKey contains what atoms that may be twins have in common.
type groupKey struct {
	kind  objmodel.Kind
	name  string // name without the compiler's numbers
	file  string // file of a local symbol, in an object of several files
	class string // class of the section
	text  string // string that a registered object points at
}

// group contains the atoms with one key.
type group struct {
	groupKey
	olds, news []*objmodel.Atom
}

// groups returns the named atoms of both objects by key. Groups are in the order of the patched
// object.
func groups(orig, patched *objmodel.Object) []*group {
	var list []*group
	byKey := make(map[groupKey]*group, len(patched.File.Symbols))
	add := func(o *objmodel.Object, side func(*group) *[]*objmodel.Atom) {
		files := objmodel.FileBlocks(o.File)
		for _, a := range o.Atoms {
			if a.Name == "" || limiter(a) {
				continue
			}
			key := groupKey{kind: a.Kind, name: objmodel.StableName(a.Name), file: files[a.Sym],
				class: sectionClass(a), text: registeredText(a)}
			g := byKey[key]
			if g == nil {
				g = &group{groupKey: key}
				byKey[key], list = g, append(list, g)
			}
			*side(g) = append(*side(g), a)
		}
	}
	add(patched, func(g *group) *[]*objmodel.Atom { return &g.news })
	add(orig, func(g *group) *[]*objmodel.Atom { return &g.olds })
	for _, g := range list {
		sortByUse(g.olds)
		sortByUse(g.news)
	}
	return list
}

// registeredText returns the string that a registered object points at. The kernel keeps a pointer
// to it, so another text means another object.
func registeredText(a *objmodel.Atom) string {
	if a.Kind != objmodel.Data || !a.Spec.Registered {
		return ""
	}
	text := ""
	for _, r := range a.Refs {
		if r.Atom != nil && r.Atom.Kind == objmodel.String {
			text += "\x00" + r.Atom.Text(r.Addend)
		}
	}
	return text
}

// sectionClass separates atoms that cannot be the same function or object.
func sectionClass(a *objmodel.Atom) string {
	switch name := a.Section.Name; {
	case a.Init():
		return "init"
	case a.Kind == objmodel.Func:
		return "text"
	case strings.HasPrefix(name, ".data..percpu"):
		return "percpu"
	case !a.Writable():
		return "const"
	}
	return "writable"
}

// match joins the twins of a group and returns the atoms for which this is uncertain. In a group of
// writable atoms, a wrong guess would give the state of one variable to another.
func (p *Pairing) match(g *group) (ambiguous []*objmodel.Atom) {
	olds, news := g.olds, g.news
	if len(olds) == 1 && len(news) == 1 && olds[0].Name == g.name && news[0].Name == g.name {
		p.join(olds[0], news[0])
		return nil
	}
	if g.class != "writable" && g.class != "percpu" {
		olds, news = p.matchBy(olds, news, fullHash)
		olds, news = p.matchBy(olds, news, usersHash)
		olds, news = p.matchBy(olds, news, exactName)
		if len(olds) == 1 && len(news) == 1 {
			p.join(olds[0], news[0])
		}
		return nil
	}
	return p.matchWritable(olds, news)
}

// matchWritable joins variables by users and, if they contain pointers, by content. If only the
// order distinguishes several, they are joined in order and stay in doubt, unless their contexts
// agree.
func (p *Pairing) matchWritable(olds, news []*objmodel.Atom) (ambiguous []*objmodel.Atom) {
	olds, news = p.matchOnce(olds, news)
	before, after := contextsOf(olds), contextsOf(news)
	olds, news = p.matchPointing(olds, news)
	open := news
	olds, news = p.matchBy(olds, news, usersAndContent)
	olds, news = p.matchBy(olds, news, usersHash)
	for _, b := range open {
		twin := p.Twin(b)
		settled := twin == nil || !sharesUser(b) || exchangeable(b) && sameBytes(b, twin)
		if !settled && before().only(after().of[b], after()) != twin {
			ambiguous = append(ambiguous, b)
		}
	}
	olds, news = p.matchByContext(olds, news)
	if len(olds) == 1 && len(news) == 1 && shareUser(olds[0], news[0]) {
		p.join(olds[0], news[0])
		return ambiguous
	}
	if len(olds) > 0 {
		ambiguous = append(ambiguous, slices.DeleteFunc(news, exchangeable)...) // a new variable has its initial value
	}
	return ambiguous
}

// sharesUser reports whether a function that uses a uses another variable of its group too, so that
// users alone do not identify them.
func sharesUser(a *objmodel.Atom) bool {
	name := objmodel.StableName(a.Name)
	for _, u := range a.Users {
		for _, r := range u.Refs {
			if t := r.Atom; t != nil && t != a && t.Name != "" && t.Kind == a.Kind && objmodel.StableName(t.Name) == name {
				return true
			}
		}
	}
	return false
}

// matchPointing joins writable atoms by content if they contain pointers, which distinguish them.
func (p *Pairing) matchPointing(olds, news []*objmodel.Atom) (restOld, restNew []*objmodel.Atom) {
	for _, a := range slices.Concat(olds, news) {
		if len(a.Refs) == 0 {
			return olds, news
		}
	}
	return p.matchBy(olds, news, fullHash)
}

// matchBy joins atoms with the same key in their order, if both sides have the same number of them.
// The order can only matter if everything else is the same. It returns the remaining atoms.
func (p *Pairing) matchBy(olds, news []*objmodel.Atom, key func(*objmodel.Atom) uint64) (
	restOld, restNew []*objmodel.Atom) {
	byKey := map[uint64][]*objmodel.Atom{}
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
		p.join(candidates[0], b)
		byKey[k], count[k] = candidates[1:], count[k]-1
	}
	return p.unmatched(olds), restNew
}

var seed = maphash.MakeSeed()

// exactName is a key: the full name with its numbers.
func exactName(a *objmodel.Atom) uint64 { return maphash.String(seed, a.Name) }

// usersHash is a key: the stable names of the functions that use the atom.
func usersHash(a *objmodel.Atom) uint64 {
	names := map[string]bool{}
	for _, u := range a.Users {
		if u.Name != "" {
			names[strings.TrimSuffix(objmodel.StableName(u.Name), ".cold")] = true
		}
	}
	list := make([]string, 0, len(names))
	for n := range names {
		list = append(list, n)
	}
	sort.Strings(list)
	return maphash.String(seed, strings.Join(list, "\x00"))
}

// fullHash is a key: the contents, and the stable names of all references.
func fullHash(a *objmodel.Atom) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	hashContent(&h, a, 2)
	return h.Sum64()
}

func usersAndContent(a *objmodel.Atom) uint64 { return usersHash(a)*31 + fullHash(a) }

func hashContent(h *maphash.Hash, a *objmodel.Atom, depth int) {
	writeNumber(h, a.Size)
	if a.Kind == objmodel.String {
		h.Write(a.TextBytes(0))
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
			h.WriteString(objmodel.StableName(r.Atom.Name))
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

func shareUser(a, b *objmodel.Atom) bool {
	names := map[string]bool{}
	for _, u := range a.Users {
		names[objmodel.StableName(u.Name)] = true
	}
	for _, u := range b.Users {
		if u.Name != "" && names[objmodel.StableName(u.Name)] {
			return true
		}
	}
	return len(a.Users) == 0 && len(b.Users) == 0
}
