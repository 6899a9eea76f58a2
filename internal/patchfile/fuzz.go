package patchfile

// trimmed is h without its outermost context lines, by the rule of GNU patch: without
// fuzz lines of the longer context, and without the lines of the shorter context that
// reach as far. It is h itself if nothing is removed.
func (h *Hunk) trimmed(fuzz int) *Hunk {
	before, after := h.context()
	longest := max(before, after)
	head := min(max(fuzz+before-longest, 0), before)
	tail := min(max(fuzz+after-longest, 0), after)
	if head == 0 && tail == 0 || len(h.Lines) == before {
		return h
	}
	t := *h
	t.Lines = h.Lines[head : len(h.Lines)-tail]
	t.OldStart, t.OldLines = h.OldStart+head, h.OldLines-head-tail
	t.NewStart, t.NewLines = h.NewStart+head, h.NewLines-head-tail
	if t.OldLines == 0 {
		t.OldStart-- // an empty range names the line before it
	}
	if t.NewLines == 0 {
		t.NewStart--
	}
	return &t
}

// context counts the lines of context before the first change of h and after
// its last one.
func (h *Hunk) context() (before, after int) {
	for before < len(h.Lines) && h.Lines[before].Op == Context {
		before++
	}
	for after < len(h.Lines)-before && h.Lines[len(h.Lines)-1-after].Op == Context {
		after++
	}
	return before, after
}

// Fuzz is a hunk that applied only without some of its context.
type Fuzz struct {
	Patch, Path string
	Hunk        int // from 1
	Header      string
	Fuzz        int // lines of context that were left out at either end
	Line        int // line of the file, from 1, where the hunk was applied
}
