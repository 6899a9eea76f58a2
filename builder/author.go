package builder

import (
	"bytes"
	"path"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
	"kintsugi/templates"
)

// addHeaders puts the headers for authors of patches among the files of the
// patched tree, where one of these includes them. They lie in include/ and so
// are found by every unit, before those that some kernels have themselves.
func addHeaders(files map[string][]byte) {
	headers := templates.Headers()
	if !mentions(files, headers) {
		return
	}
	for name, text := range headers {
		if _, patched := files["include/"+name]; !patched {
			files["include/"+name] = text
		}
	}
}

func mentions(files, headers map[string][]byte) bool {
	for _, text := range files {
		for name := range headers {
			if bytes.Contains(text, []byte(path.Base(name))) {
				return true
			}
		}
	}
	return false
}

// say reports the callbacks and states of all units. An object has one
// callback of a kind, and a livepatch one state of a number.
func (r *run) say(units []*unit) {
	const advice = "One callback can call several functions."
	callbacks, states := map[[2]string]string{}, map[uint64]bool{}
	for _, u := range units {
		for _, c := range u.extract.Callbacks {
			key := [2]string{u.owner.Name, c.Kind}
			if first, twice := callbacks[key]; twice {
				r.refuse(diag.AuthorMacro, u.Unit.Source, advice, "%s has two %s callbacks: %s and %s", u.owner.Name, c.Kind, first, c.Func)
			}
			callbacks[key] = c.Func.String()
			r.rep.Callbacks = append(r.rep.Callbacks, report.Callback{Object: u.owner.Name, Kind: c.Kind, Name: c.Func.Name, Unit: u.Unit.Source})
		}
		for _, s := range u.diff.States {
			switch {
			case s.ID == 0:
				r.refuse(diag.AuthorMacro, u.Unit.Source, "Give it any other number.", "a state has the number 0, which the kernel takes for the end of the list")
			case states[s.ID]:
				r.refuse(diag.AuthorMacro, u.Unit.Source, "Declare it in one file.", "the state %d is declared twice", s.ID)
			}
			states[s.ID] = true
			r.rep.States = append(r.rep.States, report.State{ID: s.ID, Version: s.Version, Unit: u.Unit.Source})
		}
	}
}

// calls are the callbacks for the module's source, by object.
func calls(units []*unit) map[string][]templates.Call {
	byObject := map[string][]templates.Call{}
	for _, u := range units {
		for _, c := range u.extract.Callbacks {
			byObject[u.owner.Name] = append(byObject[u.owner.Name], templates.Call{Kind: c.Kind, Func: c.Alias})
		}
	}
	return byObject
}

// states are those for the module's source.
func states(units []*unit) []templates.State {
	var list []templates.State
	for _, u := range units {
		for _, s := range u.diff.States {
			list = append(list, templates.State{ID: s.ID, Version: s.Version})
		}
	}
	return list
}
