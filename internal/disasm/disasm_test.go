package disasm

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

// kernelCode has each kind of instruction that kernels contain, and those on which x86asm and
// objdump disagree.
const kernelCode = `
	.globl	f
	.type	f,@function
f:	endbr64; stac; clac; push %rbp; push $5; push $-1; pushf; popf; leave; ret; call *%rax; jmp *8(%rdi); pause; lfence
	mov %rsp,%rbp; mov %gs:0x28,%rax; mov %gs:0,%rax; movabs $0x1122334455667788,%rax; mov $-22,%eax;
	movq $-1,8(%rdi); cmpb $-1,(%rdi)
	movslq %eax,%rbx; movzbl 0x14(%rdi),%eax; movsbl (%rax),%ecx; cltq; cqto; cltd; cwtl; lea -0x186(%rbx),%ecx;
	lea -0x1000(,%rax,8),%rax
	mov (%r12),%rax; mov 0x1b28(%r12),%rax; mov (%rdi,%rsi),%rax; lea (%rdi,%rdi,2),%eax;
	addl $1,0x10(%rax,%rbx,4); bt %rax,(%rbx)
	lock cmpxchg %rcx,(%rdi); lock xadd %rax,(%rdi); lock incl (%rax); xchg %rax,(%rdi); rep stos %al,%es:(%rdi);
	rep movsq; cmpxchg16b (%rdi)
	imul $0x64,%rax,%rbx; shl $3,%rax; sar %cl,%rdx; shrd $4,%rax,%rbx; bsf %rax,%rbx; popcnt %rax,%rbx;
	bswap %rax; sete %al; cmovne %rax,%rbx
	rdmsr; wrmsr; rdtsc; cpuid; cli; sti; hlt; ud2; int3; swapgs; sysretq; iretq; invlpg (%rax); mov %cr3,%rax;
	mov %db7,%rbx; wbinvd; clts
	sidt (%rax); lgdt (%rax); ltr %ax; verw (%rax); xsave64 (%rdi); prefetcht0 (%rax); prefetchw (%rax);
	clflush (%rax); in (%dx),%al; out %al,$0x80
	vmread %rax,%rbx; vmwrite 8(%rdi),%rbx; vmread %r9,(%r12); vmcall; vmlaunch; vmresume; vmrun; vmload; vmsave;
	stgi; clgi; xgetbv; rdtscp
	vpaddd %ymm1,%ymm2,%ymm3; vpxor (%r12),%xmm1,%xmm2; vpand 8(%rip),%ymm0,%ymm0;
	vmovdqu8 %ymm1,(%rsi,%r9,1){%k1}; rorx $5,%rax,%rbx; andn %rax,%rbx,%rcx
	xchg %ax,%ax; nopl (%rax); nopl 0x12(%rax,%rax,1); movaps %xmm0,(%rsp); fninit; sfence; mfence; xor %eax,%eax;
	test %rdi,%rdi; neg %rax; not %edx
	.size	f,.-f
`

// noise matches what objdump adds to an instruction.
var noise = regexp.MustCompile(` *<.*| *#.*`)

// TestObjdump compares the text of each instruction with objdump's.
func TestObjdump(t *testing.T) {
	f := assemble(t, []byte(kernelCode))
	sameAsObjdump(t, f)
}

func TestObjdumpCanFail(t *testing.T) {
	if theirs := objdumpLines(t, assemble(t, []byte("f: stac\n"))); theirs[0] != "stac" {
		t.Errorf("objdump prints %v", theirs)
	}
}

