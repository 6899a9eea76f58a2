// Testsum reads the output of `go test -json`, prints the part that a person needs, and ends with
// the number of tests that passed and failed. With a list of tests that may be skipped, any other
// skipped test counts as failed. Without a list, every test may be skipped.
//
//	go test -json ./... | go run ./internal/testsum [ALLOWED-SKIPS]
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if len(os.Args) > 2 {
		fmt.Fprintln(os.Stderr, "usage: testsum [ALLOWED-SKIPS] <go-test.json")
		os.Exit(2)
	}
	ok, err := run(os.Args[1:], os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(list []string, in io.Reader, out io.Writer) (ok bool, err error) {
	s := &summary{out: out, output: map[test][]string{}, failedIn: map[string]bool{}}
	if len(list) == 0 {
		s.anySkip = true
	} else if s.allowed, err = readList(list[0]); err != nil {
		return false, err
	}
	if err := s.read(in); err != nil {
		return false, err
	}
	return s.close(), nil
}

func readList(name string) (map[test]string, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	allowed, err := readAllowed(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return allowed, nil
}
