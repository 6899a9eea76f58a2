package catalog

import (
	"path"
	"slices"

	"kintsugi/kbuild"
)

// Reach contains the possible includers of each changed file.
type Reach struct {
	changed []string
	files   []map[string]bool
}

// Reach follows the includes of changed files backwards.
func (c *Catalog) Reach(t *kbuild.Tree, changed []string) (*Reach, error) {
	graph, err := Includes(t)
	if err != nil {
		return nil, err
	}
	graph.Merge(c.Extra)
	r := &Reach{changed: changed}
	for _, file := range changed {
		r.files = append(r.files, graph.Closure(file))
	}
	return r, nil
}

// Of returns the changed files that may be part of a unit.
func (r *Reach) Of(u *Unit) []string { return r.of(u.Source, u.Forced) }

func (r *Reach) of(source string, forced []string) []string {
	var changed []string
	for i, files := range r.files {
		if files[source] || slices.ContainsFunc(forced, func(f string) bool { return files[f] }) {
			changed = append(changed, r.changed[i])
		}
	}
	return changed
}

// NonUnits returns the non-units that the changed files may reach. It uses dependencies if they are
// known.
func (r *Reach) NonUnits(c *Catalog) []NonUnit {
	var found []NonUnit
	add := func(n NonUnit, changed []string) {
		if n.Changed = changed; len(changed) > 0 {
			found = append(found, n)
		}
	}
	for i := range c.Units {
		if u := &c.Units[i]; path.Ext(u.Source) == ".S" {
			add(NonUnit{Source: u.Source, Object: u.Object, Compile: c.text(u.Compile), Needs: u.Needs}, r.Of(u))
		}
	}
	for _, n := range c.NonUnits {
		if n.Deps == nil {
			add(n, r.of(n.Source, nil))
			continue
		}
		has := func(file string) bool { return slices.Contains(n.Deps, file) }
		add(n, slices.DeleteFunc(slices.Clone(r.changed), func(file string) bool { return !has(file) }))
	}
	return found
}
