package klp

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kintsugi/internal/arch"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
	"kintsugi/internal/kimage"
)

// layout is how a kernel lays the structs of a livepatch out.
type layout struct {
	funcSize, objectSize uint64
	states               bool // struct klp_patch has the pointer (5.5)
	symbols              bool // the module has symbols for its arrays
	machine              elf.Machine
	order                binary.ByteOrder
}

var layouts = map[string]layout{
	"6.1":        {176, 168, true, true, elf.EM_X86_64, binary.LittleEndian},
	"stripped":   {176, 168, true, false, elf.EM_X86_64, binary.LittleEndian},
	"5.4":        {160, 152, false, true, elf.EM_X86_64, binary.LittleEndian},
	"smallest":   {24, 56, false, false, elf.EM_X86_64, binary.LittleEndian},
	"same sizes": {168, 168, true, false, elf.EM_X86_64, binary.LittleEndian},
	"arm64":      {184, 176, true, true, elf.EM_AARCH64, binary.LittleEndian},
	"s390":       {184, 176, true, true, elf.EM_S390, binary.BigEndian},
}

// patchBuilder makes a livepatch module without a compiler.
type patchBuilder struct {
	layout
	file                *elfobj.File
	data, text, strings *elfobj.Section
	relocs              *elfobj.Section
	start               map[*elfobj.Section]*elfobj.Symbol
}

func newPatchBuilder(l layout) *patchBuilder {
	b := &patchBuilder{layout: l, start: map[*elfobj.Section]*elfobj.Symbol{}}
	b.file = &elfobj.File{Class: elf.ELFCLASS64, ByteOrder: l.order, Machine: l.machine}
	b.text = b.section(".text", elf.SHF_ALLOC|elf.SHF_EXECINSTR, make([]byte, 256))
	b.strings = b.section(".rodata.str1.1", elf.SHF_ALLOC, nil)
	b.data = b.section(".data", elf.SHF_ALLOC|elf.SHF_WRITE, nil)
	b.relocs = &elfobj.Section{Name: ".rela.data", Type: elf.SHT_RELA, Target: b.data, EntSize: 24, Align: 8}
	b.file.Sections = append(b.file.Sections, b.relocs)
	module := b.section(thisModuleSection, elf.SHF_ALLOC|elf.SHF_WRITE, make([]byte, 896))
	copy(module.Data[24:], "synthetic")
	b.section(modinfoSection, elf.SHF_ALLOC,
		[]byte("license=GPL\x00livepatch=Y\x00depends=a,b\x00import_ns=ONE\x00import_ns=TWO\x00"+
			"accepted=layout-changed:struct a\x00vermagic=6.1.0 SMP \x00"))
	return b
}

func (b *patchBuilder) section(name string, flags elf.SectionFlag, data []byte) *elfobj.Section {
	s := &elfobj.Section{Name: name, Type: elf.SHT_PROGBITS, Flags: flags, Align: 8, Data: data}
	b.file.Sections = append(b.file.Sections, s)
	b.start[s] = &elfobj.Symbol{Section: s, Type: elf.STT_SECTION}
	b.file.Symbols = append(b.file.Symbols, b.start[s])
	return s
}

// reserve adds zero bytes to the data, aligned as gcc does.
func (b *patchBuilder) reserve(name string, size uint64) uint64 {
	for len(b.data.Data)%32 != 0 {
		b.data.Data = append(b.data.Data, 0)
	}
	at := uint64(len(b.data.Data))
	b.data.Data = append(b.data.Data, make([]byte, size)...)
	if b.symbols {
		b.file.Symbols = append(b.file.Symbols, &elfobj.Symbol{Name: name, Section: b.data, Value: at, Size: size,
			Type: elf.STT_OBJECT})
	}
	return at
}

func (b *patchBuilder) pointer(at uint64, to *elfobj.Section, offset uint64) {
	machine, err := arch.ByMachine(b.machine)
	if err != nil {
		panic(err)
	}
	b.relocs.Relocs = append(b.relocs.Relocs,
		elfobj.Reloc{Offset: at, Type: machine.Loader.Absolute, Sym: b.start[to], Addend: int64(offset)})
}

