package diag

var proofRows = []Row{
	{
		Code: NotProven, Severity: Error,
		Title: "Code is not proven to be the image's",
		Meaning: "The recompiled original of a function that the patch replaces, or of a symbol that the new code " +
			"needs, was not found in the image. The image has other code under this name, or none. The message " +
			"gives the reason:\n\n" +
			"* `weak symbol that another unit overrides`: the kernel runs another function of that name. The " +
			"function in the patch is not in the image;\n" +
			"* `no symbol of that name in the image`: the function was inlined everywhere, or renamed by the " +
			"compiler when the kernel was built;\n" +
			"* `different code at +0x…`: the compiler, its options or the source are not those of the image;\n" +
			"* `its references disagree with …`: the code is the same, but refers to other addresses than the " +
			"rest of the file;\n" +
			"* `N functions of that name have the same code`: kintsugi cannot decide which of them is meant.",
		Example: "error[not-proven]: vmlinux/arch_crash_save_vmcoreinfo (kernel/crash_core.c): " +
			"arch_crash_save_vmcoreinfo is not proven to be the kernel's: weak symbol that another unit " +
			"overrides",
		Advice: "For a weak function, patch the function that overrides it. If many functions of a file are not " +
			"proven, the kernel was not built with the target's source or compiler, which `kintsugi target show " +
			"NAME` prints.",
	},
	{
		Code: AmbiguousSymbol, Severity: Error,
		Title: "A name stands for several symbols",
		Meaning: "Kintsugi cannot distinguish several symbols of one name: symbols of the image that no proven code " +
			"refers to, or static variables of one file that the compiler has renumbered (`count.1`, `count.2`).",
		Example: "error[ambiguous-symbol]: read_block refers to count.1, but several static variables with this name " +
			"cannot be distinguished",
		Advice: "For a symbol of the kernel, make the change in a file whose original code uses that symbol. For " +
			"static variables, keep the order of the functions that use them, and give new variables other names.",
	},
}
