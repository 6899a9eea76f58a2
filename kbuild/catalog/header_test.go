package kbuild

import (
	"bufio"
	"compress/gzip"
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"kintsugi/internal/fault"
	"kintsugi/internal/includegraph"
)

// recordedTruth reads which units have which headers, as the debug info of one
// release of Debian's kernel says (internal/includetruth).
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

// depsOf returns what the original of a unit is made of.
func depsOf(t *testing.T, tree *Tree, u Unit) []string {
	t.Helper()
	deps, err := tree.Deps(context.Background(), u, t.TempDir())
	if err != nil {
		t.Fatalf("%s: %v %q", u.Source, err, fault.Hints(err))
	}
	return deps
}

// TestRealHeaders holds the include graph against two truths: what debug info
// says of some headers, and what the compiler says of some units. No unit may
// be missing; how many are too many is logged.
func TestRealHeaders(t *testing.T) {
	tree := realTree(t)
	c, err := tree.catalog(context.Background())
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

func checkRecorded(t *testing.T, tree *Tree, c *catalog, units map[string]int) {
	for header, sources := range recordedTruth(t) {
		if !tree.has(header) {
			t.Logf("%s: not in this release", header)
			continue
		}
		reach, err := tree.reach(c, []string{header})
		if err != nil {
			t.Fatal(err)
		}
		candidates := 0
		for i := range c.Units {
			if len(reach.of(&c.Units[i])) > 0 {
				candidates++
			}
		}
		for _, source := range sources {
			i, there := units[source]
			if !there || len(reach.of(&c.Units[i])) > 0 {
				continue
			}
			if slices.Contains(depsOf(t, tree, c.unit(i)), header) { // else it was another release's
				t.Errorf("%s: %s is missing", header, source)
			}
		}
		t.Logf("%s: %d candidates, of which debug info knows %d", header, candidates, len(sources))
	}
}

// checkSampled has the compiler say what it reads for some units, and wants
// the unit to be among those that each of these files may reach.
func checkSampled(t *testing.T, tree *Tree, c *catalog) {
	graph, err := tree.includers()
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
		for _, dep := range depsOf(t, tree, c.unit(i)) {
			if checked++; !may[dep] && tree.has(dep) {
				t.Errorf("%s has %s, and is not among those that it may reach", c.Units[i].Source, dep)
			}
		}
	}
	if checked < 1000 {
		t.Errorf("only %d headers of units were looked at", checked)
	}
	t.Logf("%d headers of 16 units", checked)
}

// forwards turns the graph round: what each file may include.
func forwards(t *testing.T, tree *Tree, graph, generated includegraph.Graph) map[string][]string {
	t.Helper()
	includes := map[string][]string{}
	add := func(file string, _ fs.DirEntry) error {
		for _, by := range graph.Includers(file) {
			includes[by] = append(includes[by], file)
		}
		return nil
	}
	for _, files := range generated {
		for _, file := range files {
			_ = add(file, nil) // never an error
		}
	}
	err := tree.walk(add)
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
