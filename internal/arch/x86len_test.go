package arch

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// instructionsOfAllKinds covers every part of the opcode maps with what compilers and kernel
// assembly contain.
const instructionsOfAllKinds = `
	endbr64; stac; clac; invpcid (%rax), %rbx; rdgsbase %rax; swapgs; wrmsr; rdtscp; ud2; ud1 (%rax), %eax
	movabs $0x1122334455667788, %rax; movabs %eax, 0x1122334455667788; mov $1, %ax; mov $1, %eax;
	movq $-1, 0x10(%rax,%rbx,4)
	testb $1, 0x1234(%rip); testw $1, (%rax); testl $1, (%rax); testq $1, 8(%rsp); notl (%rax); negq %rax; mulb (%rax)
	cmpxchg16b (%rdi); lock xaddq %rax, (%rdi); xacquire lock incl (%rax); rep movsb; repz cmpsb
	call 1f; jmp 1f; jne 1f; jmp *%rax; call *0x10(%rip); notrack jmp *%rax
1:	imul $0x1234567, %rax, %rbx; imul $5, %rax, %rbx; enter $16, $0; ret; ret $8; lretq; int3; int $0x80; iretq;
	push $5; push $0x12345; pushw $5
	btl $5, (%rax); shld $4, %rax, (%rbx); shrd %cl, %rax, %rbx; bswap %rax; popcnt %rax, %rbx;
	crc32b (%rax), %ebx; movbe (%rax), %rbx; pshufb %xmm1, %xmm2
	palignr $4, %xmm1, %xmm2; pinsrw $1, %eax, %xmm0; pshufd $3, %xmm1, %xmm2; psrlw $3, %xmm1;
	cmpps $2, %xmm1, %xmm2; shufps $1, (%rax), %xmm2; emms
	vaddps %ymm1, %ymm2, %ymm3; vzeroupper; vpshufb (%rax), %ymm1, %ymm2; vpalignr $3, %ymm1, %ymm2, %ymm3;
	vpsrlw $3, %ymm1, %ymm2; vpermq $5, %ymm1, %ymm2; andn %rax, %rbx, %rcx; rorx $5, %rax, %rbx
	vaddps %zmm1, %zmm2, %zmm3{%k1}; vpternlogd $5, 0x40(%rax), %zmm2, %zmm3; vmovdqu64 0x12345(%rip), %zmm1;
	kmovw %k1, %eax; vpcmpeqb %zmm1, %zmm2, %k1
	fldl (%rax); fxsave (%rax); xsave (%rax); prefetcht0 (%rax); clflushopt (%rax); clwb (%rax); sfence; mfence;
	lfence; pause; nopw 0x1234(%rax,%rax,1)
	movq %cr3, %rax; movq %db7, %rbx; lgdt (%rax); invlpg (%rax); vmcall; vmlaunch; monitor; mwait; sysretq;
	syscall; sysenter; cpuid; rdpmc; clts; wbinvd
	inb $0x20, %al; outl %eax, %dx; 2: loop 2b; jrcxz 2b; xlatb; cmovne %rax, %rbx; setne %al;
	movzbl (%rax), %ebx; lar %ax, %bx; mov %fs, %eax; movl %gs:0x28, %eax; movl %fs:0x1234(%rip), %eax
	addr32 mov (%eax), %ebx; lea 0x1234(,%rax,8), %rbx; lea (%rsp), %rbx; lea 8(%r13), %rbx; lea (%r12), %rbx;
	rdrand %rax; rdseed %rax; adcx %rax, %rbx; encls; wrpkru; incsspq %rax
`

// TestX86Insn compares instruction boundaries with objdump's.
func TestX86Insn(t *testing.T) {
	dir := t.TempDir()
	source, object, flat := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o"), filepath.Join(dir, "a.bin")
	if err := os.WriteFile(source, []byte(instructionsOfAllKinds), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "as", "-o", object, source)
	run(t, "objcopy", "-O", "binary", "-j", ".text", object, flat)
	code, err := os.ReadFile(flat)
	if err != nil {
		t.Fatal(err)
	}
	starts := map[int]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ *([0-9a-f]+):\t`).FindAllSubmatch(run(t, "objdump", "-dw", object), -1) {
		n, err := strconv.ParseInt(string(m[1]), 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		starts[int(n)] = true
	}
	if len(starts) < 120 {
		t.Fatalf("objdump shows only %d instructions", len(starts))
	}
	for pos := 0; pos < len(code); {
		if !starts[pos] {
			t.Fatalf("objdump has no instruction at %#x", pos)
		}
		n := int(x86Decode(code[pos:]).Size)
		if n == 0 {
			t.Fatalf("%#x: % x is not decoded", pos, code[pos:min(pos+15, len(code))])
		}
		pos += n
		if pos < len(code) && !starts[pos] {
			t.Fatalf("an instruction of %d bytes, % x, ends inside another of objdump", n, code[pos-n:pos])
		}
	}
}

// TestX86InsnTruncated decodes every prefix of real code.
func TestX86InsnTruncated(t *testing.T) {
	for _, code := range [][]byte{{0x48, 0x8b, 0x05, 1, 2, 3, 4}, {0xc4, 0xe2, 0x7d, 0, 0x05, 1, 2, 3, 4},
		bytes.Repeat([]byte{0x66}, 20)} {
		for n := range code {
			if got := int(x86Decode(code[:n]).Size); got > n {
				t.Errorf("% x: length %d", code[:n], got)
			}
		}
	}
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return out
}
