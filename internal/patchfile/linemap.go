package patchfile

import (
	"slices"

	"kintsugi/internal/ctext"
)

// LineMap relates three numberings of a file's lines, all from 1: that of the
// original, that of the patched text, and the reported numbers, which a compiler uses
// for __LINE__ and debug information when it compiles the pinned text.
type LineMap struct {
	original []int       // by patched line: the original line, 0 if the line is new
	reported []int       // by patched line
	patched  map[int]int // by reported line
	regions  []Region
	oldLines int // of the original
}

// Region is a run of lines that a patch replaced. If a side is empty, its Start is
// the line before which the text would be.
type Region struct {
	OldStart, OldLines int
	NewStart, NewLines int
}

// Original returns the number in the original text of a line of the patched
// one, 0 if the line is new or there is no such line.
func (m *LineMap) Original(patched int) int {
	if patched < 1 || patched > len(m.original) {
		return 0
	}
	return m.original[patched-1]
}

// Changed reports whether the patch made this line of the patched text.
func (m *LineMap) Changed(patched int) bool {
	return patched >= 1 && patched <= len(m.original) && m.original[patched-1] == 0
}

// Removed reports whether the patch removed this line of the original text.
func (m *LineMap) Removed(original int) bool {
	if original < 1 || original > m.oldLines {
		return false
	}
	for _, r := range m.regions {
		if original >= r.OldStart && original < r.OldStart+r.OldLines {
			return true
		}
	}
	return false
}

// Reported returns the number that a compiler reports for a line of the
// patched text, 0 if there is no such line.
func (m *LineMap) Reported(patched int) int {
	if patched < 1 || patched > len(m.reported) {
		return 0
	}
	return m.reported[patched-1]
}

// Patched returns the line of the patched text that a compiler means by a
// reported number, 0 for none. Lines inside parentheses that a patch made longer can
// share a number with following lines; the result is then the changed line, or the
// first. A compiler never means lines without code, which can share numbers with code
// if a patch added them.
func (m *LineMap) Patched(reported int) int { return m.patched[reported] }

// Regions lists the replaced lines, in the order of the file.
func (m *LineMap) Regions() []Region { return slices.Clone(m.regions) }

// setReported adds the numbers of the pinned text to m. info are its lines, nil if
// unknown.
func (m *LineMap) setReported(reported []int, info []ctext.Line) {
	m.reported, m.patched = reported, make(map[int]int, len(reported))
	for i, r := range reported {
		if info != nil && !info[i].Code {
			continue
		}
		line, taken := m.patched[r]
		if !taken || m.Changed(i+1) && !m.Changed(line) {
			m.patched[r] = i + 1
		}
	}
}

// findRegions returns the runs between the lines that have an original.
func (m *LineMap) findRegions() []Region {
	var regions []Region
	old, new := 1, 1
	flush := func(oldEnd, newEnd int) {
		if oldEnd > old || newEnd > new {
			regions = append(regions, Region{old, oldEnd - old, new, newEnd - new})
		}
		old, new = oldEnd+1, newEnd+1
	}
	for i, o := range m.original {
		if o != 0 {
			flush(o, i+1)
		}
	}
	flush(m.oldLines+1, len(m.original)+1)
	return regions
}

// newLineMap relates original and patched, given the original line of each
// patched line, in ascending order. Lines at either end of a region whose text is the
// same are no change.
func newLineMap(original, patched []string, from []int) *LineMap {
	m := &LineMap{original: slices.Clone(from), oldLines: len(original)}
	for _, r := range m.findRegions() {
		old, new := r.OldStart-1, r.NewStart-1
		n := min(r.OldLines, r.NewLines)
		head := 0
		for head < n && original[old+head] == patched[new+head] {
			m.original[new+head] = old + head + 1
			head++
		}
		old, new = old+r.OldLines, new+r.NewLines
		for tail := 1; tail <= n-head && original[old-tail] == patched[new-tail]; tail++ {
			m.original[new-tail] = old - tail + 1
		}
	}
	m.regions = m.findRegions()
	return m
}
