// Package debuginfo reads the DWARF of relocatable objects: the source lines of code, the layouts
// of types, and prototypes.
package debuginfo

import (
	"debug/dwarf"
	"fmt"
	"io"
	"path"
	"sort"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// Lines is an object's line table. It has the source line of each place in the code, and the
// inlined functions there.
type Lines struct {
	rows    map[*elfobj.Section][]lineRow // by offset
	inlined map[*elfobj.Section][]inlining
}

// Line is a place in a source file. The file has the name that was passed to the compiler.
type Line struct {
	File   string // relative to the compilation's directory
	Number int
	Inline string // innermost inlined function that contains the code, if any
}

type lineRow struct {
	off  uint64
	file string
	line int
	end  bool // of a sequence
}

type inlining struct {
	from, to uint64
	name     string
}

// ReadLines reads the line table of an object. Without DWARF the result is empty.
func ReadLines(f *elfobj.File) (*Lines, error) {
	l := &Lines{rows: map[*elfobj.Section][]lineRow{}, inlined: map[*elfobj.Section][]inlining{}}
	if f.Section(".debug_info") == nil || f.Section(".debug_line") == nil {
		return l, nil
	}
	d, err := open(f)
	if err != nil {
		return nil, fmt.Errorf("debug info: %w", err)
	}
	return l, l.read(f, d)
}

func (l *Lines) read(f *elfobj.File, d *dwarf.Data) error {
	err := eachEntry(f, d, func(e *dwarf.Entry, _ int) error {
		switch e.Tag {
		case dwarf.TagCompileUnit:
			return l.readRows(f, d, e)
		case dwarf.TagInlinedSubroutine:
			return l.readInlined(f, d, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, rows := range l.rows {
		sort.SliceStable(rows, func(i, j int) bool { return rows[i].off < rows[j].off })
	}
	return nil
}

func (l *Lines) readRows(f *elfobj.File, d *dwarf.Data, unit *dwarf.Entry) error {
	lr, err := d.LineReader(unit)
	if err != nil || lr == nil {
		return err
	}
	for {
		var e dwarf.LineEntry
		if err := lr.Next(&e); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		sec, off := place(f, e.Address)
		if sec == nil || e.File == nil {
			continue
		}
		l.rows[sec] = append(l.rows[sec], lineRow{off: off, file: path.Clean(e.File.Name), line: e.Line, end: e.EndSequence})
	}
}

func (l *Lines) readInlined(f *elfobj.File, d *dwarf.Data, e *dwarf.Entry) error {
	ranges, err := d.Ranges(e)
	if err != nil {
		return err
	}
	name := originName(d, e)
	for _, r := range ranges {
		if sec, off := place(f, r[0]); sec != nil {
			l.inlined[sec] = append(l.inlined[sec], inlining{off, off + r[1] - r[0], name})
		}
	}
	return nil
}

func originName(d *dwarf.Data, e *dwarf.Entry) string {
	at, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
	if !ok {
		return ""
	}
	r := d.Reader()
	r.Seek(at)
	origin, err := r.Next()
	if err != nil || origin == nil {
		return ""
	}
	name, _ := origin.Val(dwarf.AttrName).(string)
	return name
}

// Of returns the source lines of a, in the order of its code.
func (l *Lines) Of(a *objmodel.Atom) []Line {
	var list []Line
	for _, r := range l.rows[a.Section] {
		if r.end || r.off < a.Off || r.off >= a.Off+a.Size {
			continue
		}
		list = append(list, Line{File: r.file, Number: r.line, Inline: l.inlineAt(a.Section, r.off)})
	}
	return list
}

// inlineAt returns the innermost function inlined at off.
func (l *Lines) inlineAt(sec *elfobj.Section, off uint64) string {
	name, best := "", uint64(0)
	for _, in := range l.inlined[sec] {
		if off >= in.from && off < in.to && (name == "" || in.to-in.from <= best) {
			name, best = in.name, in.to-in.from
		}
	}
	return name
}

// At returns the source line of the byte at off of a.
func (l *Lines) At(a *objmodel.Atom, off uint64) (line Line, ok bool) {
	rows, pos := l.rows[a.Section], a.Off+off
	i := sort.Search(len(rows), func(i int) bool { return rows[i].off > pos }) - 1
	if i < 0 || rows[i].end || rows[i].off < a.Off {
		return line, false
	}
	return Line{File: rows[i].file, Number: rows[i].line, Inline: l.inlineAt(a.Section, pos)}, true
}
