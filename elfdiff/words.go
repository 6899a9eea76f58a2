package elfdiff

import (
	"fmt"

	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

func causeKind(d *Difference) report.CauseKind {
	switch d.What {
	case "size", "code":
		return report.ByCode
	case "reference":
		if d.New != nil && d.New.Atom != nil && d.New.Atom.Kind == objmodel.String {
			return report.ByString
		}
		return report.ByCode
	}
	return report.BySection
}

// describe explains the difference in words.
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
