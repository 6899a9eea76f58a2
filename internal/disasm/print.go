package disasm

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"kintsugi/internal/text"
)

// context is the number of unchanged lines shown around a change.
const context = 3

// Changed reports whether any row differs.
func Changed(rows []Row) bool {
	for i := range rows {
		if !rows[i].Same {
			return true
		}
	}
	return false
}

// hunks returns the stretches of rows to be shown.
func hunks(rows []Row) [][]Row {
	var list [][]Row
	for i := 0; i < len(rows); {
		if rows[i].Same {
			i++
			continue
		}
		end := i + 1
		for same := 0; end < len(rows) && same <= 2*context; end++ {
			if same++; !rows[end].Same {
				same = 0
			}
		}
		for end > i && rows[end-1].Same {
			end--
		}
		list = append(list, rows[max(0, i-context):min(len(rows), end+context)])
		i = end
	}
	return list
}

// line is the text of one instruction.
type line struct {
	offset, label, text, source string
}

func (r *Row) old() *line { return show(r.Old, r.oldLabel, r.oldText) }
func (r *Row) new() *line { return show(r.New, r.newLabel, r.newText) }

func show(l *Line, label int, shown string) *line {
	if l == nil {
		return nil
	}
	s := &line{offset: fmt.Sprintf("%x:", l.Off), text: text.Printable(shown), source: text.Printable(l.Source)}
	if label > 0 {
		s.label = fmt.Sprintf(".L%d:", label)
	}
	return s
}

func (l *line) String() string { return fmt.Sprintf("%6s %-5s %s", l.offset, l.label, l.text) }

// Unified writes the differences like diff -u: - is old, + is new. Each change shows its source
// line.
func Unified(w io.Writer, rows []Row) {
	for _, hunk := range hunks(rows) {
		fmt.Fprintln(w, header(hunk))
		column, last := sourceColumn(hunk), ""
		for _, s := range unified(hunk) {
			source := s.source
			if source == last {
				source = ""
			} else {
				last = source
			}
			fmt.Fprintln(w, besides(string(s.sign)+s.String(), source, column))
		}
	}
}

// besides appends source to s. It aligns source to column if s is short enough.
func besides(s, source string, column int) string {
	if source == "" {
		return strings.TrimRight(s, " ")
	}
	return s + strings.Repeat(" ", max(2, column-utf8.RuneCountInString(s))) + source
}

// widest is the largest column of source lines. Longer lines push the source to the right.
const widest = 72

func sourceColumn(hunk []Row) int {
	column := 0
	for _, s := range unified(hunk) {
		if n := utf8.RuneCountInString(s.String()) + 3; n <= widest {
			column = max(column, n)
		}
	}
	return column
}

type signed struct {
	line
	sign byte
}

// unified merges a hunk into one column, old lines before new lines.
func unified(hunk []Row) []signed {
	var list, news []signed
	for i := range hunk {
		r := &hunk[i]
		if r.Same {
			list, news = append(list, news...), nil
			list = append(list, signed{*r.new(), ' '})
			continue
		}
		if l := r.old(); l != nil {
			list = append(list, signed{*l, '-'})
		}
		if l := r.new(); l != nil {
			news = append(news, signed{*l, '+'})
		}
	}
	return append(list, news...)
}

// header returns the offsets at which a hunk begins in both functions.
func header(hunk []Row) string {
	from := func(side func(*Row) *Line) string {
		for i := range hunk {
			if l := side(&hunk[i]); l != nil {
				return fmt.Sprintf("%#x", l.Off)
			}
		}
		return "none"
	}
	old, new := from(func(r *Row) *Line { return r.Old }), from(func(r *Row) *Line { return r.New })
	return fmt.Sprintf("@@ -%s +%s @@", old, new)
}

// SideBySide writes the differences in two columns that fill width. Between the columns, | marks a
// change, < an old and > a new instruction.
func SideBySide(w io.Writer, rows []Row, width int) {
	cell := (width - 3) / 2
	for _, hunk := range hunks(rows) {
		fmt.Fprintln(w, header(hunk))
		lastOld, lastNew := "", ""
		for _, p := range pairs(hunk) {
			a, b := p.old.cell(cell, &lastOld), p.new.cell(cell, &lastNew)
			for i := range max(len(a), len(b)) {
				left, right := nth(a, i), nth(b, i)
				fill := strings.Repeat(" ", max(0, cell-utf8.RuneCountInString(left)))
				fmt.Fprintln(w, strings.TrimRight(left+fill+" "+string(p.sign)+" "+right, " "))
			}
		}
	}
}

func nth(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

type pair struct {
	old, new *line
	sign     byte
}

// pairs puts the lines of a change beside each other: the n-th old line beside the n-th new line.
func pairs(hunk []Row) []pair {
	var list []pair
	var olds, news []*line
	flush := func() {
		for i := range max(len(olds), len(news)) {
			p := pair{sign: '|'}
			if i < len(olds) {
				p.old = olds[i]
			} else {
				p.sign = '>'
			}
			if i < len(news) {
				p.new = news[i]
			} else {
				p.sign = '<'
			}
			list = append(list, p)
		}
		olds, news = nil, nil
	}
	for i := range hunk {
		r := &hunk[i]
		if r.Same {
			flush()
			list = append(list, pair{r.old(), r.new(), ' '})
			continue
		}
		if l := r.old(); l != nil {
			olds = append(olds, l)
		}
		if l := r.new(); l != nil {
			news = append(news, l)
		}
	}
	flush()
	return list
}

// cell formats a line in a column of width runes. A source line other than last follows, at the end
// if there is room, else in a row of its own.
func (l *line) cell(width int, last *string) []string {
	if l == nil {
		return nil
	}
	rows := wrap(l.String(), width)
	if l.source == "" || l.source == *last {
		return rows
	}
	*last = l.source
	end := &rows[len(rows)-1]
	if room := width - utf8.RuneCountInString(*end) - utf8.RuneCountInString(l.source); room >= 2 {
		*end += strings.Repeat(" ", room) + l.source
		return rows
	}
	return append(rows, wrap(fmt.Sprintf("%14s%s", "", l.source), width)...)
}

// wrap cuts s into rows of at most width runes. Continuation rows are indented.
func wrap(s string, width int) []string {
	const indent = "                    "
	var rows []string
	r := []rune(strings.TrimRight(s, " "))
	for len(r) > width && width > 2*len(indent) {
		rows = append(rows, string(r[:width]))
		r = append([]rune(indent), r[width:]...)
	}
	return append(rows, string(r))
}
