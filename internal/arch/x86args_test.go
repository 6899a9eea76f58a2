package arch

import "testing"

// TestArgument loads an address and checks which call gets it.
func TestArgument(t *testing.T) {
	const (
		load  = "\x48\xc7\xc7\x00\x00\x00\x00" // mov $0, %rdi
		lea   = "\x48\x8d\x35\x00\x00\x00\x00" // lea 0(%rip), %rsi
		short = "\xbf\x00\x00\x00\x00"         // mov $0, %edi
		call  = "\xe8\x00\x00\x00\x00"
	)
	for _, c := range []struct {
		name, code string
		pos        uint64 // of the instruction that loads the address
		call       uint64 // 0: the address goes elsewhere
	}{
		{"a call", load + call, 0, 8},
		{"a tail call", load + "\xe9\x00\x00\x00\x00", 0, 8},
		{"relative to the instruction", lea + call, 0, 8},
		{"32 bits", short + call, 0, 6},
		{"code between", load + "\x89\xc6\x31\xd2" + call, 0, 12},           // mov %eax, %esi; xor %edx, %edx
		{"the second of two", call + load + call, 5, 13},                    //
		{"kept in memory", load + "\x48\x89\x3b" + call, 0, 0},              // mov %rdi, (%rbx)
		{"copied", load + "\x48\x89\xfb" + call, 0, 0},                      // mov %rdi, %rbx
		{"written to", load + "\x48\x89\x07" + call, 0, 0},                  // mov %rax, (%rdi)
		{"a branch between", load + "\x74\x05" + call, 0, 0},                // je
		{"a short jump", load + "\xeb\x05" + call, 0, 0},                    //
		{"a jump that is no call", load + "\x0f\x84\x00\x00\x00\x00", 0, 0}, // je near
		{"an indirect call", load + "\xff\xd0" + call, 0, 0},                // call *%rax
		{"a return", load + "\xc3" + call, 0, 0},                            //
		{"another register", "\x48\xc7\xc3\x00\x00\x00\x00" + call, 0, 0},   // mov $0, %rbx
		{"a store", "\x48\xc7\x03\x00\x00\x00\x00" + call, 0, 0},            // movq $0, (%rbx)
		{"nothing behind it", load, 0, 0},
		{"no instruction", load + "\x06", 0, 0},
		{"outside of the code", load + call, 30, 0},
	} {
		got, ok := x86Argument([]byte(c.code), c.pos)
		if ok != (c.call != 0) || ok && got != c.call {
			t.Errorf("%s: %d, %v, not %d", c.name, got, ok, c.call)
		}
	}
}

// FuzzArgument has any bytes as code: the call that is found lies within.
func FuzzArgument(f *testing.F) {
	f.Add([]byte("\x48\xc7\xc7\x00\x00\x00\x00\xe8\x00\x00\x00\x00"), uint64(0))
	f.Add([]byte("\x48\x8d\x3d\x00\x00\x00\x00\x0f\x0b\xe8"), uint64(0))
	f.Fuzz(func(t *testing.T, code []byte, pos uint64) {
		if call, ok := x86Argument(code, pos); ok && (call <= pos || call+4 > uint64(len(code))) {
			t.Errorf("% x: %d of %d", code, call, pos)
		}
	})
}
