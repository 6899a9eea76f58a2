package kbuild

import (
	"context"
	"path"
	"slices"
)

// isHeader reports whether file is text that only others make part of a unit.
func isHeader(file string) bool {
	switch path.Ext(file) {
	case ".h", ".inc", ".def":
		return true
	}
	return false
}

// addHeaders adds the units that a changed header may reach. Which of them it
// does reach is seen when they are compiled.
func (p *planner) addHeaders(ctx context.Context) error {
	if len(p.headers) == 0 {
		return nil
	}
	c, err := p.tree.catalog(ctx)
	if err != nil {
		return err
	}
	reach, err := p.tree.reach(c, p.headers)
	if err != nil {
		return err
	}
	planned := map[string]*Unit{}
	for i := range p.units {
		planned[p.units[i].Object] = &p.units[i]
	}
	for i := range c.Units {
		changed := reach.of(&c.Units[i])
		if len(changed) == 0 || path.Ext(c.Units[i].Source) != ".c" {
			continue
		}
		if u := planned[c.Units[i].Object]; u != nil {
			u.Changed = unique(append(u.Changed, changed...))
			continue
		}
		unit := c.unit(i)
		unit.Changed, unit.Header = changed, true
		p.units = append(p.units, unit)
	}
	return nil
}

// reach is, for each of some headers, the files that may include it.
type reach struct {
	headers []string
	files   []map[string]bool
}

func (t *Tree) reach(c *catalog, headers []string) (*reach, error) {
	graph, err := t.includers()
	if err != nil {
		return nil, err
	}
	graph.Merge(c.Extra)
	r := &reach{headers: headers}
	for _, h := range headers {
		r.files = append(r.files, graph.Closure(h))
	}
	return r, nil
}

// of returns the headers that may be part of a unit.
func (r *reach) of(u *listed) []string {
	var changed []string
	for i, files := range r.files {
		if files[u.Source] || slices.ContainsFunc(u.Forced, func(f string) bool { return files[f] }) {
			changed = append(changed, r.headers[i])
		}
	}
	return changed
}
