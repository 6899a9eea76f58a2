package elfdiff_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
)

// program is generated C: functions with static locals and limited messages.
type program struct {
	functions []*function
	fresh     int // number of the next new item
}

// function is a generated function. It has its own lines.
type function struct {
	name, caller string // caller: the function that calls a static one; empty for a global one
	lines        []line
}

// line is one statement, with what must stay the same for its state to be kept.
type line struct {
	limiter, text string // of a message: the limiting macro and the text
	variable      string // a static local
	initial       int    // initial value of variable, unique among all variables
	number        int    // number in plain code
}

var limiterKinds = []string{"printk_once", "dev_once", "printk_ratelimited"}

// newProgram returns a program of n cases. A case is a helper and two functions.
func newProgram(random *rand.Rand, n int) *program {
	p := &program{}
	for i := range n {
		first := fmt.Sprintf("c%d_first", i)
		for _, f := range []*function{{name: fmt.Sprintf("c%d_helper", i), caller: first}, {name: first},
			{name: fmt.Sprintf("c%d_second", i)}} {
			for range 1 + random.Intn(4) {
				f.lines = append(f.lines, p.newLine(random))
			}
			p.functions = append(p.functions, f)
		}
	}
	return p
}

func (p *program) newLine(random *rand.Rand) line {
	p.fresh++
	switch random.Intn(5) {
	case 0:
		return line{number: p.fresh}
	case 1:
		return line{variable: []string{"count", "seen", "last"}[random.Intn(3)], initial: p.fresh}
	}
	text := fmt.Sprintf("message %d", p.fresh)
	if random.Intn(4) == 0 {
		text = "equal message"
	}
	return line{limiter: limiterKinds[random.Intn(len(limiterKinds))], text: text}
}

// clone returns a copy that can be changed.
func (p *program) clone() *program {
	q := &program{fresh: p.fresh}
	for _, f := range p.functions {
		g := *f
		g.lines = slices.Clone(f.lines)
		q.functions = append(q.functions, &g)
	}
	return q
}

// change makes one random change to the i-th case.
func (p *program) change(random *rand.Rand, i int) {
	prefix := fmt.Sprintf("c%d_", i)
	var mine []*function
	for _, f := range p.functions {
		if strings.HasPrefix(f.name, prefix) {
			mine = append(mine, f)
		}
	}
	f, g := mine[random.Intn(len(mine))], mine[random.Intn(len(mine))]
	at := random.Intn(len(f.lines) + 1)
	p.fresh++
	switch random.Intn(7) {
	case 0: // a line is added
		f.lines = slices.Insert(f.lines, at, p.newLine(random))
	case 1: // a line is removed
		if at < len(f.lines) {
			f.lines = slices.Delete(f.lines, at, at+1)
		}
	case 2: // a line moves
		if at < len(f.lines) {
			l := f.lines[at]
			f.lines = slices.Delete(f.lines, at, at+1)
			g.lines = append(g.lines, l)
		}
	case 3: // a name, a text or a number changes
		if at < len(f.lines) {
			f.lines[at].rename(p.fresh)
		}
	case 4: // a message is duplicated
		if at < len(f.lines) && f.lines[at].text != "" {
			f.lines = append(f.lines, f.lines[at])
		}
	case 5: // a static function has another name
		if mine[0].caller != "" {
			mine[0].name = fmt.Sprintf("%srenamed_%d", prefix, p.fresh)
		}
	case 6: // the order of functions changes
		j, k := slices.Index(p.functions, f), slices.Index(p.functions, g)
		if f.caller == "" && g.caller == "" {
			p.functions[j], p.functions[k] = g, f
		}
	}
}

func (l *line) rename(n int) {
	switch {
	case l.variable != "":
		l.variable = fmt.Sprintf("variable_%d", n)
	case l.text != "":
		l.text = fmt.Sprintf("message %d", n)
	default:
		l.number = n
	}
}

// source returns the C source of p, and the statement of each of its lines.
func (p *program) source() (text string, lines map[int]line) {
	lines = map[int]line{}
	var b strings.Builder
	n := 1
	put := func(l line, format string, args ...any) {
		fmt.Fprintf(&b, format+"\n", args...)
		lines[n] = l
		n++
	}
	b.WriteString(limiterMacros + "#line 1\n")
	for _, f := range p.functions {
		if f.caller != "" {
			put(line{}, "static noinline int %s(int x);", f.name)
		}
	}
	for _, f := range p.functions {
		kind := ""
		if f.caller != "" {
			kind = "static noinline "
		}
		put(line{}, "%sint %s(int x) {", kind, f.name)
		for i, l := range f.lines {
			put(l, "%s", l.source(i))
		}
		for _, g := range p.functions {
			if g.caller == f.name {
				put(line{}, "x ^= %s(x);", g.name)
			}
		}
		put(line{}, "return external(x); }")
	}
	return b.String(), lines
}

func (l *line) source(i int) string {
	switch {
	case l.variable != "":
		return fmt.Sprintf("{ static int %s = %d; %s += x; x ^= external(%s); }",
			l.variable, l.initial, l.variable, l.variable)
	case l.text != "":
		return fmt.Sprintf("if (x == %d) %s(%q);", i+100, l.limiter, l.text)
	}
	return fmt.Sprintf("x += external(%d);", l.number)
}
