// SPDX-License-Identifier: GPL-2.0

package templates

// Wrapper is a callback that calls the author's and then forgets what the
// kernel has relocated for a module that goes.
type Wrapper struct {
	Kind string // pre_patch or post_unpatch
	Name string
	Func string // the author's
}

const forget = "livepatch_forget"

// Forgetting returns the objects with callbacks that forget: after the
// author's own, which is code that is relocated itself, and where the author's
// refuses the module that comes.
func (m *Module) Forgetting() []Object {
	objects := make([]Object, len(m.Objects))
	for i, o := range m.Objects {
		if m.Forget && o.Module != "" {
			o.wrap()
		}
		objects[i] = o
	}
	return objects
}

func (o *Object) wrap() {
	calls := []Call{{Kind: "post_unpatch", Func: forget}}
	for _, c := range o.Calls {
		if c.Kind != "pre_patch" && c.Kind != "post_unpatch" {
			calls = append(calls, c)
			continue
		}
		w := Wrapper{Kind: c.Kind, Name: o.Ident + "_" + c.Kind, Func: c.Func}
		o.Wrappers = append(o.Wrappers, w)
		c.Func = w.Name
		if c.Kind == "post_unpatch" {
			calls[0] = c
		} else {
			calls = append(calls, c)
		}
	}
	o.Calls = calls
}
