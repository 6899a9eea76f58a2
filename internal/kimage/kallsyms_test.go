package kimage

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/fault"
)

func TestParseFormats(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			want := testSymbols(f.percpu)
			im := mustParse(t, testKernel(f, want))
			if diff := cmp.Diff(want, im.Symbols); diff != "" {
				t.Error(diff)
			}
			if im.Banner != testBanner || im.Release() != "6.1.0-test" || !im.HasData {
				t.Errorf("banner %q, release %q, data symbols %v", im.Banner, im.Release(), im.HasData)
			}
		})
	}
}

// A table that is wrong in one place must be refused, never half read.
func TestParseRefusesDamage(t *testing.T) {
	symbols := testSymbols(true)
	for _, f := range formats[:4] {
		good := testKernel(f, symbols)
		im := mustParse(t, good)
		names := findNames(im.segment(textAddr), 8)
		text := len(good) - 0x1000 - len(im.segment(textAddr).data)
		offsets, markers := text+tablesOff, text+names.start+8+len(names.data)
		if f.order == "after" {
			offsets = text + names.tokens.end
		}
		damage := map[string]func(b []byte){
			"count":       func(b []byte) { b[text+names.start]++ },
			"marker":      func(b []byte) { b[markers+4]++ },
			"name length": func(b []byte) { b[text+names.start+8]++ },
			"token":       func(b []byte) { b[text+names.tokens.start] ^= 0x80 },
			"token index": func(b []byte) { b[text+names.tokens.end-2]++ },
			"order":       func(b []byte) { binary.LittleEndian.PutUint32(b[offsets+4*700:], 0x8fffffff) },
		}
		for what, change := range damage {
			bad := append([]byte(nil), good...)
			change(bad)
			_, err := Parse(bad)
			if err == nil || fault.ClassOf(err) != fault.Input || !strings.Contains(err.Error(), "kallsyms") {
				t.Errorf("%s, damaged %s: error %v", f.name, what, err)
			}
		}
	}
}

func TestParseNeedsKernelStart(t *testing.T) {
	symbols := testSymbols(false)
	symbols[0].Name, symbols[1].Name = "a", "b"
	if _, err := Parse(testKernel(formats[1], symbols)); err == nil || !strings.Contains(err.Error(), "no addresses") {
		t.Errorf("kernel without _text: error %v", err)
	}
}

// Without CONFIG_KALLSYMS_ALL there are only text symbols, and no linux_banner.
func TestTextSymbolsOnly(t *testing.T) {
	var text []Symbol
	for _, s := range testSymbols(false) {
		if strings.IndexByte("tTwW", s.Type) >= 0 {
			text = append(text, s)
		}
	}
	im := mustParse(t, testKernel(formats[1], text))
	if im.HasData || im.Banner != testBanner {
		t.Errorf("data symbols %v, banner %q", im.HasData, im.Banner)
	}
}

func TestLookup(t *testing.T) {
	im := mustParse(t, testKernel(formats[0], testSymbols(true)))
	addrs := func(indices []int) []uint64 {
		var a []uint64
		for _, i := range indices {
			a = append(a, im.Symbols[i].Addr)
		}
		return a
	}
	if diff := cmp.Diff([]uint64{textAddr + 0x10, textAddr + 0x300}, addrs(im.Lookup("user_read"))); diff != "" {
		t.Errorf("user_read: %s", diff)
	}
	if got := im.Lookup("fixed_percpu_data"); !cmp.Equal(got, []int{0}) {
		t.Errorf("first symbol: %v", got)
	}
	if got := im.Lookup("user_rea"); got != nil {
		t.Errorf("no symbol: %v", got)
	}
	if got := im.At(textAddr); !cmp.Equal(got, []int{3, 4}) {
		t.Errorf("at _text: %v", got)
	}
	if got := im.At(textAddr + 1); got != nil {
		t.Errorf("at no symbol: %v", got)
	}
}

func TestContaining(t *testing.T) {
	im := mustParse(t, testKernel(formats[0], testSymbols(true)))
	tests := []struct {
		addr uint64
		want string // empty: none
	}{
		{0x3f, "fixed_percpu_data"},
		{0x40, "current_task"},
		{0xff, "current_task"},
		{0x100, ""},
		{textAddr - 1, ""},
		{textAddr, "_text"},
		{textAddr + 0xf, "_text"},
		{textAddr + 0x1f, "user_read"},
		{bssAddr + bssSize - 1, "__bss_start"},
		{bssAddr + bssSize, ""},
		{^uint64(0), ""},
	}
	for _, tt := range tests {
		got := ""
		if i, ok := im.Containing(tt.addr); ok {
			got = im.Symbols[i].Name
		}
		if got != tt.want {
			t.Errorf("%#x: in %q, want %q", tt.addr, got, tt.want)
		}
	}
}

func FuzzKallsyms(f *testing.F) {
	for _, format := range formats {
		im, err := Parse(testKernel(format, testSymbols(format.percpu)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(im.segment(textAddr).data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		symbols, err := readKallsyms([]segment{{addr: textAddr, size: uint64(len(data)), data: data}})
		if err == nil && len(symbols) < minSymbols {
			t.Errorf("%d symbols", len(symbols))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	vmlinux, err := Unpack(realImages(b)[0].file)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(vmlinux); err != nil {
			b.Fatal(err)
		}
	}
}
