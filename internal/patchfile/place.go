package patchfile

import "errors"

var (
	errNoPlace   = errors.New("does not apply")
	errAmbiguous = errors.New("matches in several places, but not at the line that it names")
	errNoContext = errors.New("has no context lines that would prove its place")
	errBudget    = errors.New("too many comparisons")
)

// finder finds the places of hunks in a file.
type finder struct {
	lines  []string
	index  map[string][]int // the positions of each line, made when first needed
	budget *int             // comparisons left
}

// start is the position of h in its file by its header, from 0.
func (h *Hunk) start() int {
	if h.OldLines == 0 {
		return h.OldStart
	}
	return h.OldStart - 1
}

// place returns the line at which h applies, counted from 0 and not before the line
// from. It tries the line of h's header plus offset first. If h does not match
// there, it must match at one other line.
func (f *finder) place(h *Hunk, from, offset int) (int, error) {
	old := h.side(Remove)
	if len(old) == 0 {
		if len(f.lines) == 0 {
			return 0, nil
		}
		return 0, errNoContext
	}
	if at := h.start() + offset; at >= from && f.matches(old, at) {
		return at, nil
	}
	places := f.search(old, from)
	switch {
	case *f.budget <= 0:
		return 0, errBudget
	case len(places) == 0:
		return 0, errNoPlace
	case len(places) > 1:
		return 0, errAmbiguous
	}
	return places[0], nil
}

// matches reports whether want is at the line at.
func (f *finder) matches(want []string, at int) bool {
	if at < 0 || at > len(f.lines)-len(want) {
		return false
	}
	for i, line := range want {
		*f.budget--
		if f.lines[at+i] != line {
			return false
		}
	}
	return true
}

// search returns the places of want from the line from on. It tries the places of
// want's rarest line.
func (f *finder) search(want []string, from int) []int {
	rare := 0
	for i, line := range want {
		if len(f.positions(line)) < len(f.positions(want[rare])) {
			rare = i
		}
	}
	var places []int
	for _, p := range f.positions(want[rare]) {
		if at := p - rare; at >= from && *f.budget > 0 && f.matches(want, at) {
			places = append(places, at)
		}
	}
	return places
}

func (f *finder) positions(line string) []int {
	if f.index == nil {
		f.index = make(map[string][]int, len(f.lines))
		for i, l := range f.lines {
			f.index[l] = append(f.index[l], i)
		}
	}
	return f.index[line]
}

// nearest returns the place where most lines of want match, and the number of matches.
// Among equals it is the place nearest to the line hint; it is -1 for none. Frequent
// lines, such as blank lines, count but suggest no place.
func (f *finder) nearest(want []string, hint int) (at, matched int) {
	const everywhere, enough = 200, 1 << 20
	votes := map[int]int{}
	for i, line := range want {
		if p := f.positions(line); len(p) <= everywhere && len(votes) < enough {
			for _, pos := range p {
				votes[pos-i]++
			}
		}
	}
	at, best := -1, 0
	for place, n := range votes {
		better := n > best || n == best && closer(place, at, hint)
		if place >= 0 && better {
			at, best = place, n
		}
	}
	if at < 0 {
		return -1, 0
	}
	for i, line := range want {
		if at+i < len(f.lines) && f.lines[at+i] == line {
			matched++
		}
	}
	return at, matched
}

// closer reports whether place a is nearer to hint than b, the earlier of equals.
func closer(a, b, hint int) bool {
	da, db := distance(a, hint), distance(b, hint)
	return da < db || da == db && a < b
}

func distance(a, b int) int { return max(a-b, b-a) }
