package diag

var proofRows = []Row{
	{
		Code: NotProven, Severity: Error,
		Title: "Code is not proven to be that of the image",
		Meaning: "A function that is to be replaced, or a symbol that the new code needs, is not proven to be what " +
			"the source says. The image has other code under its name, or none. The reason is part of the " +
			"message:\n\n" +
			"* `weak symbol that another unit overrides`: the kernel runs another function of that name; the " +
			"one in the patch is not in the image at all;\n" +
			"* `no symbol of that name in the image`: it was inlined everywhere, or renamed by the compiler " +
			"when the kernel was built;\n" +
			"* `different code at +0x…`: the compiler, its options or the source are not those of the image;\n" +
			"* `its references disagree with …`: the code is the same, but points at other things than the " +
			"rest of the file says;\n" +
			"* `N functions of that name have the same code`: nothing tells which is meant.",
		Example: "error[not-proven]: vmlinux/arch_crash_save_vmcoreinfo (kernel/crash_core.c): " +
			"arch_crash_save_vmcoreinfo is not proven to be the kernel's: weak symbol that another unit " +
			"overrides",
		Advice: "For a weak function, patch the one that overrides it. Where many functions of a file are not " +
			"proven, the target's source or compiler is not the one that the kernel was built with: `kintsugi " +
			"target show NAME`.",
	},
	{
		Code: AmbiguousSymbol, Severity: Error,
		Title: "A name stands for several symbols",
		Meaning: "Several things of one name cannot be told apart: symbols of the image that no proven code refers " +
			"to, or static variables of one file that the compiler has numbered anew (`count.1`, `count.2`).",
		Example: "error[ambiguous-symbol]: read_block refers to count.1, and several static variables of that name " +
			"cannot be told apart",
		Advice: "For a symbol of the kernel, patch a file whose original code uses it already. For static " +
			"variables, keep the order of the functions that use them, or give new ones names of their own.",
	},
}
