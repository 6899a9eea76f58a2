package elfdiff

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/diag"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

// limiterNames are the static locals with which the kernel's macros limit a message. They are in
// sections of their own (arch.IsOnce; include/linux/once_lite.h), or among other data
// (printk_ratelimited, include/linux/printk.h; dev_level_once,
// include/linux/dev_printk.h; drm_dbg_ratelimited, include/drm/drm_print.h).
var limiterNames = []string{"__already_done", "__print_once", "__warned", "_rs", "rs_"}

// limiter reports whether a limits a message. The ___done of DO_ONCE (include/linux/once.h) does
// not: it records that something is initialized.
func limiter(a *objmodel.Atom) bool {
	if a.Kind != objmodel.Data || !a.Writable() {
		return false
	}
	if arch.IsOnce(a.Section.Name) {
		return localName(a) != "___done"
	}
	return strings.Contains(a.Name, ".") && slices.Contains(limiterNames, localName(a))
}

// limited is a use of a limiter: one function, and the message that is limited there.
type limited struct {
	flag  *objmodel.Atom
	what  string // the message, and everything else that must be the same
	known bool   // the message is known
}

// limiters are the limiters of an object by the function that uses them, in the order of the
// function's code. The parts and clones of a function count as one function.
type limiters map[string][]limited

func limitersOf(o *objmodel.Object) limiters {
	m := messages{obj: o, code: map[*objmodel.Atom]*steps{}}
	files := objmodel.FileBlocks(o.File)
	all := limiters{}
	for _, a := range o.Atoms {
		if !limiter(a) {
			continue
		}
		for user, parts := range usersByName(a) {
			text := m.message(a, parts)
			what := fmt.Sprintf("%s\x00%s\x00%d\x00%s\x00%s", files[a.Sym], objmodel.StableName(a.Name), a.Size, a.Bytes(), text)
			all[user] = append(all[user], limited{a, what, text != ""})
		}
	}
	for _, list := range all {
		byCode(list)
	}
	return all
}

// usersByName returns the functions that use the limiter a, by name.
func usersByName(a *objmodel.Atom) map[string][]*objmodel.Atom {
	byName := map[string][]*objmodel.Atom{}
	for _, u := range a.Users {
		if u.Kind == objmodel.Func {
			byName[rootName(u)] = append(byName[rootName(u)], u)
		}
	}
	return byName
}

// what returns what the function u limits with flag.
func (l limiters) what(u, flag *objmodel.Atom) string {
	for _, m := range l[rootName(u)] {
		if m.flag == flag {
			return m.what
		}
	}
	return ""
}

// byCode sorts limiters by their first use in the code.
func byCode(list []limited) {
	if len(list) < 2 {
		return
	}
	sites := map[*objmodel.Atom]useSite{}
	for _, l := range list {
		sites[l.flag] = firstUse(l.flag)
	}
	slices.SortStableFunc(list, func(a, b limited) int {
		p, q := sites[a.flag], sites[b.flag]
		return cmp.Or(cmp.Compare(p.user, q.user), cmp.Compare(p.off, q.off))
	})
}

// doubt is why it is unknown whether the message of a limiter has already been printed.
type doubt struct {
	user  string // the function that uses the limiter
	known bool   // the message is known, and equal to others
}

// matchLimiters joins limiters that the same function uses in both objects for the same message.
// Every other limiter is new: if a new message got the state of an old one, it might never be
// printed. It returns the patched limiters for which it is unknown whether they limit the same
// message.
func (p *Pairing) matchLimiters() map[*objmodel.Atom]doubt {
	olds, news := limitersOf(p.orig), limitersOf(p.patched)
	doubtful := map[*objmodel.Atom]doubt{}
	if len(olds) == 0 || len(news) == 0 {
		return doubtful
	}
	p.matchUnchanged(olds, news)
	v := votes{}
	for user, list := range news {
		p.vote(v, olds[user], list, func(l limited) { doubtful[l.flag] = doubt{user, l.known} })
	}
	v.join(p)
	maps.DeleteFunc(doubtful, func(b *objmodel.Atom, _ doubt) bool { return p.Twin(b) != nil })
	return doubtful
}

