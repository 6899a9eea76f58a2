package overlay

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAscents(t *testing.T) {
	for dep, want := range map[string][]string{
		"a/b.h":                        nil,
		"./include/trace/../../fs/x.h": {"include", "include/trace"},
		"fs/xfs/../ext4/x.h":           {"fs/xfs"},
		"../x.h":                       nil,
	} {
		if diff := cmp.Diff(want, ascents(dep)); diff != "" {
			t.Errorf("%s: %s", dep, diff)
		}
	}
}

// FuzzAscents checks that no directory outside the tree is returned.
func FuzzAscents(f *testing.F) {
	f.Add("include/trace/../../fs/x.h")
	f.Fuzz(func(t *testing.T, dep string) {
		for _, dir := range ascents(dep) {
			if strings.HasPrefix(dir, "..") {
				t.Errorf("%q leaves the tree by %q", dep, dir)
			}
		}
	})
}
