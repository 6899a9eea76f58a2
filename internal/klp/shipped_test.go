package klp

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/internal/report"
)

const notMarked = "the module is not marked as a livepatch"

// TestVerifyShipped verifies the kernel's own modules, in the folder that
// KINTSUGI_TEST_OBJECTS names: the kernel loads them, so no rule may stand
// against them but those that make a livepatch.
func TestVerifyShipped(t *testing.T) {
	k, _ := realModule(t)
	dir := os.Getenv("KINTSUGI_TEST_OBJECTS")
	if dir == "" {
		t.Skip("KINTSUGI_TEST_OBJECTS is not set to a folder with the kernel's modules")
	}
	modules := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".ko") {
			return err
		}
		if modules++; testing.Short() && modules > 200 {
			return fs.SkipAll
		}
		ko, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found := k.Verify(ko)
		wantFinding(t, found, loadRule, notMarked)
		for _, d := range found {
			if d.Severity == report.Error && d.Message != notMarked {
				t.Errorf("%s: %s", path, d.Message)
			}
		}
		return nil
	})
	if err != nil || modules == 0 {
		t.Fatal(modules, "modules", err)
	}
	t.Logf("%d modules", modules)
}
