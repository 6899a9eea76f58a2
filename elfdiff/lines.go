package elfdiff

import (
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"

	"kintsugi/internal/elfobj"
)

// Lines is an object's line table: which source line each place of its code
// comes from, and through which inlined functions.
type Lines struct {
	rows    map[*elfobj.Section][]lineRow // by offset
	inlined map[*elfobj.Section][]inlining
}

// Line is a place in a source file as the compiler was told of it.
type Line struct {
	File   string // relative to the compilation's directory
	Number int
	Inline string // innermost inlined function that the code comes from, if any
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

// sectionSpan keeps sections apart in the address space that DWARF is read
// in: the n-th section lies at n times this.
const sectionSpan = 1 << 32

// Lines reads the object's DWARF; an object without any has no lines.
func (o *Object) Lines() (*Lines, error) {
	l := &Lines{rows: map[*elfobj.Section][]lineRow{}, inlined: map[*elfobj.Section][]inlining{}}
	if o.File.Section(".debug_info") == nil || o.File.Section(".debug_line") == nil {
		return l, nil
	}
	d, err := o.dwarf()
	if err != nil {
		return nil, fmt.Errorf("debug info: %w", err)
	}
	return l, l.read(o, d)
}

// dwarf applies the relocations of the debug sections and opens them.
func (o *Object) dwarf() (*dwarf.Data, error) {
	base := map[*elfobj.Section]uint64{}
	for i, s := range o.File.Sections {
		if s.Flags&elf.SHF_EXECINSTR != 0 {
			base[s] = uint64(i+1) * sectionSpan
		}
	}
	sections := map[string][]byte{}
	for _, s := range o.File.Sections {
		if len(s.Name) > 7 && s.Name[:7] == ".debug_" && s.Type == elf.SHT_PROGBITS {
			sections[s.Name[7:]] = o.relocated(s, base)
		}
	}
	d, err := dwarf.New(sections["abbrev"], nil, nil, sections["info"], sections["line"], nil, sections["ranges"], sections["str"])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"addr", "line_str", "str_offsets", "rnglists"} {
		if data, ok := sections[name]; ok {
			if err := d.AddSection(".debug_"+name, data); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// relocated is a copy of a debug section with its absolute relocations applied.
func (o *Object) relocated(s *elfobj.Section, base map[*elfobj.Section]uint64) []byte {
	data := append([]byte(nil), s.Data...)
	for _, rs := range o.File.Sections {
		if rs.Target != s {
			continue
		}
		for _, r := range rs.Relocs {
			kind := o.arch.relocs[r.Type]
			if r.Sym == nil || kind.pcrel || r.Offset+uint64(kind.size) > uint64(len(data)) || r.Offset+uint64(kind.size) < r.Offset {
				continue
			}
			v := r.Sym.Value + uint64(r.Addend)
			if r.Sym.Section != nil {
				v += base[r.Sym.Section]
			}
			switch kind.size {
			case 8:
				o.File.ByteOrder.PutUint64(data[r.Offset:], v)
			case 4:
				o.File.ByteOrder.PutUint32(data[r.Offset:], uint32(v))
			}
		}
	}
	return data
}

func (l *Lines) read(o *Object, d *dwarf.Data) error {
	err := o.eachEntry(d, func(e *dwarf.Entry, _ int) error {
		switch e.Tag {
		case dwarf.TagCompileUnit:
			return l.readRows(o, d, e)
		case dwarf.TagInlinedSubroutine:
			return l.readInlined(o, d, e)
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

// eachEntry visits the entries of debug info, those of a unit at depth 1.
func (o *Object) eachEntry(d *dwarf.Data, visit func(e *dwarf.Entry, depth int) error) error {
	depth := 1
	most := len(o.File.Section(".debug_info").Data) // an entry has a byte at least
	for r := d.Reader(); ; most-- {
		e, err := r.Next()
		switch {
		case err != nil || e == nil:
			return err
		case most == 0:
			return errors.New("entries without an end") // which dwarf.Reader does not notice
		case e.Tag == 0:
			depth--
			continue
		case e.Tag == dwarf.TagCompileUnit:
			depth = 1
		}
		if err := visit(e, depth); err != nil {
			return err
		}
		if e.Children {
			depth++
		}
	}
}

func (l *Lines) readRows(o *Object, d *dwarf.Data, unit *dwarf.Entry) error {
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
		sec, off := o.place(e.Address)
		if sec == nil || e.File == nil {
			continue
		}
		l.rows[sec] = append(l.rows[sec], lineRow{off: off, file: path.Clean(e.File.Name), line: e.Line, end: e.EndSequence})
	}
}

func (l *Lines) readInlined(o *Object, d *dwarf.Data, e *dwarf.Entry) error {
	ranges, err := d.Ranges(e)
	if err != nil {
		return err
	}
	name := originName(d, e)
	for _, r := range ranges {
		if sec, off := o.place(r[0]); sec != nil {
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

// place undoes sectionSpan.
func (o *Object) place(addr uint64) (*elfobj.Section, uint64) {
	n := addr / sectionSpan
	if n == 0 || n > uint64(len(o.File.Sections)) {
		return nil, 0
	}
	return o.File.Sections[n-1], addr % sectionSpan
}

// Of are the source lines of a, in the order of its code.
func (l *Lines) Of(a *Atom) []Line {
	var list []Line
	for _, r := range l.rows[a.Section] {
		if r.end || r.off < a.Off || r.off >= a.Off+a.Size {
			continue
		}
		list = append(list, Line{File: r.file, Number: r.line, Inline: l.inlineAt(a.Section, r.off)})
	}
	return list
}

// inlineAt is the innermost function inlined at off.
func (l *Lines) inlineAt(sec *elfobj.Section, off uint64) string {
	name, best := "", uint64(0)
	for _, in := range l.inlined[sec] {
		if off >= in.from && off < in.to && (name == "" || in.to-in.from <= best) {
			name, best = in.name, in.to-in.from
		}
	}
	return name
}
