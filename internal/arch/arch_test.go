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

// TestModulesComplete requires all facts that a module needs, for each architecture whose modules
// can be built.
func TestModulesComplete(t *testing.T) {
	for _, a := range All() {
		if a.Image.Modules == (Window{}) {
			continue
		}
		if len(a.Loader.Applies) == 0 || a.Loader.Poke.Header == "" || a.RelocName == nil {
			t.Errorf("%s: has the addresses of modules, but lacks facts about the loader: %+v", a.Name, a.Loader)
		}
		for _, typ := range a.Loader.Relative {
			if a.Loader.Applies[typ] == 0 {
				t.Errorf("%s: %s is relative and writes nothing", a.Name, a.TypeName(typ))
			}
		}
	}
}
