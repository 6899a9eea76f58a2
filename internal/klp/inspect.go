package klp

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
)

// Module describes a livepatch module, by its file only.
type Module struct {
	Name      string   `json:"name"`
	Vermagic  string   `json:"vermagic"`
	License   string   `json:"license"`
	Livepatch bool     `json:"livepatch"` // marked by MODULE_INFO(livepatch, ...)
	Depends   []string `json:"depends"`   // modules
	ImportNS  []string `json:"import_ns"` // namespaces of exports
	Signed    bool     `json:"signed"`    // has an appended signature, which is not checked
	Size      int      `json:"size"`      // bytes of the file
	// Pinned is true if the module cannot be unloaded before the next boot: it has
	// an init function and no exit function (delete_module(2)).
	Pinned bool `json:"pinned"`
	// Accepted lists the findings, CODE:SYMBOL, that the author accepted.
	Accepted []string `json:"accepted,omitempty"`

	// Patch is nil if the file has no struct klp_patch: the module is no livepatch,
	// or makes the struct while it runs.
	Patch *Patch `json:"patch"`
	// The livepatch core resolves References, the module loader Imports.
	References []Reference `json:"references"`
	Imports    []Import    `json:"imports"`
}

// Patch is a struct klp_patch (include/linux/livepatch.h).
type Patch struct {
	Replace bool     `json:"replace"` // replaces all earlier livepatches
	Objects []Object `json:"objects"`
	States  []State  `json:"states,omitempty"`
}

// Object is a struct klp_object.
type Object struct {
	Name      string     `json:"name"` // vmlinux or a module
	Callbacks []string   `json:"callbacks,omitempty"`
	Functions []Function `json:"functions"`
	Unlisted  bool       `json:"-"` // no pointer to a list of functions, not even an empty one
}

// Function is a struct klp_func.
type Function struct {
	OldName string `json:"old_name"` // in kallsyms; empty if the module has none
	SymPos  uint64 `json:"sympos"`
	NewFunc string `json:"new_func"` // symbol in the module
	Size    uint64 `json:"size"`     // bytes of the new function

	code place
}

// Code returns the section of the module that has the new function, and its
// offset there. ok is false if the function is not in the module.
func (f *Function) Code() (section string, offset uint64, ok bool) {
	if f.code.section == nil {
		return "", 0, false
	}
	return f.code.section.Name, f.code.offset, true
}

// State is a struct klp_state.
type State struct {
	ID      uint64 `json:"id"`
	Version uint32 `json:"version"`
}

// Reference is a livepatch symbol and its uses. If the name does not have the
// form of a livepatch symbol, Object is empty and Symbol is the whole name.
type Reference struct {
	Symbol string `json:"symbol"`
	Object string `json:"object"`
	SymPos uint64 `json:"sympos"`
	Uses   []Use  `json:"uses"`
}

// Use counts the relocations of one section.
type Use struct {
	Section string `json:"section"` // .klp.rela.OBJECT.SECTION
	Relocs  int    `json:"relocs"`
}

// Import is one plain undefined symbol.
type Import struct {
	Symbol string  `json:"symbol"`
	Weak   bool    `json:"weak,omitempty"`
	CRC    *uint32 `json:"crc,omitempty"` // nil: __versions does not have it
}

// Inspect reads a module, which need not be a livepatch. For a file that is no
// module it returns an error of class Input.
func Inspect(ko []byte) (*Module, error) {
	f, err := readModule(ko)
	if err != nil {
		return nil, err
	}
	return f.describe(), nil
}

// moduleFile is a module and the parts read from it.
type moduleFile struct {
	*elfobj.File
	data       []byte
	info       modinfo
	versions   map[string]uint32
	hasVersion bool // has a list of versions, which may be empty

	// See patch.go.
	pointers map[*elfobj.Section][]pointer
	starts   map[*elfobj.Section][]uint64
	sizes    map[spot]uint64 // of data symbols
	funcs    map[spot]*elfobj.Symbol
	steps    int // left for reading arrays
}