func (b *patchBuilder) literal(s string) uint64 {
	at := uint64(len(b.strings.Data))
	b.strings.Data = append(append(b.strings.Data, s...), 0)
	return at
}

func (b *patchBuilder) function(name string, at uint64) {
	b.file.Symbols = append(b.file.Symbols, &elfobj.Symbol{Name: name, Section: b.text, Value: at, Size: 16,
		Type: elf.STT_FUNC})
}

// funcs adds an array of struct klp_func.
func (b *patchBuilder) funcs(list []Function) uint64 {
	at := b.reserve("funcs", uint64(len(list)+1)*b.funcSize)
	for i, f := range list {
		entry := at + uint64(i)*b.funcSize
		b.pointer(entry, b.strings, b.literal(f.OldName))
		code := uint64(16 * i)
		b.pointer(entry+8, b.text, code)
		b.function(f.NewFunc, code)
		b.order.PutUint64(b.data.Data[entry+16:], f.SymPos)
	}
	return at
}

// patch adds the struct klp_patch with all that it points to.
func (b *patchBuilder) patch(p *Patch) {
	var arrays []uint64
	for _, o := range p.Objects {
		arrays = append(arrays, b.funcs(o.Functions))
	}
	objs := b.reserve("objs", uint64(len(p.Objects)+1)*b.objectSize)
	for i, o := range p.Objects {
		entry := objs + uint64(i)*b.objectSize
		if o.Name != Vmlinux {
			b.pointer(entry, b.strings, b.literal(o.Name))
		}
		b.pointer(entry+8, b.data, arrays[i])
		for n, name := range callbackNames {
			for _, c := range o.Callbacks {
				if c == name {
					b.pointer(entry+16+8*uint64(n), b.text, 128)
				}
			}
		}
	}
	states := b.reserve("states", 24*uint64(len(p.States)+1))
	for i, s := range p.States {
		b.order.PutUint64(b.data.Data[states+24*uint64(i):], s.ID)
		b.order.PutUint32(b.data.Data[states+24*uint64(i)+8:], s.Version)
	}
	b.klpPatch(p, objs, states)
}

func (b *patchBuilder) klpPatch(p *Patch, objs, states uint64) {
	patch := b.reserve("patch", 200)
	b.pointer(patch, b.file.Section(thisModuleSection), 0)
	b.pointer(patch+8, b.data, objs)
	replace := patch + 16
	if b.states {
		replace += 8
		b.pointer(patch+16, b.data, states)
	}
	if p.Replace {
		b.data.Data[replace] = 1
	}
}

func (b *patchBuilder) write(t testing.TB) []byte {
	t.Helper()
	ko, err := b.file.Write()
	if err != nil {
		t.Fatal(err)
	}
	return ko
}

func examplePatches() map[string]*Patch {
	one := Function{OldName: "cmdline_proc_show", NewFunc: "new_show", Size: 16}
	second := Function{OldName: "user_read", SymPos: 2, NewFunc: "new_read", Size: 16}
	third := Function{OldName: "third", SymPos: 1, NewFunc: "new_third", Size: 16}
	return map[string]*Patch{
		"one function":  {Objects: []Object{{Name: Vmlinux, Functions: []Function{one}}}},
		"two functions": {Replace: true, Objects: []Object{{Name: Vmlinux, Functions: []Function{one, second}}}},
		"module":        {Objects: []Object{{Name: "ext4", Functions: []Function{one, second, third}}}},
		"vmlinux and modules": {Replace: true, Objects: []Object{
			{Name: Vmlinux, Functions: []Function{one}},
			{Name: "ext4", Functions: []Function{second, third}, Callbacks: []string{"pre_patch"}},
			{Name: "xfs", Functions: []Function{one, second, third}, Callbacks: callbackNames}}},
		"vmlinux last": {Objects: []Object{
			{Name: "ext4", Functions: []Function{second}},
			{Name: Vmlinux, Functions: []Function{one}, Callbacks: []string{"post_unpatch"}}}},
		"states":       {States: []State{{1, 2}, {3, 4}}, Objects: []Object{{Name: Vmlinux, Functions: []Function{one}}}},
		"no functions": {Objects: []Object{{Name: Vmlinux, Functions: []Function{}}}},
	}
}

