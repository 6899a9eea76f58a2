package compile

import (
	"errors"
	"testing"

	"kintsugi/internal/command"
)

func TestLimited(t *testing.T) {
	for output, want := range map[string]bool{
		"cc1: out of memory allocating 65536 bytes after a total of 1 bytes":                     true,
		"gcc-14: internal compiler error: File size limit exceeded signal terminated program as": true,
		"gcc-12: fatal error: Killed signal terminated program cc1":                              true,
		"x.c:1:1: error: expected ';'":                                                           false,
		"objtool: cannot open x.o":                                                               false,
		"":                                                                                       false,
	} {
		if got := limited(&command.Error{Output: []byte(output), Err: errors.New("exit status 1")}); got != want {
			t.Errorf("%q: %v, want %v", output, got, want)
		}
	}
	if !limited(&command.Error{Err: command.ErrDeadline}) {
		t.Error("a deadline counts as a limit of the cage")
	}
}
