// Package text lays out plain text for people: aligned columns, and no control
// characters from hostile files.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns s with visible escapes for everything that could move a
// terminal's cursor or fake a line: control and direction characters, and bytes that
// are not UTF-8. Names in objects and patches can contain any of these.
func Printable(s string) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !hidden(r):
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// Some lists the first of the items, up to a number, and counts those beyond it.
func Some(items []string, most int, separator string) string {
	if len(items) <= most {
		return strings.Join(items, separator)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:most], separator), len(items)-most)
}

func hidden(r rune) bool { return !unicode.IsPrint(r) }

// Table is rows of cells that are written as aligned columns, two spaces
// apart. Cells are made Printable; columns without any text are left out.
type Table struct {
	Indent string // before each row
	Align  string // one letter a column: l (or nothing) left, r right
	rows   [][]string
}

// Row adds one row.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = Printable(c)
	}
	t.rows = append(t.rows, row)
}

// String is the table, a line a row, without blanks at the ends of lines.
func (t *Table) String() string {
	widths := t.widths()
	var b strings.Builder
	for _, row := range t.rows {
		var cells []string
		for i, cell := range row {
			if widths[i] > 0 {
				cells = append(cells, t.pad(i, cell, widths[i]))
			}
		}
		b.WriteString(strings.TrimRight(t.Indent+strings.Join(cells, "  "), " ") + "\n")
	}
	return b.String()
}

func (t *Table) pad(column int, cell string, width int) string {
	blanks := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
	if column < len(t.Align) && t.Align[column] == 'r' {
		return blanks + cell
	}
	return cell + blanks
}

func (t *Table) widths() []int {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// Count is n of a thing in words: "1 function", "2 functions", "no functions".
func Count(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Bytes is a size in words: "812 bytes", "70 MB" (of 10^6 bytes).
func Bytes(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	case n < 10_000_000_000:
		return fmt.Sprintf("%d MB", n/1_000_000)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