func sameAsObjdump(t *testing.T, f *elfobj.File) {
	t.Helper()
	o, err := objmodel.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	theirs := objdumpLines(t, f)
	seen := 0
	for _, a := range o.Functions() {
		for _, l := range Function(o, a, nil, alone) {
			want, ok := theirs[a.Off+l.Off]
			if !ok {
				t.Fatalf("%s: objdump prints no instruction at %#x", a, l.Off)
			}
			seen++
			if got := l.text(func(int) int { return 0 }); got != want && !strings.Contains(want, "(%rip)") {
				t.Errorf("%#x: %q, objdump prints %q", l.Off, got, want)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d instructions", seen)
	}
}

// objdumpLines returns the text of the instructions of .text by address.
func objdumpLines(t *testing.T, f *elfobj.File) map[uint64]string {
	t.Helper()
	data, err := f.Write()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.o")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("objdump", "-dwz", "--no-show-raw-insn", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := map[uint64]string{}
	for _, m := range regexp.MustCompile(`(?m)^ *([0-9a-f]+):\t(.*)$`).FindAllStringSubmatch(string(out), -1) {
		at, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSpace(noise.ReplaceAllString(m[2], ""))
		lines[at] = strings.ReplaceAll(text, " 0x0(", " (")
	}
	return lines
}

// TestSame compares an object with itself, and with one in which all code has moved. No row
// differs.
func TestSame(t *testing.T) {
	moved := strings.Replace(kernelCode, "\n", "\n\t.fill 4096, 1, 0x90\n", 1)
	for _, patched := range []string{kernelCode, moved} {
		r := diffAssembly(t, []byte(kernelCode), []byte(patched))
		for _, f := range r.Patched.Functions() {
			if r.Pairs.Twin(f) != nil && Changed(compareAtom(t, r, f)) {
				t.Errorf("%s differs", f)
			}
		}
	}
}

// TestEncoding has different instructions whose text is the same. They must differ.
func TestEncoding(t *testing.T) {
	r := diffAssembly(t, []byte("f: ret; .byte 0x48,0x89,0xc3; ret"), []byte("f: ret; .byte 0x48,0x8b,0xd8; ret"))
	rows := compareAtom(t, r, r.Patched.Functions()[0])
	if len(rows) != 4 || !Changed(rows) || rows[1].oldText != "mov    %rax,%rbx" || rows[2].newText != rows[1].oldText {
		t.Errorf("%+v", rows)
	}
}

func TestPlace(t *testing.T) {
	at := func(source string) *Line { return &Line{Source: source, Inline: "in " + source} }
	for name, c := range map[string]struct {
		rows []Row
		want string
	}{
		"none":      {nil, ""},
		"same":      {[]Row{{Old: at("o:1"), New: at("n:1"), Same: true}}, "n:1"},
		"changed":   {[]Row{{Old: at("o:1"), New: at("n:1"), Same: true}, {Old: at("o:2")}, {New: at("n:3")}}, "n:3"},
		"taken out": {[]Row{{Old: at("o:1")}, {Old: at("o:2"), New: at("n:2"), Same: true}}, "n:2"},
		"at end":    {[]Row{{Old: at("o:1"), New: at("n:1"), Same: true}, {Old: at("o:2")}}, ""},
	} {
		if got, _ := Place(c.rows); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestDemangle(t *testing.T) {
	for in, want := range map[string]string{
		"printk":                  "printk",
		"_RNvCs1234_7mycrate3foo": "mycrate::foo",
		"_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE": "core::fmt::Write::write_fmt",
		"_ZN3foo3barEv":                 "foo::bar()",
		"_RET_IP_":                      "_RET_IP_",
		"_Zebra and _Rx":                "_Zebra and _Rx",
		"from _ZN3foo3barEv to __ZN3ab": "from foo::bar() to __ZN3ab",
	} {
		if d := cmp.Diff(want, Demangle(in)); d != "" {
			t.Error(in, d)
		}
	}
	if got := Demangle("_Z" + strings.Repeat("S_", 1<<16)); len(got) > 1<<18 {
		t.Errorf("a name of %d bytes", len(got))
	}
}

// TestOtherMachines requires that code that cannot be decoded is printed completely, as bytes.
func TestOtherMachines(t *testing.T) {
	for _, machine := range []elf.Machine{elf.EM_AARCH64, elf.EM_PPC64, elf.EM_S390, elf.EM_LOONGARCH} {
		f := object([]byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a"), nil)
		f.Machine = machine
		o, err := objmodel.Load(f)
		if err != nil {
			t.Logf("%v: %v", machine, err) // the differ does not know the machine
			continue
		}
		shown := 0
		for _, l := range Function(o, o.Functions()[0], nil, alone) {
			shown += strings.Count(l.text(nil), "0x")
		}
		if shown != 10 {
			t.Errorf("%v: %d of 10 bytes are shown", machine, shown)
		}
	}
}

// alone is the twin function of an object that is not compared.
func alone(*objmodel.Atom) *objmodel.Atom { return nil }
