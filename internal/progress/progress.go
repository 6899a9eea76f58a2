// Package progress shows the progress of a run on stderr: one line that is redrawn on a terminal,
// plain lines otherwise. Log records go through it too, so that the two do not overwrite each
// other.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"kintsugi/internal/text"
)

// Level is how much is shown.
type Level int

const (
	Quiet   Level = iota // nothing
	Normal               // steps, news and warnings
	Verbose              // also the log with every command
)

// Display shows progress and log. Several goroutines may use it.
type Display struct {
	level Level
	width func() int // columns of the terminal; nil: there is none

	mu    sync.Mutex
	w     io.Writer
	last  string          // last step shown
	seen  map[string]bool // steps whose plain line is printed
	drawn bool            // the terminal has a line that will be redrawn
	when  time.Time       // time of the last drawing
}

// redraw is the time between two drawings of a bar. A person can follow it.
const redraw = 100 * time.Millisecond

// New returns a display on w. If w is a terminal that can move its cursor, each step is one line
// that is redrawn.
func New(w io.Writer, level Level) *Display {
	d := &Display{w: w, level: level, seen: map[string]bool{}}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		d.width = func() int { return columns(int(f.Fd())) }
	}
	return d
}

// SetLevel sets the level, which is known only after the flags are parsed. It must be called before
// other goroutines use d.
func (d *Display) SetLevel(level Level) { d.level = level }

func columns(fd int) int {
	if width, _, err := term.GetSize(fd); err == nil && width > 0 {
		return width
	}
	return 80
}

// Step reports the progress of a step: done of total units, or zeros if unknown.
func (d *Display) Step(step string, done, total int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.level == Quiet:
	case d.width != nil:
		d.draw(step, done, total)
	case !d.seen[step]:
		d.seen[step] = true
		fmt.Fprintf(d.w, "%s ...\n", text.Printable(step))
	}
}

// Units reports how many units of a step are done, and the estimated time for the others (0 if
// unknown). Without a terminal it prints a line for each tenth.
func (d *Display) Units(step string, done, total int64, left time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	counted := fmt.Sprintf("%s %d/%d units", step, done, total)
	if left >= time.Second {
		counted += fmt.Sprintf(", %v left", left.Round(time.Second))
	}
	tenth := fmt.Sprintf("%s %d", step, 10*done/max(total, 1))
	switch {
	case d.level == Quiet:
	case d.width != nil:
		d.draw(counted, done, total)
	case !d.seen[tenth]:
		d.seen[tenth] = true
		fmt.Fprintln(d.w, text.Printable(counted))
	}
}

// Clear takes the drawn line away, so that others can write.
func (d *Display) Clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clear()
}

func (d *Display) draw(step string, done, total int64) {
	now := time.Now()
	if d.drawn && sameStep(step, d.last) && now.Sub(d.when) < redraw && done < total {
		return
	}
	d.last, d.when, d.drawn = step, now, true
	fmt.Fprint(d.w, "\r\x1b[K"+fit(line(step, done, total), d.width()-1))
}

// sameStep reports whether two texts are of one step: they begin with its name.
func sameStep(a, b string) bool {
	a, _, _ = strings.Cut(a, " ")
	b, _, _ = strings.Cut(b, " ")
	return a == b
}

func (d *Display) clear() {
	if d.drawn {
		fmt.Fprint(d.w, "\r\x1b[K")
		d.drawn = false
	}
}

// line is a step's line: "download  [#######.............]  35%".
func line(step string, done, total int64) string {
	step = text.Printable(step)
	if total <= 0 {
		return step + " ..."
	}
	const cells = 30
	part := float64(min(max(done, 0), total)) / float64(total)
	full := int(part * cells)
	return fmt.Sprintf("%s  [%s%s] %3d%%", step, strings.Repeat("#", full), strings.Repeat(".", cells-full), int(part*100))
}

// fit cuts s to so many columns.
func fit(s string, width int) string {
	runes := []rune(s)
	return string(runes[:min(len(runes), max(width, 0))])
}
