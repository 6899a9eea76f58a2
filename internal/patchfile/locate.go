package patchfile

import (
	"errors"
	"slices"
	"strings"
)

// spot is the place where a hunk applies.
type spot struct {
	at     int    // line of the file, from 0
	hunk   *Hunk  // without the context that fuzz removes
	fuzz   int    // 0: all lines match
	chosen string // what decided between several places, empty for one place
}

// What decides between several places where a hunk matches.
const (
	byHeading = "the function in its heading"
	byOffset  = "the one offset at which the hunks after it match as well"
)

// locate returns the place where hunks[i] applies, not before the line from, with at
// most the given fuzz.
func (f *finder) locate(hunks []*Hunk, i, from, offset, fuzz int) (spot, error) {
	h := hunks[i]
	s, err := f.locateExactly(hunks, i, from, offset)
	for level := 1; level <= fuzz && errors.Is(err, errNoPlace); level++ {
		t := h.trimmed(level)
		if t == h || len(t.side(Remove)) == 0 {
			continue
		}
		trimmed := slices.Clone(hunks)
		trimmed[i] = t
		s, err = f.locateExactly(trimmed, i, from, offset)
		s.fuzz = level
	}
	return s, err
}

func (f *finder) locateExactly(hunks []*Hunk, i, from, offset int) (spot, error) {
	at, err := f.place(hunks[i], from, offset)
	if !errors.Is(err, errAmbiguous) {
		return spot{at: at, hunk: hunks[i]}, err
	}
	at, chosen, ok := f.choose(hunks[i:], from)
	if !ok {
		return spot{}, err
	}
	return spot{at: at, hunk: hunks[i], chosen: chosen}, nil
}

// choose decides between the places of the first hunk: by the function that its
// heading names, else by an offset at which the other hunks match too.
func (f *finder) choose(hunks []*Hunk, from int) (at int, chosen string, ok bool) {
	places, named := f.headedPlaces(hunks[0], from)
	if len(places) == 1 && named {
		return places[0], byHeading, true
	}
	informed := false
	for _, h := range hunks[1:] {
		others, _ := f.headedPlaces(h, from)
		if len(others) == 0 {
			continue // it fails on its own
		}
		informed = true
		places = slices.DeleteFunc(places, func(at int) bool {
			return !slices.Contains(others, h.start()+at-hunks[0].start())
		})
	}
	if !informed || len(places) != 1 || *f.budget <= 0 {
		return 0, "", false
	}
	return places[0], byOffset, true
}

// headedPlaces returns the places where h matches. If some of them are in the
// function that its heading names, it returns only those, and named is true.
func (f *finder) headedPlaces(h *Hunk, from int) (places []int, named bool) {
	old := h.side(Remove)
	if len(old) == 0 {
		return nil, false
	}
	places = f.search(old, from)
	var headed []int
	for _, at := range places {
		if f.isUnder(h.Heading, at) {
			headed = append(headed, at)
		}
	}
	if len(headed) == 0 {
		return places, false
	}
	return headed, true
}

// isUnder reports whether the line at, from 0, is in the function, or below the other
// line, that heading shows.
func (f *finder) isUnder(heading string, at int) bool {
	if !isHeading(heading) {
		return false
	}
	for i := min(at, len(f.lines)) - 1; i >= 0 && *f.budget > 0; i-- {
		*f.budget--
		if line := strings.TrimSpace(f.lines[i]); isHeading(f.lines[i]) {
			return strings.HasPrefix(line, heading) || headingName(line) == headingName(heading)
		}
	}
	return false
}

// isHeading reports whether diff -p or git show the line as a hunk's heading:
// it begins in the first column with a letter, and is no label.
func isHeading(line string) bool {
	if line == "" || strings.HasSuffix(strings.TrimSpace(line), ":") {
		return false
	}
	c := line[0]
	return c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// headingName is the name of the function that begins with a heading, with the first
// argument of a macro such as SYSCALL_DEFINE3(read, ...); else the whole line.
func headingName(line string) string {
	before, arguments, found := strings.Cut(line, "(")
	if !found {
		return line
	}
	name := before[strings.LastIndexAny(before, " \t*")+1:]
	if name != strings.ToUpper(name) {
		return name
	}
	if end := strings.IndexAny(arguments, ",)"); end >= 0 {
		arguments = arguments[:end]
	}
	return strings.TrimRight(name, "0123456789") + "(" + arguments
}

// certain returns an error if the spot of a reversed hunk does not prove that the hunk
// was applied: if it matches only by context, at another line than it names, and not
// in the function that it names.
func (f *finder) certain(s spot) error {
	if s.hunk.onlyAdds() && s.at != s.hunk.start() && !f.isUnder(s.hunk.Heading, s.at) {
		return errNoPlace
	}
	return nil
}
