package arch

import (
	"debug/elf"
	"testing"
)

func TestByNameAndMachine(t *testing.T) {
	for _, a := range All() {
		for _, name := range []string{a.Name, a.Debian.Name} {
			if got, err := ByName(name); err != nil || got != a {
				t.Errorf("ByName(%q): %v, %v", name, got, err)
			}
		}
		if got, err := ByMachine(a.Machine); err != nil || got != a {
			t.Errorf("ByMachine(%v): %v, %v", a.Machine, got, err)
		}
	}
	if _, err := ByName("vax"); err == nil {
		t.Error("ByName knows a machine that has no value")
	}
	if _, err := ByMachine(elf.EM_VAX); err == nil {
		t.Error("ByMachine knows a machine that has no value")
	}
}
