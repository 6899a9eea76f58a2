package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCoverageIsTested checks that the tests exist that docs/coverage-read.md names: functions,
// cases and patches.
func TestCoverageIsTested(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/coverage-read.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testSources(t)
	named := regexp.MustCompile("`(Test[A-Za-z]+)(?:/([^`]+))?`|`([a-z]+/[a-z-]+\\.patch)`").
		FindAllStringSubmatch(string(page), -1)
	if len(named) < 50 {
		t.Fatalf("the page names only %d tests", len(named))
	}
	for _, m := range named {
		function, name, patch := m[1], m[2], m[3]
		switch {
		case patch != "":
			if _, err := os.Stat(filepath.Join(root, "testdata", patch)); err != nil {
				t.Error(err)
			}
		case !strings.Contains(tests, "func "+function+"(t *testing.T)"), name != "" &&
			!strings.Contains(tests, `"`+name+`"`):
			t.Errorf("there is no test %s", m[0])
		}
	}
}

// testSources is the text of all tests.
func testSources(t *testing.T) string {
	var text strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		text.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}
