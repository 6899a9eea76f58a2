package apt

import (
	"cmp"
	"strconv"
	"strings"
)

// CompareVersions orders Debian versions as dpkg does: [epoch:]upstream[-revision]
// (deb-version(7)).
func CompareVersions(a, b string) int {
	aEpoch, a := cutEpoch(a)
	bEpoch, b := cutEpoch(b)
	aUpstream, aRevision := CutRevision(a)
	bUpstream, bRevision := CutRevision(b)
	return cmp.Or(cmp.Compare(aEpoch, bEpoch), comparePart(aUpstream, bUpstream), comparePart(aRevision, bRevision))
}

func cutEpoch(v string) (int, string) {
	epoch, rest, ok := strings.Cut(v, ":")
	if !ok {
		return 0, v
	}
	n, _ := strconv.Atoi(epoch)
	return n, rest
}

// CutRevision splits a version at its last hyphen.
func CutRevision(v string) (upstream, revision string) {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return v[:i], v[i+1:]
	}
	return v, ""
}

// comparePart compares in turn a part without digits and a number.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		var aText, bText, aDigits, bDigits string
		aText, a = span(a, false)
		bText, b = span(b, false)
		if c := compareText(aText, bText); c != 0 {
			return c
		}
		aDigits, a = span(a, true)
		bDigits, b = span(b, true)
		if c := compareDigits(aDigits, bDigits); c != 0 {
			return c
		}
	}
	return 0
}

// span splits s after the digits, or the other characters, that it starts with.
func span(s string, digits bool) (head, tail string) {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9') == digits {
		i++
	}
	return s[:i], s[i:]
}

// compareText orders letters before other characters, and a tilde before the end.
func compareText(a, b string) int {
	rank := func(s string, i int) int {
		switch {
		case i >= len(s):
			return 0
		case s[i] == '~':
			return -1
		case s[i] >= 'A' && s[i] <= 'Z', s[i] >= 'a' && s[i] <= 'z':
			return int(s[i])
		}
		return int(s[i]) + 256
	}
	for i := 0; i < len(a) || i < len(b); i++ {
		if c := cmp.Compare(rank(a, i), rank(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

// compareDigits compares numbers of any length.
func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
