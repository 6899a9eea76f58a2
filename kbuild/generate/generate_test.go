package generate

import (
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
	"kintsugi/internal/testenv"
	"kintsugi/kbuild"
	"kintsugi/kbuild/overlay"
)

// TestRealGenerate makes files of a directory that kbuild visits and of its parent directory, one
// at a time. The make of the parent runs first.
func TestRealGenerate(t *testing.T) {
	kernel := testenv.Kernel(t)
	tree := &kbuild.Tree{Dir: kernel.Source, Arch: &arch.AMD64, CC: kernel.CC, CacheDir: t.TempDir(), Jobs: 1}
	needs := []string{"arch/x86/kernel/cpu/capflags.c", "arch/x86/lib/inat-tables.c"}
	files, err := makeFiles(t, tree, needs)
	if err != nil {
		t.Fatal(err, fault.Hints(err))
	}
	for _, file := range needs {
		if len(files[file]) == 0 {
			t.Errorf("%s was not made", file)
		}
	}
	if _, err := makeFiles(t, tree, []string{"lib/no-such.c"}); fault.ClassOf(err) != fault.Environment {
		t.Errorf("a file that nothing makes: %v", err)
	} else if hints := fault.Hints(err); !strings.Contains(strings.Join(hints, "\n"), "No rule to make target") {
		t.Errorf("make's reason is not among %q", hints)
	}
}

func makeFiles(t *testing.T, tree *kbuild.Tree, needs []string) (map[string][]byte, error) {
	t.Helper()
	view, err := overlay.Buildable(tree.Dir, filepath.Join(t.TempDir(), "tree"), needs)
	if err != nil {
		t.Fatal(err)
	}
	return In(t.Context(), tree, view, needs)
}
