package objmodel_test

import (
	"slices"
	"strings"
	"testing"

	"kintsugi/internal/objmodel"
	"kintsugi/internal/testobj"
)

// load compiles C and takes the object apart.
func load(t *testing.T, source string, flags ...string) *objmodel.Object {
	t.Helper()
	o, err := objmodel.Load(testobj.Build(t, source, flags...))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// named is the atom of a name.
func named(t *testing.T, o *objmodel.Object, name string) *objmodel.Atom {
	t.Helper()
	for _, a := range o.Atoms {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("no atom %s in %v", name, o.Atoms)
	return nil
}

const state = `struct static_key key; static int counter = 4; static const int fixed[2] = { 1, 2 };
int *keep; static noinline int helper(int x) { counter += x; return external(counter); }
int f(int x) { printk("text %d", x); return helper(x) + fixed[x & 1]; }
int g(int x) { if (x == 7) BUG_FLAGS(1); ALT(100); keep = &counter; return static_branch(&key) ? external(x) : x; }
int __init start(int x) { return external(x); }`

// TestAtoms has functions, data, strings and code that is gone after boot.
func TestAtoms(t *testing.T) {
	o := load(t, state)
	for name, want := range map[string]struct {
		kind                                objmodel.Kind
		global, init, patchable, wr, locked bool
	}{
		"f":       {kind: objmodel.Func, global: true, patchable: true, locked: true},
		"helper":  {kind: objmodel.Func, patchable: true, locked: true},
		"start":   {kind: objmodel.Func, global: true, init: true, locked: true},
		"counter": {kind: objmodel.Data, wr: true},
		"fixed":   {kind: objmodel.Data, locked: true},
	} {
		a := named(t, o, name)
		if a.Kind != want.kind || a.Global() != want.global || a.Init() != want.init || a.Writable() != want.wr {
			t.Errorf("%s: kind %d, global %v, init %v, writable %v", name, a.Kind, a.Global(), a.Init(), a.Writable())
		}
		if name != "start" && a.Kind == objmodel.Func && a.Patchable() != want.patchable {
			t.Errorf("%s: patchable %v", name, a.Patchable())
		}
		if a.Kind == objmodel.Data && a.IsConst() != want.locked {
			t.Errorf("%s: constant %v", name, a.IsConst())
		}
		if o.AtomOf(a.Sym) != a || o.AtomAt(a.Section, a.Off) != a || o.SymbolAt(a.Section, a.Off) != name {
			t.Errorf("%s is not found by its symbol and place", name)
		}
	}
}

// TestRefs has references by name and by the section of what they point at.
func TestRefs(t *testing.T) {
	o := load(t, state)
	var got []string
	for _, r := range named(t, o, "f").Refs {
		if text := r.String(); !strings.HasPrefix(text, "__fentry__") {
			got = append(got, text)
		}
	}
	slices.Sort(got)
	if want := []string{`"text %d"`, "fixed", "helper", "printk"}; !slices.Equal(got, want) {
		t.Errorf("f refers to %q, want %q", got, want)
	}
	if users := named(t, o, "counter").Users; len(users) != 2 || users[0].Name != "helper" || users[1].Name != "g" {
		t.Errorf("counter is used by %v", users)
	}
}

// TestEscapes has a function that only accesses a variable, and one that hands
// its address on.
func TestEscapes(t *testing.T) {
	o := load(t, state)
	counter := named(t, o, "counter")
	if o.Escapes(named(t, o, "helper"), counter) {
		t.Error("helper only accesses counter")
	}
	if !o.Escapes(named(t, o, "g"), counter) {
		t.Error("g stores the address of counter")
	}
}

// TestEntries has a function with entries of special sections, and one without.
func TestEntries(t *testing.T) {
	o := load(t, state)
	g := named(t, o, "g")
	var sections []string
	for _, e := range g.Entries {
		if e.Owner != g || e.Kind != objmodel.Entry {
			t.Errorf("%v: owner %v, kind %d", e, e.Owner, e.Kind)
		}
		sections = append(sections, e.Section.Name)
	}
	for _, name := range []string{"__bug_table", "__jump_table", ".altinstructions"} {
		if !slices.Contains(sections, name) {
			t.Errorf("g has no entry of %s: %v", name, sections)
		}
	}
	if !slices.ContainsFunc(g.Targets(), func(a *objmodel.Atom) bool { return a.Name == "key" }) {
		t.Errorf("the entries of g do not lead to key: %v", g.Targets())
	}
	for _, e := range named(t, o, "helper").Entries {
		if slices.Contains([]string{"__bug_table", "__jump_table", ".altinstructions"}, e.Section.Name) {
			t.Errorf("helper has an entry of %s", e.Section.Name)
		}
	}
}

// TestRuntimeVariables has a constant of another unit and one of this.
func TestRuntimeVariables(t *testing.T) {
	o := load(t, testobj.RuntimeConst+`static u64 limit __attribute__((used)) = 5;
int f(u64 x) { return x > const_ptr(limit) && x < const_ptr(LIMIT) ? external(1) : 0; }`)
	f := named(t, o, "f")
	var got []string
	for _, e := range f.Entries {
		if !objmodel.RuntimeConst(e.Section.Name) {
			continue
		}
		v, ok := o.RuntimeVariable(f, e)
		if !ok || (v.Atom != nil) != (v.Name == "limit") {
			t.Errorf("%s: %+v, %v", e.Section.Name, v, ok)
		}
		got = append(got, v.Name)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"LIMIT", "limit"}) {
		t.Errorf("variables %q", got)
	}
}
