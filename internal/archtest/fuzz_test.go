package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFuzzExecutions compares the list of scripts/test with the fuzz targets:
// each line must name a target that exists, once.
func TestFuzzExecutions(t *testing.T) {
	list, err := os.ReadFile(root + "/scripts/fuzz-executions.txt")
	if err != nil {
		t.Fatal(err)
	}
	targets, listed := fuzzTargets(t), map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^[^#\n].*$`).FindAllString(string(list), -1) {
		fields := strings.Fields(line)
		if len(fields) != 3 || !regexp.MustCompile(`^[1-9][0-9]*$`).MatchString(fields[2]) {
			t.Errorf("%q is not a package, a fuzz target and a number", line)
			continue
		}
		name := fields[0] + " " + fields[1]
		if !targets[name] || listed[name] {
			t.Errorf("%s: no such fuzz target, or listed twice", name)
		}
		listed[name] = true
	}
	for name := range targets {
		if !listed[name] {
			t.Logf("%s is not listed: it runs 2000 times", name)
		}
	}
}

// fuzzTargets are the fuzz targets, each with its package in front.
func fuzzTargets(t *testing.T) map[string]bool {
	targets := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, filepath.Dir(path))
		for _, m := range declaration.FindAllSubmatch(source, -1) {
			targets["kintsugi/"+filepath.ToSlash(rel)+" "+string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return targets
}
