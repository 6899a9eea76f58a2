package klp

import (
	"debug/elf"
	"fmt"
	"strings"

	"kintsugi/internal/elfobj"
)

// Seal turns a linked module into a livepatch. The undefined symbols of links
// become SHN_LIVEPATCH and get their klp names. The relocations that use them move
// to .klp.rela.OBJECT.SECTION. Debug sections, which have paths of the machine that
// built them, are dropped. ld and modpost keep neither the symbols nor the
// sections, so sealing comes last.
func Seal(ko []byte, links Links) ([]byte, error) {
	f, err := elfobj.Read(ko)
	if err != nil {
		return nil, fmt.Errorf("linked module: %w", err)
	}
	dropDebug(f)
	awaits := map[*elfobj.Symbol]string{}
	for _, s := range f.Symbols {
		if link, ok := links[s.Name]; ok && s.Undefined() {
			s.Name, s.Index, s.Bind = link.Symbol.String(), elfobj.SHNLivepatch, elf.STB_GLOBAL
			awaits[s] = link.Awaits
		}
	}
	moveRelocs(f, awaits)
	return f.Write()
}

// moveRelocs moves the relocations that the livepatch core applies to sections of
// their own, one for each object that a symbol awaits.
func moveRelocs(f *elfobj.File, awaits map[*elfobj.Symbol]string) {
	var sealed []*elfobj.Section
	for _, s := range f.Sections {
		if s.Type != elf.SHT_RELA || s.Target == nil {
			continue
		}
		var plain []elfobj.Reloc
		byObject := map[string]*elfobj.Section{}
		for _, r := range s.Relocs {
			object, waits := awaits[r.Sym]
			if !waits {
				plain = append(plain, r)
				continue
			}
			k := byObject[object]
			if k == nil {
				k = klpSection(object, s.Target)
				byObject[object] = k
				sealed = append(sealed, k)
			}
			k.Relocs = append(k.Relocs, r)
		}
		s.Relocs = plain
	}
	f.Sections = append(f.Sections, sealed...)
}

func klpSection(object string, target *elfobj.Section) *elfobj.Section {
	return &elfobj.Section{Name: relaPrefix + object + "." + target.Name, Type: elf.SHT_RELA,
		Flags: elf.SHF_ALLOC | elf.SHF_INFO_LINK | elfobj.SHFRelaLivepatch, Align: 8, EntSize: 24, Target: target}
}

// dropDebug removes DWARF, its relocations and the symbols of its sections.
func dropDebug(f *elfobj.File) {
	debug := func(s *elfobj.Section) bool {
		return s != nil && (strings.HasPrefix(s.Name, ".debug_") || s.Target != nil &&
			strings.HasPrefix(s.Target.Name, ".debug_"))
	}
	var sections []*elfobj.Section
	for _, s := range f.Sections {
		if !debug(s) {
			sections = append(sections, s)
		}
	}
	var symbols []*elfobj.Symbol
	for _, s := range f.Symbols {
		if !debug(s.Section) {
			symbols = append(symbols, s)
		}
	}
	f.Sections, f.Symbols = sections, symbols
}
