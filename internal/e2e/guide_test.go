package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/diag"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
)

const guide = "../../docs/patch-author-guide.md"

// example is a patch that the guide names, and the result that the guide states.
type example struct {
	verdict, code, name string
}

var exampleLine = regexp.MustCompile("(?m)^\\* (ok|refused|nothing)(?:, `([a-z-]+)`)?: " +
	"\\[([a-z0-9-]+)\\.patch\\]\\(\\.\\./testdata/guide/([a-z0-9-]+)\\.patch\\)$")

// guideSections returns the sections of the guide.
func guideSections(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n## ")
}

func examplesOf(t *testing.T, section string) []example {
	t.Helper()
	var list []example
	for _, m := range exampleLine.FindAllStringSubmatch(section, -1) {
		if m[3] != m[4] {
			t.Errorf("the link of %s leads to %s", m[3], m[4])
		}
		list = append(list, example{m[1], m[2], m[3]})
	}
	if links := strings.Count(section, "testdata/guide/"); links != len(list) {
		t.Errorf("%d links to patches, and %d examples: %.60s", links, len(list), section)
	}
	return list
}

// TestGuide checks every patch that the guide for authors names.
func TestGuide(t *testing.T) {
	kernel := realTarget(t)
	for _, section := range guideSections(t) {
		for _, e := range examplesOf(t, section) {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				e.check(t, kernel)
			})
		}
	}
}

func (e *example) check(t *testing.T, kernel *target.Target) {
	t.Helper()
	rep, err := builder.Check(context.Background(), options(kernel, "", filepath.Join(testdata, "guide", e.name+".patch")))
	if string(rep.Verdict) != e.verdict {
		t.Fatalf("verdict %s, in the guide %s: %v\n%s", rep.Verdict, e.verdict, err, diagnostics(rep))
	}
	loud := slices.DeleteFunc(slices.Clone(rep.Diagnostics), func(d report.Diagnostic) bool {
		return e.verdict == "refused" && !d.Severity.Refuses() || e.verdict != "refused" && d.Severity != diag.Warning
	})
	if e.code == "" && len(loud) > 0 || e.code != "" &&
		!slices.ContainsFunc(loud, func(d report.Diagnostic) bool { return string(d.Code) == e.code }) {
		t.Errorf("the guide has the code %q\n%s", e.code, diagnostics(rep))
	}
}

// TestGuideNamesAll checks that the guide names every patch, and that each quoted text is in a
// patch of its section.
func TestGuideNamesAll(t *testing.T) {
	named := map[string]bool{}
	for _, section := range guideSections(t) {
		var patches []string
		for _, e := range examplesOf(t, section) {
			text, err := os.ReadFile(filepath.Join(testdata, "guide", e.name+".patch"))
			if err != nil {
				t.Error(err)
			}
			patches = append(patches, string(text))
			named[e.name] = true
		}
		for _, block := range strings.Split(section, "```diff\n")[1:] {
			quote, _, _ := strings.Cut(block, "```")
			if !slices.ContainsFunc(patches, func(p string) bool { return strings.Contains(p, quote) }) {
				t.Errorf("no patch of its section contains\n%s", quote)
			}
		}
	}
	paths, err := filepath.Glob(filepath.Join(testdata, "guide", "*.patch"))
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d patches: %v", len(paths), err)
	}
	for _, path := range paths {
		if name := strings.TrimSuffix(filepath.Base(path), ".patch"); !named[name] {
			t.Errorf("the guide does not name %s", path)
		}
	}
}