// matchUnchanged joins the limiters of functions with equal code and equal messages by their place
// in the code.
func (p *Pairing) matchUnchanged(olds, news limiters) {
	for _, w := range p.patched.Atoms {
		if u := p.Twin(w); w.Kind == objmodel.Func && u != nil {
			for _, pair := range sameLimiters(u, w, olds, news) {
				if p.Twin(pair[0]) == nil && p.Twin(pair[1]) == nil {
					p.join(pair[0], pair[1])
				}
			}
		}
	}
}

// sameLimiters returns the limiters at the same places of u and w. The result is nil if other code
// or another message is between them.
func sameLimiters(u, w *objmodel.Atom, olds, news limiters) (pairs [][2]*objmodel.Atom) {
	if len(u.Refs) != len(w.Refs) || !bytes.Equal(u.Bytes(), w.Bytes()) {
		return nil
	}
	for i := range w.Refs {
		a, b := u.Refs[i].Atom, w.Refs[i].Atom
		if b == nil || !limiter(b) {
			continue
		}
		if a == nil || !limiter(a) || u.Refs[i].Off != w.Refs[i].Off || olds.what(u, a) != news.what(w, b) {
			return nil
		}
		pairs = append(pairs, [2]*objmodel.Atom{a, b})
	}
	return pairs
}

// vote votes for the limiters that one function uses for one message, in order, if their number has
// not changed. If it has, it is unknown which limiter is new or removed.
func (p *Pairing) vote(v votes, olds, news []limited, doubt func(limited)) {
	before, after := p.open(olds), p.open(news)
	for what, list := range after {
		was := before[what]
		for i, l := range list {
			switch {
			case l.known && len(was) == len(list):
				v.add(was[i].flag, l.flag)
			case len(was) > 0:
				doubt(l)
			}
		}
	}
}

// open returns the limiters of list without a twin, by what they limit.
func (p *Pairing) open(list []limited) map[string][]limited {
	open := map[string][]limited{}
	for _, l := range list {
		if p.Twin(l.flag) == nil {
			open[l.what] = append(open[l.what], l)
		}
	}
	return open
}

// votes are the limiters that functions treat as the same, in both directions. Several functions
// use the limiter of an inlined function, and can disagree.
type votes map[*objmodel.Atom]map[*objmodel.Atom]bool

func (v votes) add(a, b *objmodel.Atom) {
	for _, pair := range [][2]*objmodel.Atom{{a, b}, {b, a}} {
		if v[pair[0]] == nil {
			v[pair[0]] = map[*objmodel.Atom]bool{}
		}
		v[pair[0]][pair[1]] = true
	}
}

// join joins the limiters without a contradiction.
func (v votes) join(p *Pairing) {
	for _, a := range p.orig.Atoms {
		for b := range v[a] {
			if len(v[a]) == 1 && len(v[b]) == 1 {
				p.join(a, b)
			}
		}
	}
}

// matchSoleMessages joins limiters if each object has exactly one for a message, in any function.
// It is for two objects of the same source.
func (p *Pairing) matchSoleMessages() {
	olds, news := limitersOf(p.orig).byMessage(), limitersOf(p.patched).byMessage()
	for what, list := range news {
		was := olds[what]
		if len(was) == 1 && len(list) == 1 && p.Twin(was[0]) == nil && p.Twin(list[0]) == nil {
			p.join(was[0], list[0])
		}
	}
}

// byMessage returns the limiters whose message is known, by what they limit.
func (l limiters) byMessage() map[string][]*objmodel.Atom {
	byMessage := map[string][]*objmodel.Atom{}
	for _, list := range l {
		for _, m := range list {
			if m.known && !slices.Contains(byMessage[m.what], m.flag) {
				byMessage[m.what] = append(byMessage[m.what], m.flag)
			}
		}
	}
	return byMessage
}

// limiters reports the included limiters that are new because it is unknown whether their message
// has already been printed.
func (s *selection) limiters() {
	for _, b := range s.patched.Atoms {
		d, doubtful := s.doubtful[b]
		if !doubtful || s.reasons[b] == nil {
			continue
		}
		message := fmt.Sprintf("the code of %s does not show which message is limited, so it can be printed again", d.user)
		if d.known {
			message = fmt.Sprintf("%s limits equal messages, and the patch changes how many: "+
				"which of them were printed is unknown, so each can be printed again", d.user)
		}
		s.diagnose(report.Found(report.Diagnostic{Code: diag.LimiterReset, Symbol: d.user, Message: message}))
	}
}
