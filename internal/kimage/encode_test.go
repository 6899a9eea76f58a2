package kimage

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"sort"
	"testing"
)

// The writing side of the tables, after scripts/kallsyms.c, for kernels that
// are small enough to make in a test.

const (
	textAddr = 0xffffffff81000000
	bssAddr  = 0xffffffff82000000
	bssSize  = 0x3000
	// tablesOff is where the tables start in the text segment; code and the
	// banner come before.
	tablesOff  = 0x800
	bannerOff  = 0x400
	testBanner = "Linux version 6.1.0-test (someone@somewhere) (gcc-12 12.2.0) #1 SMP"
)

// format is one way in which kernels have the tables.
type format struct {
	name   string
	order  string // "before", "before+seqs", "after", "relative"
	percpu bool   // CONFIG_KALLSYMS_ABSOLUTE_PERCPU
}

var formats = []format{
	{"5.10", "before", true},
	{"5.10 without SMP", "before", false},
	{"6.1", "before+seqs", true},
	{"6.12", "after", true},
	{"6.15", "after", false},
	{"newest", "relative", false},
}

// testSymbols are symbols of a kernel in table order, with aliases, names that
// are there twice, and one whose compressed length needs two bytes.
func testSymbols(percpu bool) []Symbol {
	var s []Symbol
	if percpu {
		s = append(s, Symbol{"fixed_percpu_data", 0, 'A'}, Symbol{"__per_cpu_start", 0, 'A'},
			Symbol{"current_task", 0x40, 'A'})
	}
	s = append(s, Symbol{"_text", textAddr, 'T'}, Symbol{"_stext", textAddr, 'T'},
		Symbol{"user_read", textAddr + 0x10, 'T'})
	for i := range 1200 {
		s = append(s, Symbol{fmt.Sprintf("sys_call_%d.part.%d", i, i%7), textAddr + 0x20 + uint64(i/3), "tTwW"[i%4]})
	}
	s = append(s,
		Symbol{"user_read", textAddr + 0x300, 't'},
		Symbol{"linux_banner", textAddr + bannerOff, 'D'},
		Symbol{longName(), textAddr + 0x700, 'r'},
		Symbol{"__bss_start", bssAddr, 'B'},
	)
	return s
}

// longName has no two bytes in a row that could become a token.
func longName() string {
	var b bytes.Buffer
	for i := range 250 {
		b.WriteByte("abcdefghijklmnopqrstuvwxyz"[i*i%26])
		b.WriteByte("QXZJKVBW"[i*i*i%8])
	}
	return b.String()
}

// tableWriter writes the tables into the text segment.
type tableWriter struct {
	bytes.Buffer
	format
	symbols []Symbol
	tokens  [256]string
	names   []string // type letter and name
	base    uint64
}

func encodeTables(f format, symbols []Symbol) []byte {
	w := &tableWriter{format: f, symbols: symbols, base: textAddr}
	for _, s := range symbols {
		w.names = append(w.names, string(s.Type)+s.Name)
	}
	w.tokens = chooseTokens(w.names)
	if f.order == "before" || f.order == "before+seqs" {
		w.offsets()
	}
	w.compressed()
	if f.order == "before+seqs" {
		w.seqs()
	}
	w.tokenTables()
	if f.order == "after" || f.order == "relative" {
		w.offsets()
		w.seqs()
	}
	return w.Bytes()
}

func (w *tableWriter) label() {
	align := 8
	if w.order == "relative" {
		align = 4
	}
	for w.Len()%align != 0 {
		w.WriteByte(0)
	}
}

func (w *tableWriter) u32(n uint32) { w.Write(binary.LittleEndian.AppendUint32(nil, n)) }

func (w *tableWriter) offsets() {
	w.label()
	for _, s := range w.symbols {
		switch {
		case w.order == "relative":
			w.u32(uint32(s.Addr - (textAddr + tablesOff + uint64(w.Len()))))
		case !w.percpu:
			w.u32(uint32(s.Addr - w.base))
		case s.Type == 'A':
			w.u32(uint32(s.Addr))
		default:
			w.u32(uint32(w.base - s.Addr - 1))
		}
	}
	if w.order != "relative" {
		w.label()
		w.Write(binary.LittleEndian.AppendUint64(nil, w.base))
	}
}

// compressed writes num_syms, names and markers.
func (w *tableWriter) compressed() {
	w.label()
	w.u32(uint32(len(w.names)))
	w.label()
	var markers []uint32
	start := w.Len()
	for i, name := range w.names {
		if i%256 == 0 {
			markers = append(markers, uint32(w.Len()-start))
		}
		w.name(compress(name, &w.tokens))
	}
	w.label()
	for _, m := range markers {
		w.u32(m)
	}
}

