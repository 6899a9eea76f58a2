package klp

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/internal/diag"
	"kintsugi/internal/testenv"
)

const notMarked = "the module is not marked as a livepatch"

// TestVerifyShipped verifies the kernel's own modules. The kernel loads them, so
// they break no rule but those that make a livepatch.
func TestVerifyShipped(t *testing.T) {
	k, _ := realModule(t)
	modules := 0
	err := filepath.WalkDir(testenv.Kernel(t).Modules, func(path string, entry fs.DirEntry, err error) error {
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
		wantFinding(t, found, diag.LoadRule, notMarked)
		for _, d := range found {
			if d.Severity == diag.Error && d.Message != notMarked {
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
