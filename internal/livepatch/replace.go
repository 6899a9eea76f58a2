package livepatch

import (
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/text"
)

// Replacement is the effect of an atomic replace
// (Documentation/livepatch/cumulative-patches.rst) on a loaded livepatch.
type Replacement struct {
	Name string   `json:"name"`
	Lost []string `json:"lost"` // functions, as OBJECT/NAME,POSITION, that the new livepatch does not replace
}

// replacements returns the loaded livepatches that the module replaces.
func (h *Host) replacements(m *klp.Module) ([]Replacement, error) {
	if m.Patch != nil && !m.Patch.Replace {
		return nil, nil
	}
	patches, err := h.List()
	if err != nil {
		return nil, err
	}
	covered := coveredBy(m)
	var list []Replacement
	for _, p := range patches {
		if p.Name == m.Name || p.State != Enabled && p.State != Enabling {
			continue
		}
		r := Replacement{Name: p.Name, Lost: []string{}}
		for _, o := range p.Objects {
			for _, f := range o.Functions {
				if key := position(o.Name, f.Name, f.SymPos); !covered[key] {
					r.Lost = append(r.Lost, key)
				}
			}
		}
		list = append(list, r)
	}
	return list, nil
}

func coveredBy(m *klp.Module) map[string]bool {
	covered := map[string]bool{}
	if m.Patch == nil {
		return covered // unknown: the module makes its struct klp_patch while it runs
	}
	for _, o := range m.Patch.Objects {
		for _, f := range o.Functions {
			covered[position(o.Name, f.OldName, f.SymPos)] = true
		}
	}
	return covered
}

// position names a function. For a unique name the kernel shows 1 where a module
// has 0 (klp_init_func, kernel/livepatch/core.c).
func position(object, name string, pos uint64) string {
	return fmt.Sprintf("%s/%s,%d", object, name, max(pos, 1))
}

// maxNamed limits the functions that an error names.
const maxNamed = 10

// dropError refuses to lose fixes. It is nil if none is lost.
func dropError(name string, list []Replacement) error {
	var lost, from []string
	for _, r := range list {
		if len(r.Lost) > 0 {
			lost, from = append(lost, r.Lost...), append(from, r.Name)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	slices.Sort(lost)
	return fault.Verdictf(diag.LoadDrops, "%s replaces %s and would drop %s of it: %s",
		name, strings.Join(from, ", "), text.Count(len(lost), "fixed function"),
		text.Some(lost, maxNamed, ", ")).
		Hint("build one livepatch from all patches, or with --no-replace").
		Hint("--drop loads it anyway")
}
