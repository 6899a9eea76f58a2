package diag

var changeRows = []Row{
	{
		Code: DataChanged, Severity: Error,
		Title: "The contents of a variable changed",
		Meaning: "The initial value or the size of a variable changed. The running kernel has initialised it long " +
			"ago and holds its own value. The same goes for a constant that other files can be using, or that " +
			"writable data points at.",
		Example: "error[data-changed]: vmlinux/lease_break_time (fs/locks.c): the initial value or size of the " +
			"writable variable lease_break_time changed",
		Advice: "Set the value when the patch is applied (a livepatch callback), or have the patched code use " +
			"another, new variable. New members of a structure go into a shadow variable " +
			"(`Documentation/livepatch/shadow-vars.rst`).",
	},
	{
		Code: StateDropped, Severity: Consent,
		Title: "State of the kernel is lost",
		Meaning: "Patched code leaves a writable variable of the running kernel and uses a new variable in its place. " +
			"The new variable begins with its initial value. The state of the old one is lost to the patched code, " +
			"while code that is not patched goes on with it: a list looks empty, a lock no longer excludes " +
			"whoever holds the old one.",
		Example: "consent[state-dropped]: vmlinux/lru_list (fs/cache.c): cache_lookup no longer uses the kernel's " +
			"variable lru_list, whose state is lost: lru_tree is new and begins with its initial value\n" +
			"  to accept: --accept state-dropped:lru_list",
		Advice: "Keep the variable with its type and initial value. A static variable with another name alone is " +
			"recognized (see `variable-renamed`). Accept the loss where the new variable has nothing to do with " +
			"the old one, or where a callback fills it.",
	},
	{
		Code: VariableRenamed, Severity: Note,
		Title: "A renamed variable is the kernel's",
		Meaning: "A static variable has another name in the patch. It has the size, section, initial value and users " +
			"of a variable that the patch takes away, and no other variable has them. The patched code uses the " +
			"kernel's variable, with its state.",
		Advice: "Nothing where the two are one variable. Give a variable with another purpose another size or " +
			"initial value.",
	},
	{
		Code: PointerKept, Severity: Warning,
		Title: "The kernel can keep a pointer to a new function",
		Meaning: "Patched code hands out a pointer to a function that is new (a timer's, a work item's, a " +
			"callback). The kernel can keep it after the livepatch was disabled.",
		Advice: "Unload the module only when nothing uses the function any more.",
	},
	{
		Code: InitCode, Severity: Error,
		Title: "Code changed that runs once",
		Meaning: "Code or data that only exists while the kernel starts changed (`__init`, `__initdata`, " +
			"initcalls), or patched code refers to such. It has been freed when a module can be loaded.",
		Also: []Also{{HasRun, Warning, "Where the init code that changed is the kernel's own, which has run. It has " +
			"nothing in common with what else changed, no variable and nothing new, and the livepatch has that " +
			"rest. Init and exit code of a loadable module may still run, as it was shipped, so a change to it is " +
			"always refused."}},
		Example: "error[init-code]: vmlinux/proc_version_init (fs/proc/version.c): proc_version_init is init code " +
			"and changed",
		Advice: "Leave that part out, or do its work in a livepatch callback.",
	},
	{
		Code: NoFtraceSite, Severity: Error,
		Title: "The kernel cannot divert calls of a function",
		Meaning: "A changed function has no ftrace site at its entry (it is `notrace`, `noinstr`, or its directory " +
			"is compiled without), so the kernel cannot divert calls of it. Its callers take the new code " +
			"along where all of them are in the same file and call it directly; here they are not.",
		Example: "error[no-ftrace-site]: vmlinux/kstrtobool (lib/kstrtox.c): kstrtobool cannot be replaced: it has " +
			"no ftrace site at its entry and can be called from other units",
		Advice: "Make the change in functions that call it and can be traced.",
	},
	{
		Code: SymbolMoved, Severity: Error,
		Title: "A name stands for something else",
		Meaning: "A name that others refer to means something else in the patched file: it is an alias of another " +
			"function now, or its definition changed between weak and strong. The rest of the kernel goes on " +
			"with what the name means there.",
		Advice: "Keep the name for what it is in the running kernel, and give the new thing another.",
	},
	{
		Code: SymbolRemoved, Severity: Warning,
		Title: "A global name is removed",
		Meaning: "The patch takes away a global function or variable. The running kernel keeps it, and whoever is " +
			"not in the module goes on to use it; that matters where another file has a weak definition of " +
			"the name, which would now be used.",
		Also: []Also{{Alone, Error, "Where the patch changes nothing else that this kernel runs."}},
	},
	{
		Code: ConstantKept, Severity: Warning,
		Title: "The kernel can keep a pointer to an old constant",
		Meaning: "A constant changed, and code hands out a pointer to it. All functions that refer to it are in " +
			"the module and use the new contents; a structure that was given the pointer before the patch was " +
			"loaded keeps the old ones.",
	},
	{
		Code: SealedFunction, Severity: Error,
		Title: "A function cannot be called through a pointer",
		Meaning: "On a kernel with indirect branch tracking (`CONFIG_X86_KERNEL_IBT`), patched code has a pointer " +
			"to a function that nothing in the running kernel has a pointer to. An indirect call has to meet " +
			"an ENDBR instruction. Such functions have none: the compiler did not emit it, or the kernel has " +
			"overwritten it while it booted, as the list `.ibt_endbr_seal` in its image, or in the module, " +
			"tells it to. On a CPU with IBT the call would be a fault.",
		Example: "error[sealed-function]: show_char has a pointer to chrdev_show, which cannot be called through " +
			"one: the kernel overwrites the ENDBR instruction at its entry, as nothing has a pointer to it",
		Advice: "Call it directly, or have the patch add a function that does, and point to that one.",
	},
	{
		Code: AuthorMacro, Severity: Error,
		Title: "A macro of the author's headers is misused",
		Meaning: "A macro of the author's headers names something that it cannot be used for: a callback that is " +
			"no new function of the same file, two callbacks of one kind for one object, a state with the " +
			"number 0 or declared twice, a thing to ignore that is not there.",
		Example: "error[author-macro]: vmlinux: two pre_patch callbacks: first_pre_patch and second_pre_patch",
		Advice:  "See [the guide](patch-author-guide.md#callbacks). One callback can call several functions.",
	},
	{
		Code: ChangeIgnored, Severity: Note,
		Title: "The author ignores a change",
		Meaning: "Something differs, and the patched source says with `KPATCH_IGNORE_FUNCTION` or " +
			"`KPATCH_IGNORE_SECTION` that this does not count. It is the author's word; kintsugi has not " +
			"checked it. The running kernel keeps what it has.",
		Advice: "Nothing, or take the macro out and see what becomes of the change. Most often it is not needed " +
			"here: line numbers of untouched code stay as they are.",
	},
	{
		Code: ForceUnsafe, Severity: Warning,
		Title: "A macro without effect",
		Meaning: "`KPATCH_FORCE_UNSAFE` has no effect. Livepatch switches a task over when it uses none of the " +
			"replaced functions, and knows no exceptions.",
		Advice: "Nothing. Where a transition does not end because a task never leaves the function, see " +
			"[`transition-stalled`](#transition-stalled).",
	},
	{
		Code: SectionKept, Severity: Warning,
		Title: "The section stays",
		Meaning: "A function or variable is in another section in the patched file (it became `__ref` or " +
			"`__read_mostly`, for example). In the running kernel it stays where it is.",
		Advice: "Nothing, unless the section is what the patch is about.",
	},
	{
		Code: ExportChanged, Severity: Error,
		Title: "An export is changed or removed",
		Meaning: "An `EXPORT_SYMBOL` is gone or different, and what it exports is still there. Modules that are " +
			"loaded already are linked against the exports as they are. (Where a function goes together with " +
			"its export there is a warning, `symbol-removed`.)",
		Example: "error[export-changed]: vmlinux/get_next_ino (fs/inode.c): the export get_next_ino is removed",
		Advice:  "Leave the exports as they are.",
	},
	{
		Code: ExportDropped, Severity: Warning,
		Title: "A new export has no effect",
		Meaning: "An `EXPORT_SYMBOL` is new. All that the patch changes can use the symbol, in other modules too " +
			"where those depend on the one that has it. A livepatch does not export: a module that is built " +
			"for the patched kernel and not part of the patch cannot be loaded.",
		Also: []Also{{Alone, Error, "Where the patch changes nothing else that this kernel runs."}},
		Example: "warning[export-dropped]: fat/fat_patched (fs/fat/misc.c): the new export fat_patched is for what " +
			"this patch changes alone: a module that needs it cannot be loaded",
	},
	{
		Code: ModuleStaticKey, Severity: Error,
		Title: "A static key comes after the livepatch",
		Meaning: "Patched code has a static call whose key is new, and so would live in the livepatch, or a jump " +
			"label whose key is new, or is in the patched module or another, and cannot be read instead (see " +
			"`keys-read`): the compiler then inlines functions in another way. The kernel sets such sites up " +
			"when the livepatch is loaded, and a module may come after it. From *verify* and `inspect`: a " +
			"section of the livepatch that the kernel reads before the object it is for gets its addresses.",
		Example: "error[module-static-key]: vmlinux/__SCK__version_show (fs/proc/version.c): version_proc_show " +
			"uses the new static key __SCK__version_show, which would live in the module",
		Advice: "Use a plain variable or pointer, or `static_key_enabled()` and `static_call_query()`, which need " +
			"no site.",
	},
	{
		Code: KeysRead, Severity: Note,
		Title: "A function reads its static keys",
		Meaning: "A patched function reads static keys where the original has jump labels, as one or more of its " +
			"keys are in modules, or new. It does the same; a load and a branch take the place of a NOP.",
		Example: "note[keys-read]: nf_tables/nft_do_chain (net/netfilter/nf_tables_core.c): nft_do_chain reads its " +
			"static keys and has no jump labels, as these are not the kernel's own: nft_counters_enabled, " +
			"nft_trace_enabled",
	},
	{
		Code: LateReference, Severity: Error,
		Title: "Code refers to a module that may come later",
		Meaning: "A patched function of a module has code that the kernel reads when the livepatch is loaded (the " +
			"replacement of an alternative, for example), and that refers to something in a module, which may " +
			"not be there yet.",
		Advice: "Make the change in functions without such code.",
	},
	{
		Code: ModuleDependency, Severity: Error,
		Title: "A module does not depend on another",
		Meaning: "New code of a module uses what another module exports, and the one does not depend on the other. " +
			"The livepatch core looks such symbols up when the patched module comes; were the other not " +
			"loaded, the patched one could not be either.",
		Example: "error[module-dependency]: loop/crc32c (drivers/block/loop.c): crc32c is exported by the module " +
			"libcrc32c, which loop does not depend on: it may not be loaded",
		Advice: "Use what the kernel itself has to offer, or a module that is among the `depends` of the patched " +
			"one (`modinfo`).",
	},
	{
		Code: DebugSiteDropped, Severity: Warning,
		Title: "A debug message stays silent",
		Meaning: "A new `pr_debug()` or `dev_dbg()`, or one in a patched function of a module, cannot be switched " +
			"on through dynamic debug, as its key is in a module. It stays silent.",
		Advice: "Nothing, or use `pr_info()` where the message matters.",
	},
	{
		Code: TracepointDropped, Severity: Warning,
		Title: "A tracepoint does not fire",
		Meaning: "A tracepoint in a function of a module does not fire while the function is patched. Its static " +
			"key is in the module, which can come after the livepatch, and the kernel sets such sites up when " +
			"the livepatch is loaded. Only where the key cannot be read instead (see `module-static-key`).",
		Advice: "Nothing, or make the change in a function without tracepoints where somebody traces that module.",
	},
	{
		Code: LayoutChanged, Severity: Consent,
		Title: "The layout of a type changed",
		Also: []Also{{OnStack, Note, "For a type whose objects are all on the stacks of functions, made and used by " +
			"one task. The unit itself defines such a type. Its file makes objects of it as local variables alone, nothing " +
			"else holds a pointer to one, and the type has no member through which another task comes to the " +
			"object, such as a list, a wait queue, a lock, a counter or a work item."},
			{Alone, Note, "Where the patch changes no code that this kernel runs."}},
		Meaning: "The patch changes the size of a struct or union, or what its members are and where they lie. " +
			"Code that is replaced uses the new layout; the objects that the running kernel has made by then " +
			"have the old one, and so does all code that is not part of the patch's units. Each type is named " +
			"once.\n\n" +
			"The types are compared by the debug info of the units whose changed files touch the body of a " +
			"type, a macro or a conditional. New types are not named.",
		Example: "consent[layout-changed]: vmlinux/struct eventpoll (fs/eventpoll.c): the layout of " +
			"struct eventpoll changes: its size goes from 200 to 208 bytes; the objects that the " +
			"running kernel has made of it stay as they are\n" +
			"  to accept: --accept 'layout-changed:struct eventpoll'",
		Advice: "Keep the type as it is and attach new state to its objects with a shadow variable " +
			"(`klp_shadow_alloc()`, `Documentation/livepatch/shadow-vars.rst`). Accept the change where the running " +
			"kernel has no object of the type, or where all code that uses its objects copes with both layouts.",
	},
	{
		Code: ModinfoKept, Severity: Note,
		Title: "The tags of the module stay",
		Meaning: "A tag of `.modinfo` is new, gone or different in the patch (`MODULE_DESCRIPTION`, `MODULE_ALIAS`, " +
			"`MODULE_IMPORT_NS`). The file of the module and the loaded module keep the tags that they have. " +
			"The livepatch imports each namespace that its own code needs. Another license is refused.",
		Advice: "Nothing.",
	},
	{
		Code: DebugSiteKept, Severity: Note,
		Title: "The description of a debug message stays",
		Meaning: "The description of a dynamic debug message changed (a line number, most often). The kernel keeps " +
			"the entry that it has in `dynamic_debug/control`.",
		Advice: "Nothing.",
	},
	{
		Code: UnknownSection, Severity: Error,
		Title: "A section takes effect in a kernel image only",
		Meaning: "Something in a section that the kernel's linker script or its start-up code collects is new, " +
			"gone or different (a module parameter, a tracepoint, an entry of a table that kintsugi does not " +
			"know), or patched code needs data that cannot be carried in a module, such as a new per-CPU " +
			"variable, or has a number in it that the kernel writes there at boot " +
			"(`runtime_shift_d_hash_shift`). It would have no effect there, so it is not left out in silence.",
		Example: "error[unknown-section]: vmlinux/__param_drop_more (fs/drop_caches.c): __param_drop_more in " +
			"section __param is new, and that section has effect in a kernel image only",
		Advice: "Leave that part out of the patch. Per-CPU data can be allocated in a livepatch callback with " +
			"`alloc_percpu()`.",
	},
	{
		Code: UnknownInstruction, Severity: Error,
		Title: "An instruction is unknown",
		Meaning: "A function that has to go into the module contains an instruction that kintsugi cannot decode, " +
			"so it is not certain what the function refers to.",
		Advice: "Please report it, with the object file.",
	},
	{
		Code: ShortBranch, Severity: Error,
		Title: "A branch is too short",
		Meaning: "A function that has to go into the module jumps into another one with a branch of one byte, " +
			"which does not reach across sections. That is so of objects that were compiled without " +
			"`-ffunction-sections`, and of a few functions with a section of their author's choice: " +
			"`mutex_lock()`, which ends with a jump to the function behind it, both in `.sched.text`.",
		Advice: "Compile both objects with `-ffunction-sections`. Where the source names the section, make the " +
			"change in the function that is jumped to, or in the callers.",
	},
	{
		Code: GOTReference, Severity: Error,
		Title: "Code uses the global offset table",
		Meaning: "A function that has to go into the module refers to something through the global offset table, " +
			"which modules do not have, with an instruction that does not work without it. Loads, calls and " +
			"jumps through the table are made direct ones, as the kernel's linker makes them; other " +
			"instructions, and references to weak symbols that may be defined nowhere, are not. Only " +
			"`kintsugi diff` meets this, with objects that were compiled with `-fPIC`.",
		Advice: "Compile both objects as a kernel is, without `-fPIC`.",
	},
	{
		Code: SharedSection, Severity: Error,
		Title: "A reference within a section has no relocation",
		Meaning: "What has to go into the module refers to other code of its own section, and the assembler has " +
			"left no relocation that would tell what is meant: a branch, on an architecture whose " +
			"instructions kintsugi does not decode (all but x86-64), or a jump table whose entries count from " +
			"its start. Only `kintsugi diff` meets this, with objects that were compiled without " +
			"`-ffunction-sections`.",
		Advice: "Compile both objects with `-ffunction-sections`.",
	},
}
