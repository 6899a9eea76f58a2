package progress

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"kintsugi/internal/text"
)

// Two records of the libraries have a special meaning. Both are at level debug.
const (
	runRecord   = "run"   // command=LINE: an external command, as internal/command logs it
	stageRecord = "stage" // name=STAGE: the builder begins a stage
)

// Handler is the log as lines on the display:
//
//   - make -C ...          every command, to be replayed in a shell (verbose)
//     warning: TEXT: VALUES
//     TEXT: VALUES           information; debugging (verbose)
func (d *Display) Handler() slog.Handler { return handler{display: d} }

type handler struct {
	display *Display
	attrs   []slog.Attr
}

// Enabled accepts every level, because a stage moves the bar at any level.
func (h handler) Enabled(context.Context, slog.Level) bool { return h.display.level > Quiet }

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.display, append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

// WithGroup ignores groups: the values are clear without them.
func (h handler) WithGroup(string) slog.Handler { return h }

func (h handler) Handle(_ context.Context, r slog.Record) error {
	attrs := h.attrs[:len(h.attrs):len(h.attrs)]
	r.Attrs(func(a slog.Attr) bool { attrs = append(attrs, a); return true })
	debug := r.Level < slog.LevelInfo
	switch {
	case debug && r.Message == stageRecord && len(attrs) > 0:
		h.display.Step(attrs[0].Value.String(), 0, 0)
		return nil
	case debug && h.display.level < Verbose:
		return nil
	case debug && r.Message == runRecord && len(attrs) > 0:
		return h.display.print("+ " + attrs[0].Value.String())
	case r.Level >= slog.LevelWarn:
		return h.display.print("warning: " + sentence(r.Message, attrs))
	}
	return h.display.print(sentence(r.Message, attrs))
}

// print writes s above the drawn line. Newlines and tabs stay, so that a command with them can
// still be replayed.
func (d *Display) print(s string) error {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		cells := strings.Split(strings.TrimRight(l, "\r"), "\t") // consoles end lines with both
		for j, c := range cells {
			cells[j] = text.Printable(c)
		}
		lines[i] = strings.Join(cells, "\t")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clear()
	_, err := fmt.Fprintln(d.w, strings.Join(lines, "\n"))
	return err
}

// sentence returns a record as text: "download: linux-source-6.1 6.1.192-2".
func sentence(message string, attrs []slog.Attr) string {
	var values []string
	for _, a := range attrs {
		values = append(values, a.Value.String())
	}
	if len(values) == 0 {
		return message
	}
	return message + ": " + strings.Join(values, " ")
}

// Note writes a text of several lines, such as a console, above the drawn line, at any level.
func (d *Display) Note(s string) {
	// an error of stderr cannot be reported anywhere
	_ = d.print(s)
}
