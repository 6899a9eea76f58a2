package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// edit is a change of one line. Its patch is created when needed, so that it applies to the source
// of any target.
type edit struct{ file, from, to string }

// edits change a small file, a file of typical size, and the largest file.
var edits = []edit{
	{"fs/proc/meminfo.c", `"MemTotal:       "`, `"MemTotal is:    "`},
	{"mm/slub.c", `"%u\n", s->object_size)`, `"%u\n", s->object_size + 1)`},
	{"kernel/bpf/verifier.c", `"frame pointer is read only\n"`, `"the frame pointer is read only\n"`},
}

// around is the number of context lines on each side of a hunk.
const around = 3

// patch returns the edit as a patch, and the patched file.
func (e edit) patch(source string) (patch, patched []byte, err error) {
	text, err := os.ReadFile(filepath.Join(source, e.file))
	if err != nil {
		return nil, nil, err
	}
	lines := strings.SplitAfter(string(text), "\n")
	for i, line := range lines {
		if i >= around && i+around < len(lines) && strings.Contains(line, e.from) {
			changed := strings.Replace(line, e.from, e.to, 1)
			patched = []byte(strings.Join(lines[:i], "") + changed + strings.Join(lines[i+1:], ""))
			return e.hunk(lines, i, changed), patched, nil
		}
	}
	return nil, nil, fmt.Errorf("%s: no line with %s", e.file, e.from)
}

func (e edit) hunk(lines []string, i int, changed string) []byte {
	const count = 2*around + 1
	var b strings.Builder
	fmt.Fprintf(&b, "--- a/%s\n+++ b/%s\n@@ -%d,%d +%d,%d @@\n", e.file, e.file, i-around+1, count, i-around+1, count)
	before, after := strings.Join(lines[i-around:i], " "), strings.Join(lines[i+1:i+around+1], " ")
	b.WriteString(" " + before + "-" + lines[i] + "+" + changed + " " + after)
	return []byte(b.String())
}
