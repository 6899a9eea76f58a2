package patchinput

import (
	"bytes"
	"regexp"
)

var (
	// coverSubject is the subject of the mail before a series: [PATCH v2 00/12].
	coverSubject = regexp.MustCompile(`(?m)^Subject: \[[^]\n]*\b0+/[0-9]+\]`)
	// diffLine begins a change of a file, with or without git's heading.
	diffLine = regexp.MustCompile(`(?m)^(diff --git |--- [^\n]*\n\+\+\+ )`)
)

// isCoverLetter reports whether the text is the mail that git format-patch
// --cover-letter writes before the patches, which has no diff.
func isCoverLetter(text []byte) bool {
	head, _, _ := bytes.Cut(text, []byte("\n\n"))
	return coverSubject.Match(head) && !diffLine.Match(text)
}