func (w *tableWriter) name(packed []byte) {
	if n := len(packed); n > 0x7f {
		w.WriteByte(byte(n) | 0x80)
		w.WriteByte(byte(n >> 7))
	} else {
		w.WriteByte(byte(n))
	}
	w.Write(packed)
}

func (w *tableWriter) seqs() {
	w.label()
	seqs := make([]int, len(w.names))
	for i := range seqs {
		seqs[i] = i
	}
	sort.SliceStable(seqs, func(i, j int) bool { return w.names[seqs[i]][1:] < w.names[seqs[j]][1:] })
	for _, n := range seqs {
		w.Write([]byte{byte(n >> 16), byte(n >> 8), byte(n)})
	}
}

func (w *tableWriter) tokenTables() {
	w.label()
	var index []byte
	start := w.Len()
	for _, token := range w.tokens {
		index = binary.LittleEndian.AppendUint16(index, uint16(w.Len()-start))
		w.WriteString(token + "\x00")
	}
	w.label()
	w.Write(index)
}

// chooseTokens gives every byte in use its own token, and all but two others,
// which stay empty, the pairs that are most frequent.
func chooseTokens(names []string) [256]string {
	used := map[byte]bool{}
	pairs := map[string]int{}
	for _, name := range append([]string{"0123456789"}, names...) {
		for i := range len(name) {
			used[name[i]] = true
			pairs[name[i:min(i+2, len(name))]]++
		}
	}
	var frequent []string
	for pair, n := range pairs {
		if len(pair) == 2 && n > 2 {
			frequent = append(frequent, pair)
		}
	}
	sort.Slice(frequent, func(i, j int) bool {
		a, b := frequent[i], frequent[j]
		return pairs[a] > pairs[b] || pairs[a] == pairs[b] && a < b
	})
	var tokens [256]string
	for i := range tokens {
		if used[byte(i)] {
			tokens[i] = string(rune(i))
		} else if i > 1 && len(frequent) > 0 {
			tokens[i], frequent = frequent[0], frequent[1:]
		}
	}
	return tokens
}

func compress(name string, tokens *[256]string) []byte {
	code := map[string]byte{}
	for i, token := range tokens {
		code[token] = byte(i)
	}
	var packed []byte
	for len(name) > 0 {
		n := min(2, len(name))
		if _, ok := code[name[:n]]; !ok {
			n = 1
		}
		packed = append(packed, code[name[:n]])
		name = name[n:]
	}
	return packed
}

// testKernel is a vmlinux of three segments: per-CPU data, code with read-only
// data, and BSS of which the file has the first page.
func testKernel(f format, symbols []Symbol) []byte {
	text := make([]byte, tablesOff)
	for i := range 0x400 {
		text[i] = byte(i)
	}
	copy(text[bannerOff:], testBanner+"\n")
	text = append(text, encodeTables(f, symbols)...)
	return testELF([]segment{
		{addr: 0, size: 0x100, data: bytes.Repeat([]byte{0xcc}, 0x100)},
		{addr: textAddr, size: uint64(len(text)), data: text},
		{addr: bssAddr, size: bssSize, data: bytes.Repeat([]byte{0xbb}, 0x1000)},
	})
}

func testELF(segments []segment) []byte {
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Ehsize: 64,
		Phentsize: 56, Phnum: uint16(len(segments))}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	var b bytes.Buffer
	put := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	put(h)
	off := uint64(64 + 56*len(segments))
	for _, s := range segments {
		put(elf.Prog64{Type: uint32(elf.PT_LOAD), Off: off, Vaddr: s.addr, Filesz: uint64(len(s.data)), Memsz: s.size})
		off += uint64(len(s.data))
	}
	for _, s := range segments {
		b.Write(s.data)
	}
	return b.Bytes()
}

// Fields of the boot protocol (Documentation/x86/boot.rst) that tests spoil.
const (
	bootVersion   = 0x206
	payloadLength = 0x24c
)

// testBzImage wraps a payload, which already ends in its size, as a bzImage
// with two setup sectors and something signed after it.
func testBzImage(payload []byte) []byte {
	const setup, offset = 2, 0x100
	file := make([]byte, (setup+1)*512+offset)
	file[0x1f1] = setup // setup_sects
	copy(file[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(file[bootVersion:], 0x020f)
	binary.LittleEndian.PutUint32(file[0x248:], offset) // payload_offset
	binary.LittleEndian.PutUint32(file[payloadLength:], uint32(len(payload)))
	return append(append(file, payload...), "signature"...)
}

func mustParse(t *testing.T, vmlinux []byte) *Image {
	t.Helper()
	im, err := Parse(vmlinux)
	if err != nil {
		t.Fatal(err)
	}
	return im
}