func readModule(ko []byte) (*moduleFile, error) {
	f, err := elfobj.Read(ko)
	if err != nil {
		return nil, fmt.Errorf("kernel module: %w", err)
	}
	if f.Section(modinfoSection) == nil && f.Section(thisModuleSection) == nil {
		return nil, fault.Inputf("not a kernel module: neither %s nor %s", modinfoSection, thisModuleSection).
			Hint("an object file becomes a module when kbuild links it to NAME.ko")
	}
	m := &moduleFile{File: f, data: ko, info: readModinfo(f), steps: maxSteps}
	m.versions, m.hasVersion = readVersions(f)
	m.pointers = m.readPointers()
	m.index()
	return m, nil
}

func (m *moduleFile) describe() *Module {
	d := &Module{Name: m.name(), Size: len(m.data), Depends: m.info.depends(), ImportNS: m.info.all("import_ns"),
		Patch: m.patch(), References: m.references(), Imports: m.imports()}
	d.Vermagic, _ = m.info.get("vermagic")
	d.License, _ = m.info.get("license")
	_, d.Livepatch = m.info.get("livepatch")
	if accepted := m.info.all("accepted"); len(accepted) > 0 {
		d.Accepted = accepted
	}
	d.Signed, _ = signature(m.data)
	d.Pinned = m.defines("init_module") && !m.defines("cleanup_module")
	return d
}

// defines reports whether the module defines a symbol.
func (m *moduleFile) defines(name string) bool {
	return slices.ContainsFunc(m.Symbols, func(s *elfobj.Symbol) bool { return s.Name == name && !s.Undefined() })
}

// name is the module's name in the kernel.
func (m *moduleFile) name() string {
	if name, ok := m.structName(); ok {
		return name
	}
	name, _ := m.info.get("name")
	return name
}

// structName is the name in struct module, which begins with the module's
// state and a list_head: 24 bytes on 64-bit machines.
func (m *moduleFile) structName() (string, bool) {
	s := m.Section(thisModuleSection)
	if s == nil || len(s.Data) < 24+moduleNameLen {
		return "", false
	}
	name, _, ok := strings.Cut(string(s.Data[24:24+moduleNameLen]), "\x00")
	return name, ok && name != ""
}

func (m *moduleFile) references() []Reference {
	refs := []Reference{}
	index := map[*elfobj.Symbol]int{}
	for _, s := range m.Sections {
		if s.Flags&elfobj.SHFRelaLivepatch == 0 {
			continue
		}
		for _, r := range s.Relocs {
			if r.Sym == nil {
				continue
			}
			i, ok := index[r.Sym]
			if !ok {
				i = len(refs)
				index[r.Sym] = i
				refs = append(refs, newReference(r.Sym.Name))
			}
			refs[i].use(s.Name)
		}
	}
	slices.SortStableFunc(refs, func(a, b Reference) int {
		return cmp.Or(strings.Compare(a.Object, b.Object), strings.Compare(a.Symbol, b.Symbol),
			cmp.Compare(a.SymPos, b.SymPos))
	})
	return refs
}

func newReference(name string) Reference {
	if s, ok := ParseSymbol(name); ok {
		return Reference{Symbol: s.Name, Object: s.Object, SymPos: s.Pos}
	}
	return Reference{Symbol: name}
}

func (r *Reference) use(section string) {
	if n := len(r.Uses); n > 0 && r.Uses[n-1].Section == section {
		r.Uses[n-1].Relocs++
		return
	}
	r.Uses = append(r.Uses, Use{Section: section, Relocs: 1})
}

func (m *moduleFile) imports() []Import {
	imports := []Import{}
	for _, s := range m.Symbols {
		if !s.Undefined() {
			continue
		}
		i := Import{Symbol: s.Name, Weak: s.Bind == elf.STB_WEAK}
		if crc, ok := m.versions[s.Name]; ok {
			i.CRC = &crc
		}
		imports = append(imports, i)
	}
	slices.SortFunc(imports, func(a, b Import) int { return strings.Compare(a.Symbol, b.Symbol) })
	return imports
}
