package arch

import "testing"

// TestRelaxGOT rewrites instructions.
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
