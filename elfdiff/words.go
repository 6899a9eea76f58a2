package elfdiff

import (
	"fmt"

	"kintsugi/internal/objmodel"
	"kintsugi/internal/report"
)

func causeKind(d *Difference) report.CauseKind {
	switch {
	case d.What == EntryDiffers:
		return report.BySection
	case d.What == ReferenceDiffers && d.New != nil && d.New.Atom != nil && d.New.Atom.Kind == objmodel.String:
		return report.ByString
	}
	return report.ByCode
}

// describe describes the difference for a person.
func (d *Difference) describe() string {
	switch d.What {
	case KindDiffers:
		return "kind of symbol changed"
	case SizeDiffers:
		return "size changed"
	case AlignmentDiffers:
		return "alignment changed"
	case StringDiffers:
		return "text changed"
	case ReferenceDiffers:
		return d.describeReference()
	case EntryDiffers:
		return "entry of " + d.Section + " changed"
	case SectionDiffers:
		return "is writable now"
	}
	return fmt.Sprintf("instruction at +%#x changed", d.Off)
}

func (d *Difference) describeReference() string {
	switch {
	case d.Old == nil || d.New == nil:
		return "references changed"
	case d.Old.String() == d.New.String():
		return fmt.Sprintf("instruction at +%#x changed", d.Off)
	}
	return fmt.Sprintf("reference at +%#x changed from %s to %s", d.Off, d.Old, d.New)
}
