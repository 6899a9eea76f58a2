package report

import (
	"fmt"
	"strconv"
	"strings"

	"kintsugi/internal/text"
)

func (r *Report) testText() string {
	if r.Test == nil {
		return ""
	}
	return "test\n" + r.Test.verdictText() + r.Test.modulesText() + r.Test.objectsText() +
		r.Test.exercisedText() + r.Test.cyclesText() + r.Test.phasesText()
}

func (t *Test) verdictText() string {
	switch {
	case t.OK:
		return "  ok: loaded, in effect, unloaded\n"
	case t.Verdict == NotProven:
		return fmt.Sprintf("  unproven: %s\n", text.Printable(t.Reason))
	}
	return fmt.Sprintf("  failed: %s\n", text.Printable(t.Reason))
}

// modulesText lists the patched modules, and those that were not loaded.
func (t *Test) modulesText() string {
	table := text.Table{Indent: "  "}
	for _, m := range t.Modules {
		if m.Patched || !m.Loaded {
			table.Row("module "+m.Name, m.state())
		}
	}
	return table.String()
}

func (m *TestModule) state() string {
	switch {
	case !m.Loaded:
		return "not loaded: " + m.Reason
	case m.Reloaded:
		return "loaded, unloaded and loaded again"
	case m.Kept != "":
		return "loaded, not unloaded: " + m.Kept
	}
	return "loaded"
}

// objectsText lists the objects that are not patched.
func (t *Test) objectsText() string {
	table := text.Table{Indent: "  "}
	for _, o := range t.Objects {
		switch {
		case o.Patched:
		case o.Allowed:
			table.Row("object "+o.Name, "not patched: "+o.Reason+" (allowed)")
		default:
			table.Row("object "+o.Name, "not patched: "+o.Reason)
		}
	}
	return table.String()
}

// exercisedText counts the functions that ran, and lists all of them.
func (t *Test) exercisedText() string {
	if t.Exercised == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  exercised %d of %d\n", t.Exercised.Ran, t.Exercised.Replaced)
	table := text.Table{Indent: "    "}
	for _, f := range t.Functions {
		table.Row(f.Object+"/"+f.position(), f.runs())
	}
	return b.String() + table.String()
}

// position returns the function's name. If several symbols have this name, its position follows.
func (f *TestFunction) position() string {
	if f.SymPos == 0 {
		return f.Name
	}
	return fmt.Sprintf("%s,%d", f.Name, f.SymPos)
}

func (f *TestFunction) runs() string {
	switch {
	case f.Runs == nil:
		return "not counted: " + f.Reason
	case *f.Runs == 0:
		return "did not run"
	}
	return "ran " + text.Count(int(*f.Runs), "time")
}

func (t *Test) cyclesText() string {
	if t.Cycles == nil {
		return ""
	}
	c := t.Cycles
	lockdep := ""
	if c.Lockdep {
		lockdep = ", lockdep reports nothing"
	}
	var memory []string
	for _, kB := range c.MemoryKB {
		memory = append(memory, strconv.FormatInt(kB, 10))
	}
	return fmt.Sprintf("  %d of %s; kernel memory %s kB%s\n",
		c.Done, text.Count(c.Asked, "cycle"), strings.Join(memory, ", "), lockdep)
}

func (t *Test) phasesText() string {
	var b strings.Builder
	for _, p := range t.Phases {
		fmt.Fprintf(&b, "  %s (exit status %d)\n", text.Printable(p.Name), p.Status)
		for _, l := range strings.Split(strings.TrimRight(p.Output, "\n"), "\n") {
			if l != "" {
				fmt.Fprintf(&b, "    | %s\n", text.Printable(strings.ReplaceAll(l, "\t", "    ")))
			}
		}
	}
	return b.String()
}
