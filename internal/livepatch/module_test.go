package livepatch

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadModule(t *testing.T) {
	got, err := ReadModule(bytes.NewReader(moduleBytes(sample + "name=second\x00")))
	if err != nil {
		t.Fatal(err)
	}
	want := &Module{Name: "sample", Vermagic: "6.1.0 SMP ", Livepatch: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzReadModule(f *testing.F) {
	f.Add(moduleBytes(sample))
	f.Add(moduleBytes(""))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ReadModule(bytes.NewReader(data))
		if (m == nil) == (err == nil) {
			t.Fatalf("%v and %v", m, err)
		}
		if err == nil {
			if name, err := moduleName(m.Name); err != nil || name != m.Name {
				t.Errorf("%q passes as a module's name", m.Name)
			}
		}
	})
}
