package klp

import (
	"bytes"
	"debug/elf"
	"slices"
	"strings"
	"testing"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/report"
)

// twin is the good module with one thing wrong, which must be found.
type twin struct {
	name string
	edit func(t *testing.T, f *elfobj.File)
	code diag.Code
	want string // in the message
}

var twins = []twin{
	{"machine", func(t *testing.T, f *elfobj.File) { f.Machine = elf.EM_AARCH64 }, diag.LoadRule,
		"the kernel for EM_X86_64"},
	{"writable code", func(t *testing.T, f *elfobj.File) { section(t, f, ".text").Flags |= elf.SHF_WRITE },
		diag.LoadRule, "writable and executable"},
	{"alignment", func(t *testing.T, f *elfobj.File) { section(t, f, ".text").Align = 8192 }, diag.LoadRule,
		"alignment of 8192"},
	{"no this_module", func(t *testing.T, f *elfobj.File) { section(t, f, thisModuleSection).Name = ".data.other" },
		diag.LoadRule, "0 sections .gnu"},
	{"this_module without name", func(t *testing.T, f *elfobj.File) { clear(own(section(t, f, thisModuleSection))) },
		diag.LoadRule, "no name"},
	{"other name in modinfo", func(t *testing.T,
		f *elfobj.File) {
		modinfoLine(t, f, "name=livepatch", "name=livepitch")
	}, diag.LoadRule, "livepitch"},
	{"struct module too small", func(t *testing.T, f *elfobj.File) {
		s := section(t, f, thisModuleSection)
		s.Data = append(own(s), make([]byte, 64)...)
	}, diag.LoadRule, "struct module has"},
	{"vermagic", func(t *testing.T, f *elfobj.File) { modinfoLine(t, f, " mod_unload", " mod_upload") }, diag.LoadRule,
		"version magic"},
	{"other release", func(t *testing.T, f *elfobj.File) { modinfoLine(t, f, "vermagic=6", "vermagic=7") },
		diag.LoadRule, "version magic"},
	{"licence", func(t *testing.T, f *elfobj.File) { modinfoLine(t, f, "license=GPL", "license=XPL") }, diag.LoadRule,
		`licence "XPL"`},
	{"no licence", func(t *testing.T, f *elfobj.File) { modinfoLine(t, f, "license=GPL", "licence=GPL") }, diag.LoadRule,
		`"unspecified"`},
	{"no livepatch mark", func(t *testing.T, f *elfobj.File) { modinfoLine(t, f, "livepatch=Y", "livepotch=Y") },
		diag.LoadRule, "not marked"},
	{"namespace", func(t *testing.T, f *elfobj.File) { modinfoLine(t, f, "import_ns=DMA_BUF", "import_ns=DMA_BAF") },
		diag.LoadRule, "namespace DMA_BUF"},
	{"CRC", func(t *testing.T, f *elfobj.File) { versionOf(t, f, "seq_printf")[0] ^= 1 }, diag.LoadRule,
		"seq_printf has version"},
	{"CRC of struct module", func(t *testing.T, f *elfobj.File) { versionOf(t, f, "module_layout")[0] ^= 1 },
		diag.LoadRule, "module_layout has version"},
	{"no CRC", func(t *testing.T, f *elfobj.File) { versionOf(t, f, "seq_printf")[8] = 'S' }, diag.LoadRule,
		"no version of symbol seq_printf"},
	{"no versions", func(t *testing.T, f *elfobj.File) { section(t, f, "__versions").Name = "__verzions" },
		diag.LoadRule, "no version of symbol"},
	{"unknown import", func(t *testing.T, f *elfobj.File) { symbol(t, f, "seq_printf").Name = "no_such_function" },
		diag.LoadRule, "not exported"},
	{"import from a module", func(t *testing.T, f *elfobj.File) {
		symbol(t, f, "seq_printf").
			Name = "usb_register_driver"
	}, diag.LoadRule, "exported by the module usbcore"},
	{"common symbol", func(t *testing.T, f *elfobj.File) {
		f.Symbols = append(f.Symbols, &elfobj.Symbol{Name: "common", Index: elf.SHN_COMMON, Bind: elf.STB_GLOBAL})
	}, diag.LoadRule, "common symbol"},
	{"odd section number", func(t *testing.T, f *elfobj.File) { klpSymbolOf(t, f, "meminfo_proc_show").Index = 0xff21 },
		diag.LoadRule, "0xff21"},
	{"not sealed", func(t *testing.T, f *elfobj.File) { klpSymbolOf(t, f, "meminfo_proc_show").Index = elf.SHN_UNDEF },
		diag.LoadRule, "not marked as a livepatch symbol"},
	{"relocation type", func(t *testing.T, f *elfobj.File) {
		klpRelocs(t, f).
			Relocs[0].Type = uint32(elf.R_X86_64_GOTPCREL)
	}, diag.LoadRule, "R_X86_64_GOTPCREL"},
	{"relocation outside", func(t *testing.T, f *elfobj.File) { klpRelocs(t, f).Relocs[0].Offset = 1 << 40 },
		diag.LoadRule, "outside .text"},
	{"relocation across the end", func(t *testing.T, f *elfobj.File) {
		klpRelocs(t, f).Relocs[0].Offset = uint64(len(section(t, f, ".text").Data)) - 3
	}, diag.LoadRule, "outside .text"},
	{"bytes not zero", func(t *testing.T, f *elfobj.File) {
		own(section(t, f, ".text"))[klpRelocs(t, f).
			Relocs[0].Offset] = 1
	}, diag.LoadRule, "not zero"},
	{"two relocations of a field", func(t *testing.T, f *elfobj.File) {
		s := klpRelocs(t, f)
		s.Relocs = append(s.Relocs, s.Relocs[0])
	}, diag.LoadRule, "two relocations"},
	{"relocations without addends", func(t *testing.T, f *elfobj.File) {
		s := section(t, f, ".rela.text")
		s.Type, s.EntSize = elf.SHT_REL, 16
		for i := range s.Relocs {
			s.Relocs[i].Addend = 0
		}
	}, diag.LoadRule, "without addends"},
	{"klp symbol in a plain section", func(t *testing.T, f *elfobj.File) {
		k := klpRelocs(t, f)
		plain := section(t, f, ".rela.text")
		plain.Relocs = append(plain.Relocs, k.Relocs[0])
		k.Relocs = k.Relocs[1:]
	}, diag.LoadRule, "plain relocation section"},
	{"plain symbol in a klp section", func(t *testing.T, f *elfobj.File) {
		klpRelocs(t, f).
			Relocs[0].Sym = symbol(t, f, "seq_printf")
	}, diag.LoadRule, "not marked as a livepatch symbol"},
	{"no livepatch flag", func(t *testing.T, f *elfobj.File) { klpRelocs(t, f).Flags &^= elfobj.SHFRelaLivepatch },
		diag.LoadRule, "SHF_RELA_LIVEPATCH"},
	{"not in memory", func(t *testing.T, f *elfobj.File) { klpRelocs(t, f).Flags &^= elf.SHF_ALLOC }, diag.LoadRule,
		"SHF_ALLOC"},
	{"section without object", func(t *testing.T, f *elfobj.File) { klpRelocs(t, f).Name = ".klp.rela..text" },
		diag.LoadRule, "incorrectly formatted"},
	{"object of 56 bytes", func(t *testing.T, f *elfobj.File) {
		klpRelocs(t, f).Name = ".klp.rela." + strings.Repeat("m", 56) + "..text"
	}, diag.LoadRule, "incorrectly formatted"},
	{"section without target", func(t *testing.T, f *elfobj.File) { klpRelocs(t, f).Target = nil }, diag.LoadRule,
		"changes no section"},
	{"symbol without position", func(t *testing.T, f *elfobj.File) {
		klpSymbolOf(t, f, "meminfo_proc_show").Name = ".klp.sym.vmlinux.meminfo_proc_show"
	}, diag.LoadRule, "incorrectly formatted"},
	{"symbol with a comma", func(t *testing.T, f *elfobj.File) {
		klpSymbolOf(t, f, "meminfo_proc_show").Name = ".klp.sym.vmlinux.a,b,0"
	}, diag.LoadRule, "incorrectly formatted"},
	{"long name", func(t *testing.T, f *elfobj.File) {
		klpSymbolOf(t, f, "meminfo_proc_show").Name = ".klp.sym.vmlinux." + strings.Repeat("n", 512) + ",0"
	}, diag.LoadRule, "too long"},
	{"no such symbol", func(t *testing.T, f *elfobj.File) {
		klpSymbolOf(t, f, "meminfo_proc_show").Name = ".klp.sym.vmlinux.no_such_symbol,0"
	}, diag.LoadRule, "no symbol no_such_symbol"},
	{"position too high", func(t *testing.T, f *elfobj.File) {
		klpSymbolOf(t, f, "meminfo_proc_show").Name = ".klp.sym.vmlinux.meminfo_proc_show,2"
	}, diag.LoadRule, "position 2"},
	{"position 0 of several", func(t *testing.T, f *elfobj.File) {
		klpSymbolOf(t, f, "meminfo_proc_show").Name = ".klp.sym.vmlinux.user_read,0"
	}, "ambiguous-symbol", "user_read"},
	{"reference to init code", func(t *testing.T, f *elfobj.File) {
		klpSymbolOf(t, f, "meminfo_proc_show").Name = ".klp.sym.vmlinux.start_kernel,0"
	}, "init-code", "start_kernel"},
	{"kernel symbol from a module's section", func(t *testing.T, f *elfobj.File) {
		klpRelocs(t, f).
			Name = ".klp.rela.some_module..text"
	}, diag.LoadRule, "refers to the kernel's"},
	{"late jump label", func(t *testing.T, f *elfobj.File) { section(t, f, ".text").Name = "__jump_table" },
		"module-static-key", "before the module some_module"},
	{"late alternative", func(t *testing.T, f *elfobj.File) { section(t, f, ".text").Name = ".altinstructions" },
		diag.LoadRule, "the kernel reads"},
	{"object without functions", func(t *testing.T, f *elfobj.File) { dropPointers(t, f, "vmlinux_funcs") },
		diag.LoadRule, "vmlinux has no functions"},
	{"object named twice", func(t *testing.T, f *elfobj.File) { rename(t, f, "some_module", "vmlinux") }, diag.LoadRule,
		"two objects are called vmlinux"},
	{"function replaced twice", func(t *testing.T,
		f *elfobj.File) {
		rename(t, f, "meminfo_proc_show", "cmdline_proc_show")
	}, diag.LoadRule, "replaced twice"},
	{"function of no name", func(t *testing.T, f *elfobj.File) { rename(t, f, "meminfo_proc_show", "") }, diag.LoadRule,
		"without a valid name"},
	{"unknown function", func(t *testing.T, f *elfobj.File) { rename(t, f, "meminfo_proc_show", "meminfo_prok_show") },
		diag.LoadRule, "no symbol meminfo_prok_show"},
	{"ambiguous function", func(t *testing.T, f *elfobj.File) { rename(t, f, "cmdline_proc_show", "user_read") },
		"ambiguous-symbol", "user_read"},
	{"wrong position of a function", func(t *testing.T, f *elfobj.File) { sympos(t, f, 1, 3) }, diag.LoadRule,
		"position 3"},
	{"data replaced", func(t *testing.T, f *elfobj.File) { rename(t, f, "meminfo_proc_show", "jiffies_64") },
		diag.LoadRule, "not a function"},
	{"init function replaced", func(t *testing.T, f *elfobj.File) { rename(t, f, "meminfo_proc_show", "start_kernel") },
		"init-code", "start_kernel"},
	{"untraced function replaced", func(t *testing.T,
		f *elfobj.File) {
		rename(t, f, "meminfo_proc_show", "memcpy_orig")
	}, "no-ftrace-site", "memcpy_orig"},
	{"replacement in init code", func(t *testing.T, f *elfobj.File) {
		symbol(t, f, "new_cmdline").Section = section(t, f, ".init.text")
		retarget(t, f, "vmlinux_funcs", 8, section(t, f, ".init.text"))
	}, diag.LoadRule, "does not stay in memory"},
}

