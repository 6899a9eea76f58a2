package arch

import (
	"slices"
	"testing"
)

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
		got, _, ok := x86Argument([]byte(c.code), c.pos)
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
		if call, _, ok := x86Argument(code, pos); ok && (call <= pos || call+4 > uint64(len(code))) {
			t.Errorf("% x: %d of %d", code, call, pos)
		}
	})
}

// TestStored has an address that code keeps in memory, beside code that does not.
func TestStored(t *testing.T) {
	const load = "\x48\xc7\xc0\x00\x00\x00\x00" // mov $0, %rax
	for _, c := range []struct {
		name, code string
		stores     []uint64
	}{
		{"at once", "\x48\xc7\x47\x08\x00\x00\x00\x00", []uint64{0}},                     // movq $0, 8(%rdi)
		{"at once on the stack", "\x48\xc7\x44\x24\x08\x00\x00\x00\x00", nil},            // movq $0, 8(%rsp)
		{"through a register", load + "\x48\x89\x47\x08", []uint64{7}},                   // mov %rax, 8(%rdi)
		{"on the stack", load + "\x48\x89\x44\x24\x08", nil},                             // mov %rax, 8(%rsp)
		{"through two registers", load + "\x48\x89\xc2\x48\x89\x17", []uint64{10}},       // mov %rax, %rdx; mov %rdx, (%rdi)
		{"behind a branch", load + "\x74\x02\x31\xc0\x48\x89\x07", []uint64{11}},         // je; xor %eax, %eax; mov %rax, (%rdi)
		{"overwritten", load + "\x31\xc0\x48\x89\x07", nil},                              // xor %eax, %eax
		{"behind a call", load + "\xe8\x00\x00\x00\x00\x48\x89\x07", nil},                // rax is the result
		{"another register", load + "\x48\x89\x0f", nil},                                 // mov %rcx, (%rdi)
		{"exchanged", load + "\x48\x87\x07", []uint64{7}},                                // xchg %rax, (%rdi)
		{"in a loop", load + "\x48\x89\x07\xeb\xfb", []uint64{7}},                        // jmp to the mov
		{"of a member", load + "\x48\x8d\x50\x04\x48\x89\x17", []uint64{11}},             // lea 4(%rax), %rdx
		{"with rbp as the stack's", "\x55\x48\x89\xe5" + load + "\x48\x89\x45\xf8", nil}, // push %rbp; mov %rsp, %rbp
	} {
		pos := uint64(0)
		if c.code[0] == '\x55' {
			pos = 4
		}
		if got := x86Stored([]byte(c.code), pos); !slices.Equal(got, c.stores) {
			t.Errorf("%s: %v, not %v", c.name, got, c.stores)
		}
	}
}

// FuzzHeld has any bytes as code: stores lie within, and nothing runs without an end.
func FuzzHeld(f *testing.F) {
	f.Add([]byte("\x48\xc7\xc0\x00\x00\x00\x00\x74\x02\x31\xc0\x48\x89\x07\xeb\xf0"), uint64(0))
	f.Fuzz(func(t *testing.T, code []byte, pos uint64) {
		for _, at := range x86Stored(code, pos) {
			if at >= uint64(len(code)) {
				t.Errorf("% x: %d", code, at)
			}
		}
		x86Borrows(code, int(pos%7), func(field uint64, arg int) bool {
			if field+1 > uint64(len(code)) {
				t.Errorf("% x: field %d", code, field)
			}
			return field%2 == 0
		})
	})
}
