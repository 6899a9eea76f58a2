package elfdiff

import (
	"fmt"
)

func causeKind(d *Difference) string {
	switch d.What {
	case "size", "code":
		return "code"
	case "reference":
		if d.New != nil && d.New.Atom != nil && d.New.Atom.Kind == String {
			return "string"
		}
		return "code"
	}
	return "section"
}

// describe says in words what differs.
func (d *Difference) describe() string {
	switch d.What {
	case "size":
		return "size changed"
	case "code":
		return fmt.Sprintf("instruction at +%#x changed", d.Off)
	case "reference":
		if d.Old != nil && d.New != nil && d.Old.String() == d.New.String() {
			return fmt.Sprintf("instruction at +%#x changed", d.Off)
		}
		if d.Old != nil && d.New != nil {
			return fmt.Sprintf("reference at +%#x changed from %s to %s", d.Off, d.Old, d.New)
		}
		return "references changed"
	}
	return "entry of " + d.What + " changed"
}

// String is what the reference points at, for a person.
func (r *Ref) String() string {
	name := ""
	switch {
	case r.Atom != nil && r.Atom.Kind == String:
		return fmt.Sprintf("%q", r.Atom.Text(r.Addend))
	case r.Atom != nil:
		name = r.Atom.String()
	case r.Sym != nil:
		name = r.Sym.Name
	}
	if r.Addend != 0 {
		return fmt.Sprintf("%s%+d", name, r.Addend)
	}
	return name
}
