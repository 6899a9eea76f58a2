package builder

import (
	"bytes"
	"maps"
	"path"

	"kintsugi/internal/diag"
	"kintsugi/internal/report"
	"kintsugi/templates"
)

// withHeaders adds the headers for patch authors to files, if one of the files
// includes them. They are put into include/, where every unit finds them before
// the headers of that name that some kernels have.
func withHeaders(files map[string][]byte) map[string][]byte {
	headers := templates.Headers()
	if !mentions(files, headers) {
		return files
	}
	all := maps.Clone(files)
	for name, text := range headers {
		if _, patched := files["include/"+name]; !patched {
			all["include/"+name] = text
		}
	}
	return all
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

// callbackPlace is a member of the struct klp_callbacks of an object.
type callbackPlace struct {
	object string
	kind   report.CallbackKind
}

// checkAuthors refuses callbacks and states that clash: an object has one
// callback of a kind, and a livepatch one state of a number.
func checkAuthors(parts []part) []report.Diagnostic {
	const advice = "One callback can call several functions."
	var found []report.Diagnostic
	callbacks, states := map[callbackPlace]string{}, map[uint64]bool{}
	for _, p := range parts {
		source := p.Unit.Source
		for _, c := range p.extract.Callbacks {
			key := callbackPlace{p.owner.Name, c.Kind}
			if first, twice := callbacks[key]; twice {
				found = append(found, finding(diag.AuthorMacro, source, advice,
					"%s has two %s callbacks: %s and %s", p.owner.Name, c.Kind, first, c.Func))
			}
			callbacks[key] = c.Func.String()
		}
		for _, s := range p.diff.States {
			switch {
			case s.ID == 0:
				found = append(found, finding(diag.AuthorMacro, source, "Give it any other number.",
					"a state has the number 0, which the kernel treats as the end of the list"))
			case states[s.ID]:
				found = append(found, finding(diag.AuthorMacro, source, "Declare it in one file.",
					"the state %d is declared twice", s.ID))
			}
			states[s.ID] = true
		}
	}
	return found
}

// describeAuthors reports the callbacks and states of all parts.
func describeAuthors(parts []part) (callbacks []report.Callback, states []report.State) {
	for _, p := range parts {
		for _, c := range p.extract.Callbacks {
			callbacks = append(callbacks,
				report.Callback{Object: p.owner.Name, Kind: c.Kind, Name: c.Func.Name, Unit: p.Unit.Source})
		}
		for _, s := range p.diff.States {
			states = append(states, report.State{ID: s.ID, Version: s.Version, Unit: p.Unit.Source})
		}
	}
	return callbacks, states
}

// calls lists the callbacks for the module's source, by object.
func calls(parts []resolved) map[string][]templates.Call {
	byObject := map[string][]templates.Call{}
	for _, p := range parts {
		for _, c := range p.extract.Callbacks {
			byObject[p.owner.Name] = append(byObject[p.owner.Name], templates.Call{Kind: c.Kind, Func: c.Alias})
		}
	}
	return byObject
}

// states lists the states for the module's source.
func states(parts []resolved) []templates.State {
	var list []templates.State
	for _, p := range parts {
		for _, s := range p.diff.States {
			list = append(list, templates.State{ID: s.ID, Version: s.Version})
		}
	}
	return list
}
