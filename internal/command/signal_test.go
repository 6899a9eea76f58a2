package command

import (
	"errors"
	"syscall"
	"testing"
)

func TestSignal(t *testing.T) {
	for script, want := range map[string]syscall.Signal{
		"kill -XCPU $$":               syscall.SIGXCPU,
		"sh -c 'kill -9 $$'; exit $?": syscall.SIGKILL,
		"exit 1":                      0,
		"exit 128":                    0,
	} {
		_, err := (&Cmd{Path: "sh", Args: []string{"-c", script}}).Run(t.Context())
		var failed *Error
		if !errors.As(err, &failed) || failed.Signal() != want {
			t.Errorf("%s: %v, want signal %v", script, err, want)
		}
	}
}
