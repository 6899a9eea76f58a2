package testobj

// RuntimeConst has shortened macros of asm/runtime-const.h.
const RuntimeConst = `
#define const_ptr(sym) ({ u64 ret; asm("mov %1,%0\n1:\n.pushsection runtime_ptr_" #sym ",\"a\"\n" \
	".long 1b - 8 - .\n.popsection" : "=r" (ret) : "i" (0x0123456789abcdefUL)); ret; })
#define const_shift(v, sym) ({ u32 ret = (v); asm("shrl $12,%k0\n1:\n.pushsection runtime_shift_" #sym \
	",\"a\"\n.long 1b - 1 - .\n.popsection" : "+r" (ret)); ret; })
`
