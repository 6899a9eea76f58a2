package elfdiff

import (
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/objmodel"
)

// onceNames are the static locals of DO_ONCE (include/linux/once.h): the flag, and the static key
// of its branch.
var onceNames = []string{"___done", "___once_key"}

// matchOnce joins the static locals of DO_ONCE by the action of the macro: the same function does
// the same action, and each object has it only once. For example, net_get_random_once fills a
// variable, which distinguishes its flag and key from those of other variables.
func (p *Pairing) matchOnce(olds, news []*objmodel.Atom) (restOld, restNew []*objmodel.Atom) {
	before, after := deedsOf(olds), deedsOf(news)
	v := votes{}
	for deed, list := range after {
		if was := before[deed]; len(was) == 1 && len(list) == 1 {
			v.add(was[0], list[0])
		}
	}
	v.join(p)
	return p.unmatched(olds), p.unmatched(news)
}

// deedsOf groups the atoms of DO_ONCE by the action, and by the function that does it.
func deedsOf(list []*objmodel.Atom) map[string][]*objmodel.Atom {
	byDeed := map[string][]*objmodel.Atom{}
	for _, a := range list {
		if !slices.Contains(onceNames, localName(a)) {
			continue
		}
		for _, u := range a.Users {
			if deed := deedOf(u, a); deed != "" && !slices.Contains(byDeed[deed], a) {
				byDeed[deed] = append(byDeed[deed], a)
			}
		}
	}
	return byDeed
}

// deedOf returns the action that function u does once with a: the call before __do_once_done, and
// its arguments. It returns "" if u has no such code.
func deedOf(u, a *objmodel.Atom) string {
	for i := range u.Refs {
		if u.Refs[i].Atom == a && closesOnce(u.Refs[i:]) {
			return rootName(u) + "\x00" + callBefore(u.Refs[:i])
		}
	}
	return ""
}

// closesOnce reports whether the next call in refs is to __do_once_done or __do_once_sleepable_done
// (lib/once.c).
func closesOnce(refs []objmodel.Ref) bool {
	for i := range refs {
		if refs[i].Branch {
			name := refs[i].String()
			return strings.HasPrefix(name, "__do_once_") && strings.HasSuffix(name, "_done")
		}
	}
	return false
}

// callBefore returns the last call in refs as text, with the references before it, which belong to
// its arguments.
func callBefore(refs []objmodel.Ref) string {
	var parts []string
	calls := 0
	for i := len(refs) - 1; i >= 0 && calls < 2; i-- {
		r := &refs[i]
		if r.Branch {
			calls++
		}
		if calls < 2 && !(r.Atom != nil && slices.Contains(onceNames, localName(r.Atom))) {
			parts = append(parts, fmt.Sprintf("%s%+d", objmodel.StableName(referent(r)), r.Addend))
		}
	}
	slices.Sort(parts) // the compiler chooses the order of arguments
	return strings.Join(parts, "\x00")
}

// referent returns the name or the text that r refers to.
func referent(r *objmodel.Ref) string {
	if r.Atom != nil && r.Atom.Kind != objmodel.String {
		return r.Atom.String()
	}
	return (&objmodel.Ref{Atom: r.Atom, Sym: r.Sym}).String()
}
