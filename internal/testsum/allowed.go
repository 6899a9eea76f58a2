package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// readAllowed reads the list of tests that may be skipped: lines of a package
// and test, separated by a blank, and the reason. A # begins a comment line.
func readAllowed(r io.Reader) (map[test]string, error) {
	allowed := map[test]string{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 3 {
			return nil, fmt.Errorf("line %d: want a package, a test and a reason", n)
		}
		allowed[test{words[0], words[1]}] = strings.Join(words[2:], " ")
	}
	return allowed, lines.Err()
}
