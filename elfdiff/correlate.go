package elfdiff

import (
	"hash/maphash"
	"slices"
	"sort"
	"strings"

	"kintsugi/internal/objmodel"
)

// correlate finds for every named atom of orig the same one in patched and
// joins the two through twin. Names decide where the compiler did not number
// them. Numbered ones (static locals, clones, generated identifiers) are
// grouped by the name without its numbers and matched inside the group by
// who uses them, by content and by order, in this sequence.
//
// Limiters are joined by their messages alone.
//
// It returns the writable atoms for which more than one reading is left and
// the readings differ in effect, and the limiters whose message is in doubt.
func correlate(orig, patched *objmodel.Object) (
	pairs *Pairing, ambiguous []*objmodel.Atom, doubtful map[*objmodel.Atom]doubt) {
	p := newPairing(orig, patched)
	for _, g := range groups(orig, patched) {
		if len(g.news) > 0 {
			ambiguous = append(ambiguous, p.match(g)...)
		}
	}
	p.matchAliases()
	moved := p.matchMoved()
	ambiguous = append(ambiguous, p.leftScope()...)
	ambiguous = slices.DeleteFunc(ambiguous, func(b *objmodel.Atom) bool { return moved[b] })
	return p, ambiguous, p.matchLimiters()
}

// matchAliases joins atoms that another of their names tells to be the same:
// of several symbols at one address, any can be the one that an atom is
// called by.
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
				continue // the compiler's number: the group has been matched without it
			}
			if a := byName[s.Name]; a != nil && p.Twin(a) == nil && a.Kind == b.Kind &&
				sectionClass(a) == sectionClass(b) && registeredText(a) == registeredText(b) {
				p.join(a, b)
				break
			}
		}
	}
}

// groupKey is what two atoms have in common that may be the same.
type groupKey struct {
	kind  objmodel.Kind
	name  string // without the compiler's numbers
	file  string // of a local symbol, in an object of several files
	class string // of the section
	text  string // that a registered object points at
}

// group is the atoms with one key.
type group struct {
	groupKey
	olds, news []*objmodel.Atom
}

// groups are the named atoms of both objects by what they have in common, those
// of the patched one in the order in which they come there.
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

// registeredText is the string that a registered object points at: the kernel
// keeps what is registered there, so another text is another object.
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

// sectionClass tells apart what cannot be the same function or object.
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

// match joins what is the same of a group and returns the atoms of which
// that is not certain: in a group of writable atoms a wrong guess would give
// one variable's state to another.
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

// matchWritable joins variables by who uses them and, where they have
// pointers in them, by content. Several that only their order tells apart are
// joined in order and stay in doubt, unless their surroundings agree.
func (p *Pairing) matchWritable(olds, news []*objmodel.Atom) (ambiguous []*objmodel.Atom) {
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
		ambiguous = append(ambiguous, slices.DeleteFunc(news, exchangeable)...) // a new one begins afresh
	}
	return ambiguous
}

// sharesUser reports whether a function that uses a uses another variable of its
// group, so that users alone do not tell which is which.
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

// matchPointing joins writable atoms by content where that tells them apart:
// where it has pointers in it.
func (p *Pairing) matchPointing(olds, news []*objmodel.Atom) (restOld, restNew []*objmodel.Atom) {
	for _, a := range slices.Concat(olds, news) {
		if len(a.Refs) == 0 {
			return olds, news
		}
	}
	return p.matchBy(olds, news, fullHash)
}

// matchBy joins the atoms with the same key, as long as both sides have the
// same number of them: then their order decides, which can only matter where
// all else is the same. It returns what is left.
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

// exactName keys an atom by its own name, numbers and all.
func exactName(a *objmodel.Atom) uint64 { return maphash.String(seed, a.Name) }

// usersHash keys an atom by the stable names of the functions that use it.
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

// fullHash keys an atom by its contents and the stable names of all that it refers to.
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
