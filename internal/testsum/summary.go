package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
}

// test names a test. Without Name, it is the whole package.
type test struct{ Package, Name string }

type summary struct {
	out     io.Writer
	allowed map[test]string // tests that may be skipped, with the reason
	anySkip bool            // every test may be skipped

	output                  map[test][]string // output of running tests
	failedIn                map[string]bool   // packages that have a failed test
	passed, failed, skipped int
}

func (s *summary) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			s.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *summary) line(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil {
		fmt.Fprint(s.out, line) // not an event: a message of the go command
		return
	}
	t := test{e.Package, e.Test}
	switch e.Action {
	case "output":
		s.print(t, e.Output)
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "pass":
		s.pass(t)
	case "fail":
		s.fail(t)
	case "skip":
		s.skip(t)
	}
}

// print prints the output of a package. It keeps the output of a test until its result is known.
func (s *summary) print(t test, text string) {
	switch {
	case t.Name != "":
		s.output[t] = append(s.output[t], text)
	case !isNoise(text):
		fmt.Fprint(s.out, text)
	}
}

func isNoise(text string) bool {
	return text == "PASS\n" || strings.HasSuffix(text, "[no test files]\n")
}

func (s *summary) pass(t test) {
	if t.Name == "" {
		return
	}
	s.passed++
	if last := lastFuzz(s.output[t]); last != "" {
		fmt.Fprintf(s.out, "%s: %s", t.Name, last)
	}
	delete(s.output, t)
}

// lastFuzz returns the last progress line of a fuzz target.
func lastFuzz(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "fuzz: elapsed:") {
			return lines[i]
		}
	}
	return ""
}

// fail counts a failed test. A failed package counts if it has no failed test: it did not compile,
// or its process ended early.
func (s *summary) fail(t test) {
	if t.Name == "" && s.failedIn[t.Package] {
		return
	}
	s.failed++
	s.failedIn[t.Package] = true
	s.show(t)
}

func (s *summary) show(t test) {
	for _, line := range s.output[t] {
		fmt.Fprint(s.out, line)
	}
	delete(s.output, t)
}

func (s *summary) skip(t test) {
	if t.Name == "" {
		return // a package without tests
	}
	if _, ok := s.allowed[t]; ok || s.anySkip {
		s.skipped++
		delete(s.output, t)
		return
	}
	s.failed++
	s.show(t)
	fmt.Fprintf(s.out, "FAIL: %s %s was skipped\n", t.Package, t.Name)
}

// close prints the output of tests that never ended, and the sum.
func (s *summary) close() (ok bool) {
	for t := range s.output {
		if t.Name != "" {
			s.show(t)
		}
	}
	if s.passed == 0 {
		s.failed++
		fmt.Fprintln(s.out, "FAIL: no test was run")
	}
	sum := fmt.Sprintf("%d passed, %d failed", s.passed, s.failed)
	if s.skipped > 0 {
		sum += fmt.Sprintf(", %d skipped", s.skipped)
	}
	fmt.Fprintln(s.out, sum)
	return s.failed == 0
}
