package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kintsugi/internal/fault"
)

// reporting gives cmd the flag --json.
func (a *app) reporting(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&a.json, "json", false, "print the result as JSON")
	return cmd
}

// print writes a result to stdout: value with --json, else the output of text.
// It clears the display first, and writes everything at once.
func (a *app) print(value any, text func(io.Writer)) error {
	var b bytes.Buffer
	if a.json {
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(value); err != nil {
			return err
		}
	} else {
		text(&b)
	}
	a.display.Clear()
	_, err := a.stdout.Write(b.Bytes())
	if err == nil || errors.Is(err, unix.EPIPE) {
		return nil // the reader has closed the pipe: it has read enough
	}
	return fault.Environmentf("standard output: %w", err)
}
