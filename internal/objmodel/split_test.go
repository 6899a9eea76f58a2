package objmodel_test

import (
	"strings"
	"testing"

	"kintsugi/internal/objmodel"
	"kintsugi/internal/testobj"
)

// TestUnterminatedStrings has a section of strings whose last one has no end.
func TestUnterminatedStrings(t *testing.T) {
	f := testobj.Build(t, `const char *f(void) { return "text"; }`)
	for _, s := range f.Sections {
		if strings.HasPrefix(s.Name, ".rodata.") && len(s.Data) > 1 {
			if _, err := objmodel.Load(f); err != nil {
				t.Fatal(err)
			}
			s.Data = s.Data[:len(s.Data)-1]
			if _, err := objmodel.Load(f); err == nil || !strings.Contains(err.Error(), "has no end") {
				t.Errorf("section %s: %v", s.Name, err)
			}
			return
		}
	}
	t.Fatal("no strings")
}
