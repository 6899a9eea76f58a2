// Testsum reads what `go test -json` writes, shows it as a person wants to
// read it, and judges: a test that was skipped has failed, unless a list
// allows it with a reason. Its last line is the sum.
//
//	go test -json ./... | go run ./internal/testsum ALLOWED
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: testsum ALLOWED-SKIPS <go-test.json")
		os.Exit(2)
	}
	ok, err := run(os.Args[1], os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(list string, in io.Reader, out io.Writer) (ok bool, err error) {
	file, err := os.Open(list)
	if err != nil {
		return false, err
	}
	defer file.Close()
	allowed, err := readAllowed(file)
	if err != nil {
		return false, fmt.Errorf("%s: %w", list, err)
	}
	s := &summary{out: out, allowed: allowed, output: map[test][]string{}, failedIn: map[string]bool{}}
	if err := s.read(in); err != nil {
		return false, err
	}
	return s.close(), nil
}
