package arch

import "testing"

func TestRelaxGOT(t *testing.T) {
	for _, c := range []struct {
		code string
		at   uint64
		want string
	}{
		{"\x48\x8b\x05\x00\x00\x00\x00", 3, "\x48\x8d\x05\x00\x00\x00\x00"},
		{"\x4c\x8b\x3d\x00\x00\x00\x00", 3, "\x4c\x8d\x3d\x00\x00\x00\x00"},
		{"\xff\x15\x00\x00\x00\x00", 2, "\x67\xe8\x00\x00\x00\x00"},
		{"\xff\x25\x00\x00\x00\x00", 2, "\xe9\x00\x00\x00\x00\x90"},
		{"\x48\x3b\x05\x00\x00\x00\x00", 3, ""}, // cmp
		{"\x48\x8b\x80\x00\x00\x00\x00", 3, ""}, // not relative
	} {
		code := []byte(c.code)
		if ok := x86RelaxGOT(code, &Field{Off: c.at, Bias: -4}); ok != (c.want != "") || ok && string(code) != c.want {
			t.Errorf("% x: % x, %v", c.code, code, ok)
		}
	}
	if code := []byte("\x48\x83\x3d\x00\x00\x00\x00\x07"); x86RelaxGOT(code, &Field{Off: 3, Bias: -5}) {
		t.Errorf("cmp with a number was rewritten: % x", code)
	}
}

func TestLoadVariable(t *testing.T) {
	const value = "\xef\xcd\xab\x89\x67\x45\x23\x01"
	for _, c := range []struct{ name, code, want string }{
		{"rax", "\x48\xb8" + value, "\x48\x8b\x05\x00\x00\x00\x00\x0f\x1f\x00"},
		{"rdi", "\x48\xbf" + value, "\x48\x8b\x3d\x00\x00\x00\x00\x0f\x1f\x00"},
		{"r8", "\x49\xb8" + value, "\x4c\x8b\x05\x00\x00\x00\x00\x0f\x1f\x00"},
		{"r15", "\x49\xbf" + value, "\x4c\x8b\x3d\x00\x00\x00\x00\x0f\x1f\x00"},
		{"another number", "\x48\xb8\xee" + value[1:], ""},
		{"32 bits", "\x40\xb8" + value, ""},
		{"another instruction", "\x48\xc7" + value, ""},
		{"cut off", "\x48\xb8" + value[:7], ""},
	} {
		code := []byte(c.code)
		r, ok := x86LoadVariable(code, 2)
		switch {
		case ok != (c.want != ""):
			t.Errorf("%s: %t", c.name, ok)
		case ok && (string(code) != c.want || r.Off != 3):
			t.Errorf("%s: % x, field at %d", c.name, code, r.Off)
		case !ok && string(code) != c.code:
			t.Errorf("%s: changed to % x", c.name, code)
		}
	}
}

// TestFlow has one instruction of each kind of flow.
func TestFlow(t *testing.T) {
	for _, c := range []struct {
		name, code string
		flow       Flow
		store      bool
	}{
		{"mov register", "\x89\xc8", Next, false},
		{"movb $1, x(%rip)", "\xc6\x05\x00\x00\x00\x00\x01", Next, true},
		{"mov %eax, x(%rip)", "\x89\x05\x00\x00\x00\x00", Next, true},
		{"mov x(%rip), %eax", "\x8b\x05\x00\x00\x00\x00", Next, false},
		{"cmpb $0, x(%rip)", "\x80\x3d\x00\x00\x00\x00\x00", Next, false},
		{"setne", "\x0f\x95\xc0", Next, false},
		{"imul", "\x0f\xaf\xc1", Next, false},
		{"call", "\xe8\x00\x00\x00\x00", Call, false},
		{"call *%rax", "\xff\xd0", Call, false},
		{"incl x(%rip)", "\xff\x05\x00\x00\x00\x00", Next, false},
		{"jmp", "\xe9\x00\x00\x00\x00", Jump, false},
		{"short jmp", "\xeb\x00", Jump, false},
		{"je", "\x0f\x84\x00\x00\x00\x00", Equal, false},
		{"short je", "\x74\x00", Equal, false},
		{"jne", "\x0f\x85\x00\x00\x00\x00", Unequal, false},
		{"short jne", "\x75\x00", Unequal, false},
		{"ja", "\x77\x00", Fork, false},
		{"loop", "\xe2\x00", Fork, false},
		{"ret", "\xc3", Stop, false},
		{"jmp *%rax", "\xff\xe0", Stop, false},
		{"ud2", "\x0f\x0b", Stop, false},
	} {
		in := x86Decode([]byte(c.code))
		if int(in.Size) != len(c.code) || in.Flow != c.flow || in.Store != c.store {
			t.Errorf("%s: %+v", c.name, in)
		}
	}
}

// TestLoad has instructions that read memory, each beside one that writes it.
func TestLoad(t *testing.T) {
	for _, c := range []struct {
		code        []byte
		load, store bool
	}{
		{[]byte{0x48, 0x8b, 0x05, 0, 0, 0, 0}, true, false},              // mov mem, %rax
		{[]byte{0x48, 0x89, 0x05, 0, 0, 0, 0}, false, true},              // mov %rax, mem
		{[]byte{0x48, 0x03, 0x05, 0, 0, 0, 0}, true, false},              // add mem, %rax
		{[]byte{0x48, 0x01, 0x05, 0, 0, 0, 0}, false, false},             // add %rax, mem
		{[]byte{0x83, 0x3d, 0, 0, 0, 0, 1}, true, false},                 // cmpl $1, mem
		{[]byte{0x83, 0x05, 0, 0, 0, 0, 1}, false, false},                // addl $1, mem
		{[]byte{0x0f, 0xb6, 0x05, 0, 0, 0, 0}, true, false},              // movzbl mem, %eax
		{[]byte{0x0f, 0x95, 0x05, 0, 0, 0, 0}, false, false},             // setne mem
		{[]byte{0xff, 0x15, 0, 0, 0, 0}, true, false},                    // call *mem
		{[]byte{0xff, 0x05, 0, 0, 0, 0}, false, false},                   // incl mem
		{[]byte{0xf0, 0x48, 0x0f, 0xb1, 0x0d, 0, 0, 0, 0}, false, false}, // lock cmpxchg
		{[]byte{0x48, 0x8b, 0xc0}, false, false},                         // mov %rax, %rax
	} {
		if in := x86Decode(c.code); int(in.Size) != len(c.code) || in.Load != c.load || in.Store != c.store {
			t.Errorf("% x: %+v", c.code, in)
		}
	}
}
