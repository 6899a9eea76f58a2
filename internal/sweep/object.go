package main

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"maps"
	"path"
	"slices"
)

// object describes the functions of a compiled unit. It uses only the standard library, so that the
// check shares no code with the differ.
type object struct {
	functions []function
	holding   map[string]map[string]bool // by function: the emitted functions that contain its code
	code      map[string]string          // of emitted functions, see readCode
}

// function is a definition in the source.
type function struct {
	name, file string
	line       int
}

func readObject(data []byte) (*object, error) {
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	info, err := file.DWARF()
	if err != nil {
		return nil, err
	}
	w := &walker{info: info, names: map[dwarf.Offset]string{}}
	if err := w.walk(); err != nil {
		return nil, err
	}
	code, err := readCode(file)
	return &object{functions: w.functions, holding: w.holding(), code: code}, err
}

// holders lists the emitted functions that contain the code of name.
func (o *object) holders(name string) []string {
	return slices.Collect(maps.Keys(o.holding[name]))
}

func (o *object) emits(name string) bool { return o.holding[name][name] }

// walker walks through debug info. Inlined functions are nested in the emitted function, so
// addresses are not needed.
type walker struct {
	info      *dwarf.Data
	files     []*dwarf.LineFile // of the compilation unit
	names     map[dwarf.Offset]string
	functions []function
	inlined   []inlining
	around    []dwarf.Offset // by level: definition of the enclosing emitted function, or 0
}

// inlining is an emitted function (holder) with the code of a function (origin), its own or
// inlined. Both are offsets of definitions, which may follow later.
type inlining struct{ origin, holder dwarf.Offset }

func (w *walker) walk() error {
	for r := w.info.Reader(); ; {
		e, err := r.Next()
		if err != nil || e == nil {
			return err
		}
		if e.Tag == 0 {
			w.around = w.around[:len(w.around)-1]
			continue
		}
		holder, err := w.enter(e)
		if err != nil {
			return err
		}
		if e.Children {
			w.around = append(w.around, holder)
		}
	}
}

// enter records an entry and returns the emitted function that contains its children.
func (w *walker) enter(e *dwarf.Entry) (holder dwarf.Offset, err error) {
	if len(w.around) > 0 {
		holder = w.around[len(w.around)-1]
	}
	origin, _ := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
	switch e.Tag {
	case dwarf.TagCompileUnit:
		lines, err := w.info.LineReader(e)
		if err != nil || lines == nil {
			return 0, err
		}
		w.files = lines.Files()
	case dwarf.TagSubprogram:
		return w.define(e, origin), nil
	case dwarf.TagInlinedSubroutine:
		w.inlined = append(w.inlined, inlining{origin, holder})
	}
	return holder, nil
}

// define records a function, and returns its definition if it is emitted.
func (w *walker) define(e *dwarf.Entry, origin dwarf.Offset) dwarf.Offset {
	if name, ok := e.Val(dwarf.AttrName).(string); ok {
		origin = e.Offset
		w.names[origin] = name
		line, _ := e.Val(dwarf.AttrDeclLine).(int64)
		file, _ := e.Val(dwarf.AttrDeclFile).(int64)
		if e.Val(dwarf.AttrDeclaration) == nil && file >= 0 && file < int64(len(w.files)) && w.files[file] != nil {
			w.functions = append(w.functions, function{name, path.Clean(w.files[file].Name), int(line)})
		}
	}
	if e.Val(dwarf.AttrLowpc) == nil && e.Val(dwarf.AttrRanges) == nil {
		return 0
	}
	w.inlined = append(w.inlined, inlining{origin, origin})
	return origin
}

func (w *walker) holding() map[string]map[string]bool {
	holding := map[string]map[string]bool{}
	for _, in := range w.inlined {
		name, holder := w.names[in.origin], w.names[in.holder]
		if holding[name] == nil {
			holding[name] = map[string]bool{}
		}
		holding[name][holder] = true
	}
	return holding
}

// readCode returns a text for each function with all its parts: the bytes, and the relocations with
// their targets. Equal texts mean equal code. Its entries in special sections are ignored.
func readCode(file *elf.File) (map[string]string, error) {
	symbols, err := file.Symbols()
	if err != nil {
		return nil, err
	}
	relocs, err := readRelocs(file, symbols)
	if err != nil {
		return nil, err
	}
	code := map[string]string{}
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC || int(s.Section) >= len(file.Sections) {
			continue
		}
		data, err := file.Sections[s.Section].Data()
		if err != nil || s.Value+s.Size > uint64(len(data)) {
			return nil, fmt.Errorf("function %s: %w", s.Name, err)
		}
		text := fmt.Sprintf("%x\n", data[s.Value:s.Value+s.Size])
		for _, r := range relocs[int(s.Section)] {
			if r.offset >= s.Value && r.offset < s.Value+s.Size {
				text += fmt.Sprintf("%#x %s\n", r.offset-s.Value, r.target)
			}
		}
		code[sourceName(s.Name)] += text
	}
	return code, nil
}

// reloc is a relocation, in the order of the section.
type reloc struct {
	offset uint64
	target string // type and target
}

// readRelocs returns the relocations of all sections, by section number.
func readRelocs(file *elf.File, symbols []elf.Symbol) (map[int][]reloc, error) {
	relocs := map[int][]reloc{}
	for _, sec := range file.Sections {
		if sec.Type != elf.SHT_RELA {
			continue
		}
		data, err := sec.Data()
		if err != nil {
			return nil, err
		}
		for ; len(data) >= 24; data = data[24:] {
			info := file.ByteOrder.Uint64(data[8:])
			number, kind := int(info>>32), elf.R_X86_64(uint32(info))
			if number < 1 || number > len(symbols) {
				continue
			}
			target, err := pointsAt(file, symbols[number-1], kind, int64(file.ByteOrder.Uint64(data[16:])))
			if err != nil {
				return nil, err
			}
			relocs[int(sec.Info)] = append(relocs[int(sec.Info)], reloc{file.ByteOrder.Uint64(data), target})
		}
	}
	return relocs, nil
}

// pointsAt describes the target of a relocation. Strings are described by their text, because they
// move when other strings change.
func pointsAt(file *elf.File, s elf.Symbol, kind elf.R_X86_64, addend int64) (string, error) {
	if elf.ST_TYPE(s.Info) != elf.STT_SECTION || int(s.Section) >= len(file.Sections) {
		return fmt.Sprintf("%v %s%+d", kind, sourceName(s.Name), addend), nil
	}
	sec := file.Sections[s.Section]
	if sec.Flags&elf.SHF_STRINGS == 0 {
		return fmt.Sprintf("%v %s%+d", kind, sec.Name, addend), nil
	}
	data, err := sec.Data()
	if err != nil {
		return "", err
	}
	at := int64(s.Value) + addend
	if kind == elf.R_X86_64_PC32 {
		at += 4 // relative to the end of the field
	}
	if at < 0 || at >= int64(len(data)) {
		return fmt.Sprintf("%v %s%+d", kind, sec.Name, addend), nil
	}
	text, _, _ := bytes.Cut(data[at:], []byte{0})
	return fmt.Sprintf("%v %q", kind, text), nil
}
