package ctext

import "slices"

// SameButUnused reports whether two preprocessed texts differ only in static inline functions that
// neither text can reach. The compiler drops such functions before anything else, so both texts
// compile to the same code. Anything that this package does not understand counts as a difference.
// It is false for equal texts.
//
// Most units that include a changed header do not use the changed function. Compiling them would be
// most of the cost of a header change.
func SameButUnused(a, b []byte) bool {
	was, is := declarations(withoutMarkers(a)), declarations(withoutMarkers(b))
	changed := differing(was, is)
	if len(changed) == 0 {
		return false // the texts differ elsewhere
	}
	return !reaches(was, changed) && !reaches(is, changed) && sameButFor(was, is, changed)
}

// differing returns the inline functions whose texts differ between both lists.
func differing(a, b []declaration) map[string]bool {
	texts := map[string][2]string{}
	for i, list := range [2][]declaration{a, b} {
		for _, d := range list {
			if d.inline != "" {
				pair := texts[d.inline]
				pair[i] += d.text + "\x00"
				texts[d.inline] = pair
			}
		}
	}
	changed := map[string]bool{}
	for name, pair := range texts {
		if pair[0] != pair[1] {
			changed[name] = true
		}
	}
	return changed
}

// reaches reports whether compiled code names one of the functions, directly or through other
// inline functions. Words in strings count, because they may be assembly or the name of an alias.
func reaches(list []declaration, functions map[string]bool) bool {
	inline := map[string][]declaration{}
	var todo []declaration
	for _, d := range list {
		if d.inline == "" {
			todo = append(todo, d)
		} else {
			inline[d.inline] = append(inline[d.inline], d)
		}
	}
	for len(todo) > 0 {
		d := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for word := range Words(d.text) {
			if functions[word] {
				return true
			}
			if called, ok := inline[word]; ok {
				delete(inline, word)
				todo = append(todo, called...)
			}
		}
	}
	return false
}

// sameButFor reports whether all other declarations are equal and in the same order.
func sameButFor(a, b []declaration, functions map[string]bool) bool {
	left := func(list []declaration) []declaration {
		return slices.DeleteFunc(slices.Clone(list), func(d declaration) bool { return functions[d.inline] })
	}
	return slices.Equal(left(a), left(b))
}
