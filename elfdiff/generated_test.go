package elfdiff_test

import (
	"flag"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"kintsugi/elfdiff"
	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

var (
	generatedCases = flag.Int("cases", 500, "how many generated cases TestGenerated compiles")
	generatedSeed  = flag.Int64("seed", 1, "seed of the generated cases")
)

// casesPerUnit is the number of cases in a source file. They share the names of their static
// locals, so that the compiler numbers these across cases.
const casesPerUnit = 20

// TestGenerated renames, moves, adds and removes static locals and limited messages in generated C.
// The DWARF of both objects is the truth: a variable has the kernel's state only if it is the same
// variable, and state is never lost silently.
func TestGenerated(t *testing.T) {
	gcc := func(t *testing.T, source string, flags ...string) *elfobj.File { return build(t, source, flags...) }
	compilers := map[string]func(*testing.T, string, ...string) *elfobj.File{"gcc": gcc, "clang": buildClang}
	all := *generatedCases
	if testing.Short() {
		all = min(all, 2*casesPerUnit)
	}
	for first := 0; first < all; first += casesPerUnit {
		seed := *generatedSeed + int64(first)
		for name, compile := range compilers {
			n := min(casesPerUnit, all-first)
			t.Run(fmt.Sprintf("%s-seed-%d-cases-%d", name, seed, n), func(t *testing.T) {
				t.Parallel()
				generate(t, seed, n, compile)
			})
		}
	}
}

// generate compiles a program before and after random changes, and checks the comparison against
// the truth about both.
func generate(t *testing.T, seed int64, cases int, compile func(*testing.T, string, ...string) *elfobj.File) {
	random := rand.New(rand.NewSource(seed))
	before := newProgram(random, cases)
	after := before.clone()
	for i := range cases {
		for range 1 + random.Intn(3) {
			after.change(random, i)
		}
	}
	orig, lines := before.source()
	patched, newLines := after.source()
	r, err := elfdiff.Diff(compile(t, orig, "-gdwarf-4"), compile(t, patched, "-gdwarf-4"))
	if err != nil {
		t.Fatal(err)
	}
	g := &generated{t: t, result: r, old: truthOf(t, r.Orig, lines), new: truthOf(t, r.Patched, newLines)}
	g.judge()
	if t.Failed() {
		t.Logf("go test ./elfdiff -run TestGenerated -cases %d -seed %d\n%s\n%s", cases, seed, orig, patched)
	}
}

// kept is a static local, from debug info and from the generated program.
type kept struct {
	function string
	line     line
}

func truthOf(t *testing.T, o *objmodel.Object, lines map[int]line) map[*objmodel.Atom]kept {
	truth := map[*objmodel.Atom]kept{}
	for a, s := range staticLocals(t, o) {
		if l := lines[s.line]; s.name != "__func__" && (l.text != "" || l.variable == s.name) {
			truth[a] = kept{s.function, l}
		}
	}
	if len(truth) == 0 {
		t.Fatal("debug information has no static local")
	}
	return truth
}

// generated is a comparison that is checked against the truth.
type generated struct {
	t        *testing.T
	result   *elfdiff.Result
	old, new map[*objmodel.Atom]kept
}

func (g *generated) judge() {
	for b, now := range g.new {
		var was *kept
		if a := g.result.Pairs.Twin(b); a != nil {
			k, ok := g.old[a]
			if !ok {
				g.t.Errorf("%s of %s is joined with %s, which is not a static local", b, now.function, a)
				continue
			}
			was = &k
		}
		if now.line.text != "" {
			g.limiter(b, now, was)
		} else {
			g.variable(b, now, was)
		}
	}
}

// limiter checks one limiter against the rule: same function, same message, as often as before.
func (g *generated) limiter(b *objmodel.Atom, now kept, was *kept) {
	before, after := count(g.old, now), count(g.new, now)
	switch {
	case was != nil && *was != now:
		g.t.Errorf("%s of %v has the state of %v", b, now, *was)
	case was == nil && before == after:
		g.t.Errorf("%s of %v is new", b, now)
	case was != nil && before != after:
		g.t.Errorf("%s of %v has the state of one of %d equal messages", b, now, before)
	case before > 0 && before != after && !g.diagnosed(diag.LimiterReset, now.function):
		g.t.Errorf("%s of %v is new without a note: %v", b, now, g.result.Diagnostics)
	}
}

func count(truth map[*objmodel.Atom]kept, k kept) int {
	n := 0
	for _, other := range truth {
		if other == k {
			n++
		}
	}
	return n
}

// variable checks a variable by its initial value, which is unique.
func (g *generated) variable(b *objmodel.Atom, now kept, was *kept) {
	if was != nil && was.line.initial != now.line.initial {
		g.t.Errorf("%s of %v has the state of %v", b, now, *was)
	}
	before := find(g.old, now.line.initial)
	if was != nil || before == nil {
		return
	}
	if now == *before && sole(g.old, now) && sole(g.new, now) {
		g.t.Errorf("%s of %v is not the kernel's: %v", b, now, g.result.Diagnostics)
	}
	if slices.Contains(g.result.Contents, b) && !g.diagnosed(diag.AmbiguousSymbol, b.String()) &&
		!g.diagnosed(diag.StateDropped, before.line.variable) &&
		!g.diagnosed(diag.StateDropped, before.function+"."+before.line.variable) {
		g.t.Errorf("%s of %v is new, but no finding reports that the state of %v is lost: %v",
			b, now, *before, g.result.Diagnostics)
	}
}

func find(truth map[*objmodel.Atom]kept, initial int) *kept {
	for _, k := range truth {
		if k.line.variable != "" && k.line.initial == initial {
			return &k
		}
	}
	return nil
}

// sole reports whether k's function has no other variable with this name.
func sole(truth map[*objmodel.Atom]kept, k kept) bool {
	for _, other := range truth {
		if other != k && other.function == k.function && other.line.variable == k.line.variable {
			return false
		}
	}
	return true
}

func (g *generated) diagnosed(code diag.Code, symbol string) bool {
	for _, d := range g.result.Diagnostics {
		if d.Code == code && d.Symbol == symbol {
			return true
		}
	}
	return false
}
