package e2e

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"kintsugi/builder"
	"kintsugi/internal/consent"
	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
	"kintsugi/internal/target"
)

// testCase is one patch file. Its head, before the first diff, has the expected results in lines of
// the form "Key: value, value".
type testCase struct {
	name, path string
	head       map[string][]string
}

// keys are the keys of a head.
var keys = map[string]bool{
	"Functions":  true, // exactly these: changed NAME, new NAME
	"Data":       true, // exactly these: new NAME, changed NAME, private NAME
	"Positions":  true, // functions or references whose name occurs several times in the kernel
	"Probe":      true, // script relative to the patch's folder, or none; default: the script with the patch's name
	"Modules":    true, // modules of the kernel for the guest
	"Exercised":  true, // number of replaced functions that run: N of M
	"Owners":     true, // owners of functions and references, among others: OBJECT NAME
	"Notes":      true, // codes of diagnostics, among others
	"References": true, // among others: export NAME, klp NAME
	"Callbacks":  true, // exactly these: OBJECT KIND NAME
	"States":     true, // exactly these: NUMBER version VERSION
	"Beside":     true, // patches of the folder beside, whose modules the probe can load
	"Stacked":    true, // like Beside, built with --no-replace
	"Complains":  true, // a warning that the kernel prints about one of these
	"Verdict":    true, // ok, fixed, refused, nothing, failed
	"Fuzz":       true, // number of context lines that may differ
	"Code":       true, // code of the error and of a diagnostic
	"Class":      true, // the exit code
	"Accept":     true, // consents that the patch needs: CODE:SYMBOL
	"Headers":    true, // headers that the patch changes
	"Says":       true, // texts that the error or the diagnostics contain
}

func readCases(t *testing.T, dir string) []testCase {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no patches in %s: %v", dir, err)
	}
	var cases []testCase
	for _, path := range paths {
		cases = append(cases, readCase(t, path))
	}
	return cases
}

// namedCases returns the cases of testdata/dir with these names.
func namedCases(t *testing.T, dir string, names ...string) []testCase {
	t.Helper()
	var cases []testCase
	for _, name := range names {
		cases = append(cases, readCase(t, filepath.Join(testdata, dir, name+".patch")))
	}
	return cases
}

func readCase(t *testing.T, path string) testCase {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return testCase{strings.TrimSuffix(filepath.Base(path), ".patch"), path, readHead(string(text))}
}

// probe returns the script that checks the running kernel.
func (c *testCase) probe() string {
	if probe := c.head["Probe"]; len(probe) == 1 {
		if probe[0] == "none" {
			return ""
		}
		return filepath.Join(filepath.Dir(c.path), probe[0])
	}
	return strings.TrimSuffix(c.path, ".patch") + ".sh"
}

func readHead(text string) map[string][]string {
	head := map[string][]string{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "diff ") {
			break
		}
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || !keys[key] {
			continue
		}
		for _, v := range strings.Split(value, ", ") {
			head[key] = append(head[key], strings.TrimSpace(v))
		}
	}
	return head
}

// one returns the only value of a key.
func (c *testCase) one(t *testing.T, key string) string {
	t.Helper()
	if len(c.head[key]) != 1 {
		t.Fatalf("%s: head has %d values of %s, want one", c.path, len(c.head[key]), key)
	}
	return c.head[key][0]
}

func options(kernel *target.Target, out string, patches ...string) builder.Options {
	return builder.Options{Target: kernel, Patches: patches, Out: out, Jobs: 2, Replace: true, Version: "test"}
}

// consents returns the consents in the head.
func (c *testCase) consents(t *testing.T) []consent.Given {
	t.Helper()
	given, err := consent.Flags(c.head["Accept"])
	if err != nil {
		t.Fatalf("%s: %v", c.path, err)
	}
	return given
}

// contents lists the functions and data of a report in the form of a head. Data has no numbers,
// because a head cannot know those of the compiler.
func contents(r *report.Report) (functions, data []string) {
	for _, f := range r.Functions {
		functions = append(functions, string(f.Status)+" "+f.Name)
	}
	for _, d := range r.Data {
		data = append(data, string(d.Status)+" "+objmodel.StableName(d.Name))
	}
	sort.Strings(functions)
	sort.Strings(data)
	return functions, data
}

func sorted(list []string) []string {
	list = append([]string(nil), list...)
	sort.Strings(list)
	return list
}
