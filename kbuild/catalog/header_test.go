package catalog

import (
	"bufio"
	"compress/gzip"
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
	"kintsugi/internal/includegraph"
	"kintsugi/internal/testenv"
	"kintsugi/kbuild"
	"kintsugi/kbuild/compile"
)

// recordedTruth reads which units include which headers, according to the debug info of one release
// of Debian's kernel (internal/includetruth).
func recordedTruth(t *testing.T) map[string][]string {
	t.Helper()
	f, err := os.Open("testdata/includers.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	truth := map[string][]string{}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		header, units, _ := strings.Cut(lines.Text(), ": ")
		truth[header] = strings.Fields(units)
	}
	if err := lines.Err(); err != nil || len(truth) < 10 {
		t.Fatalf("%d headers, %v", len(truth), err)
	}
	return truth
}

// depsOf returns the files from which the original of a unit is compiled.
func depsOf(t *testing.T, tree *kbuild.Tree, u kbuild.Unit) []string {
	t.Helper()
	deps, err := (&compile.Compiler{Tree: tree}).Deps(context.Background(), u, t.TempDir())
	if err != nil {
		t.Fatalf("%s: %v %q", u.Source, err, fault.Hints(err))
	}
	return deps
}

// TestRealHeaders compares the include graph with debug info for some headers, and with the
// compiler's dependencies for some units. No unit may be missing. The number of superfluous units
// is logged.
func TestRealHeaders(t *testing.T) {
	kernel := testenv.Kernel(t)
	tree := &kbuild.Tree{Dir: kernel.Source, Arch: &arch.AMD64, CC: kernel.CC, CacheDir: t.TempDir(), Jobs: 2}
	c, err := Load(t.Context(), tree)
	if err != nil {
		t.Fatal(err, fault.Hints(err))
	}
	units := map[string]int{}
	for i := range c.Units {
		units[c.Units[i].Source] = i
	}
	t.Run("recorded", func(t *testing.T) { checkRecorded(t, tree, c, units) })
	t.Run("sampled", func(t *testing.T) { checkSampled(t, tree, c) })
}

func checkRecorded(t *testing.T, tree *kbuild.Tree, c *Catalog, units map[string]int) {
	for header, sources := range recordedTruth(t) {
		if !tree.Has(header) {
			t.Logf("%s: not in this release", header)
			continue
		}
		reach, err := c.Reach(tree, []string{header})
		if err != nil {
			t.Fatal(err)
		}
		candidates := 0
		for i := range c.Units {
			if len(reach.Of(&c.Units[i])) > 0 {
				candidates++
			}
		}
		for _, source := range sources {
			i, there := units[source]
			if !there || len(reach.Of(&c.Units[i])) > 0 {
				continue
			}
			if slices.Contains(depsOf(t, tree, c.Unit(i)), header) { // else another release includes it
				t.Errorf("%s: %s is missing", header, source)
			}
		}
		t.Logf("%s: %d candidates, %d in debug info", header, candidates, len(sources))
	}
}

// checkSampled lists the files that the compiler reads for some units. Each of these files must
// reach its unit.
func checkSampled(t *testing.T, tree *kbuild.Tree, c *Catalog) {
	graph, err := Includes(tree)
	if err != nil {
		t.Fatal(err)
	}
	graph.Merge(c.Extra)
	includes := forwards(t, tree, graph, c.Extra)
	random := rand.New(rand.NewPCG(1, 2))
	checked := 0
	for range 16 {
		i := random.IntN(len(c.Units))
		may := reachable(includes, append(c.Units[i].Forced, c.Units[i].Source))
		for _, dep := range depsOf(t, tree, c.Unit(i)) {
			if checked++; !may[dep] && tree.Has(dep) {
				t.Errorf("%s includes %s, but the graph does not reach it", c.Units[i].Source, dep)
			}
		}
	}
	if checked < 1000 {
		t.Errorf("only %d headers of units were checked", checked)
	}
	t.Logf("%d headers of 16 units", checked)
}

// forwards inverts the graph: it returns what each file may include.
func forwards(t *testing.T, tree *kbuild.Tree, graph, generated includegraph.Graph) map[string][]string {
	t.Helper()
	includes := map[string][]string{}
	add := func(file string) error {
		for _, by := range graph.Includers(file) {
			includes[by] = append(includes[by], file)
		}
		return nil
	}
	for _, files := range generated {
		for _, file := range files {
			_ = add(file) // never an error
		}
	}
	err := tree.Walk(add)
	if err != nil {
		t.Fatal(err)
	}
	return includes
}

func reachable(includes map[string][]string, from []string) map[string]bool {
	seen := map[string]bool{}
	for todo := slices.Clone(from); len(todo) > 0; todo = todo[1:] {
		if !seen[todo[0]] {
			seen[todo[0]] = true
			todo = append(todo, includes[todo[0]]...)
		}
	}
	return seen
}
