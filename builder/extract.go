package builder

import (
	"strconv"

	"kintsugi/internal/extract"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
)

// part is a unit with its extracted object.
type part struct {
	changed
	extract *extract.Object
}

// cut extracts the objects of the livepatch. There are none if the livepatch core
// would have nothing to do.
func cut(units []changed) ([]part, []report.Diagnostic, error) {
	var parts []part
	acts := map[string]bool{} // owners for which the livepatch core has something to do
	for i, u := range units {
		x, err := extract.Cut(u.diff, extract.Options{Prefix: "klp" + strconv.Itoa(i) + "_", Kernel: u.kernel})
		if err != nil {
			return nil, nil, &fault.Error{Class: fault.Bug, Err: err}
		}
		parts = append(parts, part{changed: u, extract: x})
		if len(x.Replacements)+len(x.Callbacks) > 0 {
			acts[u.owner.Name] = true
		}
	}
	found := checkAuthors(parts)
	if len(acts) == 0 {
		return nil, found, nil
	}
	exporting := exporters(parts)
	var used []part
	for _, p := range parts {
		if p.owner.Name == klp.Vmlinux || acts[p.owner.Name] || exporting[p.owner.Name] {
			used = append(used, p)
		}
	}
	return used, found, nil
}

// exporters returns the modules with a new export that another module uses.
func exporters(parts []part) map[string]bool {
	users := map[string]map[string]bool{} // by name: owners of code that refers to it
	for _, p := range parts {
		for _, e := range p.extract.Externals {
			if users[e.Name] == nil {
				users[e.Name] = map[string]bool{}
			}
			users[e.Name][p.owner.Name] = true
		}
	}
	exports := map[string]bool{}
	for _, p := range parts {
		for _, name := range p.diff.Exports {
			others := len(users[name])
			if users[name][p.owner.Name] {
				others--
			}
			exports[p.owner.Name] = exports[p.owner.Name] || others > 0
		}
	}
	return exports
}