func TestVerifyTwins(t *testing.T) {
	k, good := realModule(t)
	for _, tw := range twins {
		t.Run(tw.name, func(t *testing.T) {
			f, err := elfobj.Read(good)
			if err != nil {
				t.Fatal(err)
			}
			tw.edit(t, f)
			bad, err := f.Write()
			if err != nil {
				t.Fatal(err)
			}
			wantFinding(t, k.Verify(bad), tw.code, tw.want)
		})
	}
	t.Run("file", func(t *testing.T) { wantFinding(t, k.Verify(good[:100]), diag.LoadRule, "kernel module") })
	t.Run("signature", func(t *testing.T) {
		wantFinding(t, k.Verify(append(slices.Clone(good), sigMagic...)), diag.LoadRule, "signature")
	})
}

// TestVerifyWarnings has what the kernel loads and a person should know.
func TestVerifyWarnings(t *testing.T) {
	k, good := realModule(t)
	for want, edit := range map[string]func(f *elfobj.File){
		"not the section of its name": func(f *elfobj.File) { klpRelocs(t, f).Name = ".klp.rela.vmlinux..data" },
		"only after ext4": func(f *elfobj.File) {
			klpSymbolOf(t, f, "meminfo_proc_show").Name = ".klp.sym.ext4.ext4_map_blocks,0"
		},
		"mark is not Y":       func(f *elfobj.File) { modinfoLine(t, f, "livepatch=Y", "livepatch=N") },
		"no struct klp_patch": func(f *elfobj.File) { dropPointers(t, f, "patch") },
	} {
		f, err := elfobj.Read(good)
		if err != nil {
			t.Fatal(err)
		}
		edit(f)
		odd, err := f.Write()
		if err != nil {
			t.Fatal(err)
		}
		warned := false
		for _, d := range k.Verify(odd) {
			warned = warned || d.Severity == diag.Warning && strings.Contains(d.Message, want)
			if d.Severity == diag.Error {
				t.Errorf("%s: error %s", want, d.Message)
			}
		}
		if !warned {
			t.Errorf("no warning %q", want)
		}
	}
}

