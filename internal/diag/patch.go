package diag

var patchRows = []Row{
	{
		Code: PatchApply, Severity: Error,
		Title: "A patch does not apply",
		Meaning: "A hunk does not apply to the target's source. A hunk may have moved, but every line of its context " +
			"must match. The verdict is `failed`, the exit code 2.",
		Example: "error: cve.patch: fs/proc/version.c: hunk 2 of 2 (@@ -11,7 +11,7 @@) does not apply; nearest is " +
			"line 11, where 6 of 7 lines match: line 13 should be \"\\t\\tutsname()->sysname_of_old,\", is " +
			"\"\\t\\tutsname()->sysname,\"",
		Advice: "Rebase the patch on the target's own source, whose path `kintsugi target show NAME` prints. " +
			"`--fuzz N` lets the N outermost context lines differ; the message names the N with which the hunk " +
			"would apply. Leave out a patch that this kernel already has.\n\n" +
			"If several places match, the function in the hunk's heading (the text after `@@`) decides, otherwise an " +
			"offset at which the following hunks match too. If neither decides, the hunk is refused.",
	},
	{
		Code: PatchApplied, Severity: Note,
		Title: "The kernel has the patch",
		Meaning: "The kernel's source has all of this patch: it applies in reverse, completely and without fuzz. " +
			"If that is true of all patches, the verdict is `fixed`, the exit code is 0, and there is no module.",
		Example: "note[patch-applied]: cve.patch is in this kernel's source already: all of it applies in reverse",
		Advice:  "Nothing. This kernel does not need the patch.",
	},
	{
		Code: PatchFuzz, Severity: Note,
		Title:   "A hunk applies with other context",
		Meaning: "A hunk was applied with the fuzz that `--fuzz` allows: its outermost context lines differ in the file.",
		Advice:  "Check that the hunk changes the intended place.",
	},
	{
		Code: PatchOffset, Severity: Note,
		Title: "A hunk applies at another line",
		Meaning: "A hunk was applied some lines away from the line that it names. All of its lines match there and " +
			"nowhere else; if they match elsewhere too, the note explains the choice.",
		Advice: "Nothing, or check that the hunk changes the intended place.",
	},
	{
		Code: FileRemoved, Severity: Error,
		Title: "A C file of the kernel is deleted or renamed",
		Meaning: "The patch deletes or renames a C file that is compiled into the kernel. A livepatch replaces " +
			"functions. It cannot remove functions from the running kernel, which has them under the old file's " +
			"name.",
		Example: "error[file-removed]: fs/proc/uptime.c: fs/proc/uptime.c is deleted: a livepatch replaces " +
			"functions, and cannot take any out of the running kernel",
		Advice: "Keep the file. Change the functions that call into it, or make the change to a renamed file under " +
			"its old name.",
	},
	{
		Code: PatchCompile, Severity: Error,
		Title: "The patched source does not compile",
		Meaning: "The patched source does not compile. The verdict is `failed`, the exit code 2. The compiler's " +
			"messages follow.",
		Example: "error: fs/proc/version.c:13:17: error: implicit declaration of function 'no_such_function' " +
			"[-Werror=implicit-function-declaration]",
		Advice: "Correct the patch. If it was made for another version of the kernel, look for the functions and types " +
			"that this kernel lacks.",
	},
	{
		Code: FileIgnored, Severity: Note,
		Title: "A file has no effect on the livepatch",
		Meaning: "A file of the patch has no effect on the livepatch, because no kernel is compiled from it " +
			"(documentation, samples, tools), because it belongs to another architecture, or because only its " +
			"permissions change.",
		Advice: "Nothing.",
	},
	{
		Code: NotInKernel, Severity: Warning,
		Title: "A file is not compiled into this kernel",
		Meaning: "A file of the patch is not compiled into this kernel: with its configuration kbuild leaves the " +
			"file out, or nothing includes it.",
		Also: []Also{{Alone, Error, "If no file of the patch is in the kernel."},
			{NotShipped, Error, "If the file belongs to a module that the target does not have."}},
		Example: "warning[not-in-kernel]: fs/proc/task_nommu.c: fs/proc/task_nommu.c is not compiled with this " +
			"kernel's config",
		Advice: "Usually nothing: this kernel has neither the code nor its fault. A new file needs a line in the " +
			"makefile of its directory.",
	},
	{
		Code: BuildFile, Severity: Error,
		Title: "A file takes part in the build of the kernel",
		Meaning: "A file of the patch takes part in building the kernel: a Makefile, a Kconfig file, a linker " +
			"script, a program of `scripts/`, or a C file that headers are generated from. Or a header of the " +
			"patch changes the object code of such a file. The objects of single files do not show what the " +
			"change does to the kernel.\n\n" +
			"Lines of a directory's makefile that name the objects of new C files are accepted. Any other change " +
			"of a makefile is refused, and the hint shows the line. A new file that would be a module of its own " +
			"is refused too.",
		Example: "error[build-file]: fs/proc/Makefile: fs/proc/Makefile takes part in the kernel's build, and a " +
			"livepatch cannot redo that\n" +
			"  hint: a makefile of a patch can name new C files in obj-y, or among the objects of one that " +
			"there is; line 27 is not a list of objects",
		Advice: "If the fix works without that part, leave it out of the patch. See [new " +
			"files](patch-author-guide.md#new-files).",
	},
	{
		Code: Assembly, Severity: Error,
		Title: "Assembly changed",
		Meaning: "A file of the patch is assembly, or a header of the patch changes the code of an assembly file. " +
			"Functions written in assembly have no ftrace site, and their begin and end are not always recorded.",
		Example: "error[assembly]: arch/x86/lib/memmove_64.S: arch/x86/lib/memmove_64.S is assembly; only " +
			"functions compiled from C can be livepatched",
		Advice: "If the fix works without the file, leave it out. Otherwise make the change in the C functions that call it.",
	},
	{
		Code: OtherImage, Severity: Error,
		Title: "A file is part of another image",
		Meaning: "A file of the patch is compiled into something other than the kernel proper: the vDSO, the " +
			"real-mode trampoline, the boot loader stub, the kexec purgatory or the EFI stub. Or a header of " +
			"the patch changes the code of such a file. A livepatch cannot replace code there.",
		Example: "error[other-image]: arch/x86/entry/vdso/vgetcpu.c: arch/x86/entry/vdso/vgetcpu.c is part of the " +
			"vDSO, not of vmlinux",
		Advice: "This needs another kernel and a reboot.",
	},
	{
		Code: Uncaged, Severity: Warning,
		Title: "The compiler ran without a cage",
		Meaning: "The compiler ran without a cage, on request (`--no-cage`). A patch can make it read any file that " +
			"the user can read, and use memory without a limit.",
		Example: "warning[uncaged]: the compiler ran without a cage: a patch could read the files of this machine",
		Advice:  "Do not use the option for patches that you have not read.",
	},
	{
		Code: AcceptUnused, Severity: Warning,
		Title: "A consent that no finding needs",
		Meaning: "No finding needs a consent that `--accept` or a trailer `Livepatch-Accept:` of the patch gives. " +
			"Most likely its symbol is misspelt.",
		Example: "warning[accept-unused]: struct evntpoll: no finding needs the consent to " +
			"layout-changed:struct evntpoll that the flag gives",
		Advice: "Correct the symbol, or remove the consent.",
	},
}
