package builder

import (
	"slices"

	"kintsugi/internal/klp"
	"kintsugi/internal/report"
	"kintsugi/templates"
)

// sharedNames are the global symbols that the patch adds, by the object that contains them.
type sharedNames struct {
	defined map[string]map[string]bool
	// exported lists the modules with an added symbol that code of other modules
	// can use. A symbol that a module has already and the patch exports is found
	// like other exports.
	exported map[string][]string // modules by name, in the order of the patch's units
}

// sharedSymbols collects the symbols that the units add.
func sharedSymbols(units []changed) sharedNames {
	s := sharedNames{defined: map[string]map[string]bool{}, exported: map[string][]string{}}
	for _, u := range units {
		if s.defined[u.owner.Name] == nil {
			s.defined[u.owner.Name] = map[string]bool{}
		}
		for _, name := range u.addedGlobals() {
			s.defined[u.owner.Name][name] = true
		}
		if u.owner.Name == klp.Vmlinux {
			continue // everybody can use symbols of vmlinux, exported or not
		}
		for _, name := range u.diff.Exports {
			s.exported[name] = append(s.exported[name], u.owner.Name)
		}
	}
	return s
}

// exporters returns the modules that export a symbol which the patch exports, by symbol. The
// running kernel has no such export. Symbols of the kernel itself are found without an export.
func (s *sharedNames) exporters() map[string]string {
	exporters := map[string]string{}
	for name, modules := range s.exported {
		exporters[name] = modules[len(modules)-1]
	}
	return exporters
}

func (u *changed) addedGlobals() []string {
	var names []string
	for _, f := range u.diff.Functions {
		if f.Old == nil && f.New.Global() {
			names = append(names, f.Name)
		}
	}
	for _, d := range u.diff.Data {
		if d.Status == report.StatusNew && d.New.Global() {
			names = append(names, d.Name)
		}
	}
	return names
}

// home returns the object with the added symbol that code of owner means by a name: owner itself,
// or else vmlinux, or a module that exports the symbol and is loaded whenever owner is. ok is false
// if the patch adds no such symbol.
func (s sharedNames) home(owner *klp.Owner, name string) (object string, ok bool) {
	switch {
	case s.defined[owner.Name][name]:
		return owner.Name, true
	case owner.HasGlobal(name):
		return "", false
	case s.defined[klp.Vmlinux][name]:
		return klp.Vmlinux, true
	}
	i := slices.IndexFunc(s.exported[name], func(module string) bool {
		return s.defined[module][name] && owner.DependsOn(module)
	})
	if i < 0 {
		return "", false
	}
	return s.exported[name][i], true
}

// naming returns the link names of symbols that code of owner refers to and that
// the livepatch defines. A symbol that the patch adds to a module gets a name of
// its own, as another module can get a symbol of the same name.
func (s sharedNames) naming(owner *klp.Owner) klp.Naming {
	return func(name string) (string, bool) {
		object, ok := s.home(owner, name)
		if ok && object != klp.Vmlinux {
			return object + "." + name, true
		}
		return name, ok || name == templates.PatchSymbol
	}
}
