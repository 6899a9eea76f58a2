package kofile

import (
	"debug/elf"
	"iter"
	"slices"
	"strings"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
)

// Uses returns the functions and variables of an unpacked module that refer to an undefined symbol,
// by name, in the order of the file. If several have the same name, the name occurs once for each.
// Code and data without a name is named by its section.
func Uses(ko []byte, symbol string) ([]string, error) {
	f, err := elfobj.Read(ko)
	if err != nil {
		return nil, fault.Inputf("not a kernel module: %w", err)
	}
	var names, parts []string
	seen := map[*elfobj.Symbol]bool{}
	for section, offset := range references(f, symbol) {
		user := at(f, section, offset)
		switch {
		case user == nil:
			names = append(names, section.Name)
		case seen[user]:
		case strings.HasSuffix(user.Name, cold):
			parts = append(parts, strings.TrimSuffix(user.Name, cold))
		default:
			names = append(names, user.Name)
		}
		seen[user] = true
	}
	for _, p := range parts {
		if !slices.Contains(names, p) {
			names = append(names, p)
		}
	}
	return names, nil
}

// cold ends the name of the part of a function that gcc splits off.
const cold = ".cold"

// references returns the places in allocated sections that refer to an undefined symbol.
func references(f *elfobj.File, symbol string) iter.Seq2[*elfobj.Section, uint64] {
	return func(yield func(*elfobj.Section, uint64) bool) {
		for _, section := range f.Sections {
			if section.Target == nil || section.Target.Flags&elf.SHF_ALLOC == 0 {
				continue
			}
			for _, r := range section.Relocs {
				if r.Sym != nil && r.Sym.Name == symbol && r.Sym.Section == nil && !yield(section.Target, r.Offset) {
					return
				}
			}
		}
	}
}

// at returns the function or variable that contains an offset of a section.
func at(f *elfobj.File, section *elfobj.Section, offset uint64) *elfobj.Symbol {
	i := slices.IndexFunc(f.Symbols, func(s *elfobj.Symbol) bool {
		return s.Section == section && (s.Type == elf.STT_FUNC || s.Type == elf.STT_OBJECT) &&
			s.Value <= offset && offset-s.Value < s.Size
	})
	if i < 0 {
		return nil
	}
	return f.Symbols[i]
}