func wantFinding(t *testing.T, found []report.Diagnostic, code diag.Code, message string) {
	t.Helper()
	for _, d := range found {
		if d.Severity == diag.Error && d.Code == code && strings.Contains(d.Message, message) {
			return
		}
	}
	t.Errorf("no error %s %q in %d findings: %+v", code, message, len(found), found)
}

func section(t *testing.T, f *elfobj.File, name string) *elfobj.Section {
	t.Helper()
	s := f.Section(name)
	if s == nil {
		t.Fatalf("no section %s", name)
	}
	return s
}

// own gives s data of its own: what was read aliases the good module.
func own(s *elfobj.Section) []byte {
	s.Data = slices.Clone(s.Data)
	return s.Data
}

func symbol(t *testing.T, f *elfobj.File, name string) *elfobj.Symbol {
	t.Helper()
	for _, s := range f.Symbols {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no symbol %s", name)
	return nil
}

func klpSymbolOf(t *testing.T, f *elfobj.File, name string) *elfobj.Symbol {
	t.Helper()
	return symbol(t, f, Symbol{Object: Vmlinux, Name: name}.String())
}

func klpRelocs(t *testing.T, f *elfobj.File) *elfobj.Section {
	t.Helper()
	return section(t, f, ".klp.rela.vmlinux..text")
}

// replaceOnce replaces bytes of a section by as many others.
func replaceOnce(t *testing.T, s *elfobj.Section, old, new string) {
	t.Helper()
	if bytes.Count(s.Data, []byte(old)) != 1 || len(old) != len(new) {
		t.Fatalf("%s: %q", s.Name, old)
	}
	s.Data = bytes.Replace(s.Data, []byte(old), []byte(new), 1)
}

func modinfoLine(t *testing.T, f *elfobj.File, old, new string) {
	t.Helper()
	replaceOnce(t, section(t, f, modinfoSection), old, new)
}

// versionOf is the entry of a symbol in __versions.
func versionOf(t *testing.T, f *elfobj.File, name string) []byte {
	t.Helper()
	data := own(section(t, f, "__versions"))
	i := bytes.Index(data, []byte("\x00"+name+"\x00"))
	if i < 0 {
		t.Fatalf("no version of %s", name)
	}
	return data[i+1-8:]
}

// rename changes a string that the klp arrays point to.
func rename(t *testing.T, f *elfobj.File, old, new string) {
	t.Helper()
	strings := &elfobj.Section{Name: ".rodata.twin", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC, Align: 1,
		Data: append([]byte(new), 0)}
	start := &elfobj.Symbol{Name: "twin", Section: strings, Bind: elf.STB_LOCAL}
	f.Sections, f.Symbols = append(f.Sections, strings), append(f.Symbols, start)
	changed := false
	for _, s := range f.Sections {
		for i := range s.Relocs {
			r := &s.Relocs[i]
			if r.Type != uint32(elf.R_X86_64_64) || r.Sym == nil || r.Sym.Section == nil {
				continue
			}
			if cstring(place{section: r.Sym.Section, offset: r.Sym.Value + uint64(r.Addend)}) == old {
				r.Sym, r.Addend, changed = start, 0, true
			}
		}
	}
	if !changed {
		t.Fatalf("nothing points to %q", old)
	}
}

// dropPointers removes the relocations of an array.
func dropPointers(t *testing.T, f *elfobj.File, array string) {
	t.Helper()
	a := symbol(t, f, array)
	for _, s := range f.RelocSections()[a.Section] {
		s.Relocs = slices.DeleteFunc(s.Relocs,
			func(r elfobj.Reloc) bool { return r.Offset >= a.Value && r.Offset < a.Value+a.Size })
	}
}

// retarget lets one pointer of an array point to the start of a section.
func retarget(t *testing.T, f *elfobj.File, array string, offset uint64, to *elfobj.Section) {
	t.Helper()
	a := symbol(t, f, array)
	start := &elfobj.Symbol{Name: "twin", Section: to, Bind: elf.STB_LOCAL}
	f.Symbols = append(f.Symbols, start)
	for _, s := range f.RelocSections()[a.Section] {
		for i := range s.Relocs {
			if s.Relocs[i].Offset == a.Value+offset {
				s.Relocs[i].Sym, s.Relocs[i].Addend = start, 0
				return
			}
		}
	}
	t.Fatalf("no pointer at %s+%d", array, offset)
}

// sympos sets old_sympos of the i-th function of vmlinux_funcs.
func sympos(t *testing.T, f *elfobj.File, i, pos uint64) {
	t.Helper()
	a := symbol(t, f, "vmlinux_funcs")
	entry := a.Size / 3
	own(a.Section)[a.Value+i*entry+16] = byte(pos)
}
