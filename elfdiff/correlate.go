package elfdiff

import (
	"hash/maphash"
	"regexp"
	"slices"
	"sort"
	"strings"
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
	olds, news := groups(orig), groups(patched)
	keys := make([]groupKey, 0, len(news))
	for k := range news {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return news[keys[i]][0].order < news[keys[j]][0].order })
	for _, k := range keys {
		ambiguous = append(ambiguous, matchGroup(k, olds[k], news[k])...)
	}
	return ambiguous
}

// groupKey is what two atoms have in common that may be the same.
type groupKey struct {
	kind  Kind
	name  string // without the compiler's numbers
	class string // of the section
}

// groups are the named atoms of o, in object order.
func groups(o *Object) map[groupKey][]*Atom {
	m := map[groupKey][]*Atom{}
	for _, a := range o.Atoms {
		if a.Name == "" {
			continue
		}
		k := groupKey{kind: a.Kind, name: StableName(a.Name), class: sectionClass(a)}
		m[k] = append(m[k], a)
	}
	return m
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

var (
	compilerNumbers = regexp.MustCompile(`\.\d+`)
	// __UNIQUE_ID (include/linux/compiler-gcc.h) ends in __COUNTER__.
	uniqueID = regexp.MustCompile(`^(__UNIQUE_ID_.*?|__addressable_.*?|__exitcall_.*?)\d+$`)
	// __BTF_ID (include/linux/btf_ids.h) ends in __COUNTER__ and __LINE__.
	btfID = regexp.MustCompile(`^(__BTF_ID__.*?__)\d+$`)
	// __initcall_id (include/linux/init.h) has __COUNTER__ and __LINE__ between
	// the module and the function.
	initcallID = regexp.MustCompile(`^(__initcall__.*?)__\d+_\d+_(.*)$`)
)

// StableName is name without the numbers that a compiler, __UNIQUE_ID or an
// initcall puts into it and that shift when something else in the file changes.
func StableName(name string) string {
	if strings.IndexByte(name, '.') > 0 {
		name = compilerNumbers.ReplaceAllString(name, "")
	}
	switch {
	case strings.HasPrefix(name, "__BTF_ID__"):
		return btfID.ReplaceAllString(name, "$1")
	case strings.HasPrefix(name, "__initcall__"):
		return initcallID.ReplaceAllString(name, "${1}__$2")
	case strings.HasPrefix(name, "__"):
		return uniqueID.ReplaceAllString(name, "$1")
	}
	return name
}

func join(a, b *Atom) { a.twin, b.twin = b, a }

func matchGroup(k groupKey, olds, news []*Atom) (ambiguous []*Atom) {
	if len(olds) == 1 && len(news) == 1 {
		join(olds[0], news[0])
		return nil
	}
	if k.class != "writable" && k.class != "percpu" {
		olds, news = matchBy(olds, news, fullHash)
		olds, news = matchBy(olds, news, usersHash)
		olds, news = matchBy(olds, news, exactName)
	} else {
		olds, news = matchBy(olds, news, usersAndContent)
		olds, news = matchPointing(olds, news)
		olds, news = matchBy(olds, news, usersHash)
		olds, news = matchByContext(olds, news)
	}
	if len(olds) == 1 && len(news) == 1 && shareUser(olds[0], news[0]) {
		join(olds[0], news[0])
		return nil
	}
	if len(olds) > 0 && len(news) > 0 && (k.class == "writable" || k.class == "percpu") {
		return news
	}
	return nil
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
		h.WriteString(a.text(0))
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

// text is the string at off of a String atom, without its NUL.
func (a *Atom) text(off int64) string {
	b := a.Bytes()
	if off < 0 || off > int64(len(b)) {
		return ""
	}
	s := string(b[off:])
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return s
}
