package elfdiff_test

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"testing"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// scope is the place of a static local in debug info: its function and line.
type scope struct {
	function, name string
	line           int
}

// staticLocals returns the static locals of an object for x86-64 with DWARF 4, by atom.
func staticLocals(t *testing.T, o *objmodel.Object) map[*objmodel.Atom]scope {
	t.Helper()
	r := debugInfo(t, o.File).Reader()
	found := map[*objmodel.Atom]scope{}
	var around []string // by level: the function
	for {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			return found
		}
		if e.Tag == 0 {
			around = around[:len(around)-1]
			continue
		}
		function := ""
		if len(around) > 0 {
			function = around[len(around)-1]
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		switch at, _ := e.Val(dwarf.AttrLocation).([]byte); {
		case e.Tag == dwarf.TagSubprogram:
			function = name
		case e.Tag == dwarf.TagVariable && name != "" && function != "" && len(at) == 9 && at[0] == 3: // DW_OP_addr
			line, _ := e.Val(dwarf.AttrDeclLine).(int64)
			if a := atomAt(o, binary.LittleEndian.Uint64(at[1:])); a != nil {
				found[a] = scope{function, name, int(line)}
			}
		}
		if e.Children {
			around = append(around, function)
		}
	}
}

// sectionSpan keeps sections apart: section n begins at n times sectionSpan.
const sectionSpan = 1 << 32

func atomAt(o *objmodel.Object, address uint64) *objmodel.Atom {
	for _, a := range o.Atoms {
		if i := address / sectionSpan; a.Kind == objmodel.Data && i > 0 &&
			a.Section == o.File.Sections[i-1] && a.Off == address%sectionSpan {
			return a
		}
	}
	return nil
}

func debugInfo(t *testing.T, f *elfobj.File) *dwarf.Data {
	t.Helper()
	base := map[*elfobj.Section]uint64{}
	for i, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 {
			base[s] = uint64(i+1) * sectionSpan
		}
	}
	sections := map[string][]byte{}
	for _, s := range f.Sections {
		if s.Type == elf.SHT_PROGBITS {
			sections[s.Name] = append([]byte(nil), s.Data...)
		}
	}
	for _, rs := range f.Sections {
		if rs.Target == nil || rs.Target.Name != ".debug_info" {
			continue
		}
		data := sections[".debug_info"]
		for _, r := range rs.Relocs {
			v := base[r.Sym.Section] + r.Sym.Value + uint64(r.Addend)
			switch elf.R_X86_64(r.Type) {
			case elf.R_X86_64_64:
				binary.LittleEndian.PutUint64(data[r.Offset:], v)
			case elf.R_X86_64_32:
				binary.LittleEndian.PutUint32(data[r.Offset:], uint32(v))
			}
		}
	}
	d, err := dwarf.New(sections[".debug_abbrev"], nil, nil, sections[".debug_info"], nil, nil, nil,
		sections[".debug_str"])
	if err != nil {
		t.Fatal(err)
	}
	return d
}
