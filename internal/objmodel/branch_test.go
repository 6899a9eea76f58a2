package objmodel_test

import (
	"testing"

	"kintsugi/internal/objmodel"
	"kintsugi/internal/testobj"
)

// TestStrayBranches takes the relocation of a branch away.
func TestStrayBranches(t *testing.T) {
	f := testobj.Build(t, `int f(int x) { return external(x) + 1; }`)
	for _, s := range f.Sections {
		if s.Target != nil && s.Target.Name == ".text.f" {
			s.Relocs = nil
		}
		if s.Name == ".text.f" {
			copy(s.Data, []byte{0xe8, 0xf0, 0xff, 0xff, 0xff}) // call .-11
		}
	}
	if names, err := objmodel.StrayBranches(f); err != nil || len(names) != 1 || names[0] != "f" {
		t.Errorf("%v, %v", names, err)
	}
}