func TestInspectLayouts(t *testing.T) {
	for layoutName, l := range layouts {
		for name, want := range examplePatches() {
			t.Run(layoutName+"/"+name, func(t *testing.T) {
				if !l.states {
					want.States = nil
				}
				b := newPatchBuilder(l)
				b.patch(want)
				m, err := Inspect(b.write(t))
				if err != nil {
					t.Fatal(err)
				}
				opts := cmp.Options{cmpopts.IgnoreUnexported(Function{}), cmpopts.IgnoreFields(Function{}, "NewFunc")}
				if diff := cmp.Diff(want, m.Patch, opts); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		}
	}
}

func TestInspectModinfo(t *testing.T) {
	b := newPatchBuilder(layouts["6.1"])
	ko := b.write(t)
	m, err := Inspect(ko)
	if err != nil {
		t.Fatal(err)
	}
	want := &Module{Name: "synthetic", Vermagic: "6.1.0 SMP ", License: "GPL", Livepatch: true,
		Depends:  []string{"a", "b"},
		ImportNS: []string{"ONE", "TWO"}, Accepted: []string{"layout-changed:struct a"},
		Size: len(ko), References: []Reference{}, Imports: []Import{}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestInspectPlainModule(t *testing.T) {
	b := newPatchBuilder(layouts["6.1"])
	b.file.Section(modinfoSection).Data = []byte("license=GPL\x00")
	m, err := Inspect(b.write(t))
	if err != nil || m.Livepatch || m.Patch != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestInspectNoModule(t *testing.T) {
	b := newPatchBuilder(layouts["6.1"])
	b.file.Section(modinfoSection).Name = ".other"
	b.file.Section(thisModuleSection).Name = ".another"
	for name, file := range map[string][]byte{"object": b.write(t), "text": []byte("#!/bin/sh\n"), "empty": nil} {
		if _, err := Inspect(file); fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: error %v of class %v", name, err, fault.ClassOf(err))
		}
	}
}

// TestInspectOtherPointers has what begins like a struct klp_patch and is none.
func TestInspectOtherPointers(t *testing.T) {
	b := newPatchBuilder(layouts["6.1"])
	ops := b.reserve("fops", 64)
	b.pointer(ops, b.file.Section(thisModuleSection), 0) // .owner
	b.pointer(ops+8, b.text, 0)                          // .llseek
	named := b.reserve("named", 64)
	b.pointer(named, b.file.Section(thisModuleSection), 0)
	b.pointer(named+8, b.strings, b.literal("name"))
	want := examplePatches()["one function"]
	b.patch(want)
	m, err := Inspect(b.write(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, m.Patch, cmpopts.IgnoreUnexported(Function{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestInspectUnterminatedArray(t *testing.T) {
	b := newPatchBuilder(layouts["6.1"])
	b.patch(examplePatches()["two functions"])
	for _, s := range b.file.Symbols {
		if s.Name == "funcs" {
			s.Size -= b.funcSize
		}
	}
	m, err := Inspect(b.write(t))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.Patch.Objects[0].Functions); n == 2 {
		t.Error("two functions, but nothing ends the array")
	}
}

func TestSignature(t *testing.T) {
	trailer := func(idType byte, size uint32) string {
		d := make([]byte, 12)
		d[2] = idType
		binary.BigEndian.PutUint32(d[8:], size)
		return string(d) + sigMagic
	}
	body := strings.Repeat("x", 100)
	for _, c := range []struct {
		file       string
		signed, ok bool
	}{
		{body, false, true},
		{body + trailer(2, 50), true, true},
		{body + trailer(2, 100), false, false},
		{body + trailer(1, 50), false, false},
		{sigMagic, false, false},
	} {
		if signed, err := signature([]byte(c.file)); signed != c.signed || (err == nil) != c.ok {
			t.Errorf("%d bytes: %v, %v", len(c.file), signed, err)
		}
	}
}

func TestVersions(t *testing.T) {
	basic := make([]byte, 2*versionSize)
	for i, name := range []string{"one", "two"} {
		binary.LittleEndian.PutUint64(basic[i*versionSize:], uint64(i+1))
		copy(basic[i*versionSize+8:], name)
	}
	b := newPatchBuilder(layouts["6.1"])
	if _, ok := readVersions(b.file); ok {
		t.Error("versions without a section")
	}
	b.section("__versions", elf.SHF_ALLOC, basic)
	b.section("__version_ext_crcs", elf.SHF_ALLOC, []byte{9, 0, 0, 0, 3, 0, 0, 0})
	b.section("__version_ext_names", elf.SHF_ALLOC, []byte("one\x00three\x00"))
	got, ok := readVersions(b.file)
	if diff := cmp.Diff(map[string]uint32{"one": 1, "two": 2, "three": 3}, got); diff != "" || !ok {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestStructSize(t *testing.T) {
	names := []byte("\x00other\x00module\x00")
	var types []byte
	add := func(name, kind, members, size uint32, extra int) {
		for _, word := range []uint32{name, kind<<24 | members, size} {
			types = binary.LittleEndian.AppendUint32(types, word)
		}
		types = append(types, make([]byte, extra)...)
	}
	add(7, 1, 0, 4, 4) // int
	add(1, btfKindStruct, 2, 16, 24)
	add(7, 13, 1, 0, 8) // function
	add(7, btfKindStruct, 1, 896, 12)
	var btf []byte
	for _, word := range []uint32{1<<16 | btfMagic, 24, 0, uint32(len(types)), uint32(len(types)), uint32(len(names))} {
		btf = binary.LittleEndian.AppendUint32(btf, word)
	}
	btf = append(append(btf, types...), names...)
	for name, want := range map[string]uint64{"module": 896, "other": 16, "mod": 0, "none": 0} {
		if got := structSize(btf, name); got != want {
			t.Errorf("struct %s: %d bytes, want %d", name, got, want)
		}
	}
	for n := range btf {
		structSize(btf[:n], "none") // must not panic
	}
}

// TestHostileTables has arrays that are all read again and again.
func TestHostileTables(t *testing.T) {
	b := newPatchBuilder(layouts["stripped"])
	const n = 3000
	objs := b.reserve("objs", (2*n+1)*8*8)
	for i := uint64(0); i < n; i++ {
		b.pointer(objs+i*56+8, b.data, objs+i%7*8)
	}
	for i := 0; i < n; i++ {
		b.function(fmt.Sprint("f", i), uint64(i))
		b.klpPatch(&Patch{}, objs, objs)
	}
	if _, err := Inspect(b.write(t)); err != nil {
		t.Fatal(err)
	}
}

func fuzzSeeds(f *testing.F) {
	for _, l := range layouts {
		for _, p := range examplePatches() {
			b := newPatchBuilder(l)
			b.patch(p)
			f.Add(b.write(f))
		}
	}
}

func FuzzInspect(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, ko []byte) {
		if m, err := Inspect(ko); err == nil && m.Patch != nil && len(m.Patch.Objects) == 0 {
			t.Error("a patch without objects")
		}
	})
}

func FuzzVerify(f *testing.F) {
	fuzzSeeds(f)
	k := &Kernel{Image: &kimage.Image{Machine: elf.EM_X86_64, Banner: "Linux version 6.1.0 (a@b) (gcc) #1 SMP"},
		Exports: map[string]Export{"exported": {Name: "exported", Module: Vmlinux, Namespace: "NS"}}}
	f.Fuzz(func(t *testing.T, ko []byte) {
		if len(k.Verify(ko)) > (len(rules)+1)*(maxFindings+1) {
			t.Error("more findings than can be told")
		}
	})
}
