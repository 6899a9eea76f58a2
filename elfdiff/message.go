package elfdiff

import (
	"slices"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/objmodel"
)

// ratelimit is the function that uses a ratelimit_state to decide whether a message is printed
// (include/linux/ratelimit.h).
const ratelimit = "___ratelimit"

// maxSteps limits the number of instructions that are read for one limiter.
const maxSteps = 400

// messages finds the messages of an object's limiters in its code.
type messages struct {
	obj  *objmodel.Object
	code map[*objmodel.Atom]*steps
}

// steps are the instructions of one function, decoded.
type steps struct {
	list  []objmodel.Step
	at    map[uint64]int  // index by place
	entry map[uint64]bool // places that branches lead to
}

func (m *messages) steps(a *objmodel.Atom) *steps {
	if c := m.code[a]; c != nil {
		return c
	}
	c := &steps{list: m.obj.Steps(a), at: map[uint64]int{}, entry: map[uint64]bool{}}
	for i := range c.list {
		s := &c.list[i]
		c.at[s.Off] = i
		if s.Branch && s.Flow != arch.Call && (s.To == nil || s.To.Atom == a) {
			c.entry[uint64(s.ToOff)] = true
		}
	}
	m.code[a] = c
	return c
}

// message identifies what code does when the limiter flag permits it: by the strings that it loads
// for the next call, or by the function that it calls without a string. It returns "" if the
// message is unknown.
func (m *messages) message(flag *objmodel.Atom, users []*objmodel.Atom) string {
	w := &walk{m: m, seen: map[place]bool{}}
	if m.obj.Arch.Code.Decode == nil {
		w.refs(flag, users)
		return w.text()
	}
	// Code that sets the flag is where the message is. Other references to the flag can also lead
	// past the message.
	w.uses(flag, users, true)
	if len(w.strings) == 0 {
		w.uses(flag, users, false)
	}
	return w.text()
}

// place is an instruction.
type place struct {
	in *objmodel.Atom
	i  int
}

// walk follows code from a limiter to its message.
type walk struct {
	m       *messages
	seen    map[place]bool
	strings []string
	callees []string // functions that are called without a string
}

func (w *walk) text() string {
	list := w.strings
	if len(list) == 0 {
		list = w.callees
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), "\x00")
}

// uses walks from the instructions that refer to flag: only from those that set it, or from all.
func (w *walk) uses(flag *objmodel.Atom, users []*objmodel.Atom, stores bool) {
	for _, u := range users {
		c := w.m.steps(u)
		for i := range c.list {
			s := &c.list[i]
			if stores && !s.Store || !slices.ContainsFunc(s.Refs, func(r objmodel.Ref) bool { return r.Atom == flag }) {
				continue
			}
			loaded := stores && w.before(c, i)
			w.from(place{u, i}, path{loaded: loaded})
		}
	}
}

// before loads the strings of the instructions before the i-th that are always executed with it. A
// compiler can load a string before it sets the flag.
func (w *walk) before(c *steps, i int) (loaded bool) {
	for ; i > 0 && !c.entry[c.list[i].Off]; i-- {
		if c.list[i-1].Flow != arch.Next {
			break
		}
		loaded = w.load(&c.list[i-1]) || loaded
	}
	return loaded
}

// path describes the way to an instruction.
type path struct {
	loaded bool // a string was loaded
	limit  bool // the next branch depends on the result of ratelimit
	passed bool // a call without a string was passed
}

// from follows code from an instruction to the next call for which a string is loaded. A call
// without a string can compute an argument of the message, so the code directly after it is read
// too.
func (w *walk) from(at place, p path) {
	for len(w.seen) < maxSteps && !w.seen[at] {
		c := w.m.steps(at.in)
		if at.i >= len(c.list) || p.passed && c.entry[c.list[at.i].Off] {
			return
		}
		w.seen[at] = true
		s := &c.list[at.i]
		p.loaded = w.load(s) || p.loaded
		next := place{at.in, at.i + 1}
		switch s.Flow {
		case arch.Call:
			if !w.call(s, &p) {
				return
			}
		case arch.Jump:
			to, inside := w.target(at.in, s)
			if !inside {
				w.call(s, &p)
				return
			}
			if p.passed {
				return
			}
			next = to
		case arch.Fork, arch.Equal, arch.Unequal:
			to, inside := w.target(at.in, s)
			switch {
			case p.passed:
				return
			case p.limit && s.Flow == arch.Equal, !inside:
			case p.limit && s.Flow == arch.Unequal:
				next = to
			default:
				w.from(to, p)
			}
			p.limit = false
		case arch.Stop:
			return
		}
		at = next
	}
}

// call reports whether the walk continues after the call s.
func (w *walk) call(s *objmodel.Step, p *path) bool {
	name := ""
	if s.To != nil {
		name = objmodel.StableName(s.To.String())
	}
	switch {
	case name == ratelimit:
		w.strings, *p = nil, path{limit: true}
		return true
	case arch.IsRuntime(name):
		return true
	case p.loaded:
		return false
	}
	if name != "" && !p.passed {
		w.callees = append(w.callees, name)
	}
	p.passed = true
	return true
}

// load records the strings that an instruction refers to.
func (w *walk) load(s *objmodel.Step) (loaded bool) {
	for i := range s.Refs {
		if text, ok := stringOf(&s.Refs[i]); ok {
			w.strings, loaded = append(w.strings, text), true
		}
	}
	return loaded
}

func stringOf(r *objmodel.Ref) (string, bool) {
	if r.Atom == nil || r.Atom.Kind != objmodel.String {
		return "", false
	}
	return r.Atom.Text(r.Addend), true
}

// target returns where a jump leads. inside is true if the target is in the same function or in a
// part of it.
func (w *walk) target(from *objmodel.Atom, s *objmodel.Step) (to place, inside bool) {
	in, off := from, s.ToOff
	if s.To != nil {
		in, off = s.To.Atom, s.To.Addend
		if in == nil || in.Kind != objmodel.Func || rootName(in) != rootName(from) {
			return place{}, false
		}
	}
	i, ok := w.m.steps(in).at[uint64(off)]
	return place{in, i}, ok
}

// refs is uses for a machine whose instructions are not decoded. It reads the strings between the
// calls around each reference to flag.
func (w *walk) refs(flag *objmodel.Atom, users []*objmodel.Atom) {
	for _, u := range users {
		for i := range u.Refs {
			if u.Refs[i].Atom == flag {
				w.refsAround(u.Refs, i)
			}
		}
	}
}

func (w *walk) refsAround(refs []objmodel.Ref, i int) {
	first := i
	for first > 0 && !refs[first-1].Branch {
		first--
	}
	for j := first; j < len(refs); j++ {
		r := &refs[j]
		if text, ok := stringOf(r); ok {
			w.strings = append(w.strings, text)
		}
		if !r.Branch || arch.IsRuntime(r.String()) {
			continue
		}
		if r.String() != ratelimit {
			w.callees = append(w.callees, objmodel.StableName(r.String()))
			return
		}
		w.strings = nil
	}
}
