package diag

var changeRows = []Row{
	{
		Code: DataChanged, Severity: Error,
		Title: "The contents of a variable changed",
		Meaning: "The initial value or the size of a variable changed. The running kernel initialised the variable " +
			"when it booted, and keeps its own value. A changed constant is refused too if other files can use it " +
			"or writable data points at it.",
		Example: "error[data-changed]: vmlinux/lease_break_time (fs/locks.c): the initial value or size of the " +
			"writable variable lease_break_time changed",
		Advice: "Set the value in a livepatch callback, or use a new variable in the patched code. Put new members of " +
			"a structure into a shadow variable (`Documentation/livepatch/shadow-vars.rst`).",
	},
	{
		Code: StateDropped, Severity: Consent,
		Title: "State of the kernel is lost",
		Meaning: "Patched code uses a new variable in place of a writable variable of the running kernel. The new " +
			"variable begins with its initial value. The patched code loses the state of the old variable, and " +
			"code outside the patch keeps using that state: a list looks empty, a lock does not exclude the holders " +
			"of the old lock.",
		Example: "consent[state-dropped]: vmlinux/lru_list (fs/cache.c): cache_lookup no longer uses the kernel's " +
			"variable lru_list, whose state is lost: lru_tree is new and begins with its initial value\n" +
			"  to accept: --accept state-dropped:lru_list",
		Advice: "Keep the variable with its type and initial value. Kintsugi recognizes a variable of which " +
			"only the name changed (see `variable-renamed`). Accept the loss if the new variable has nothing to do " +
			"with the old one, or if a callback fills it.",
	},
	{
		Code: VariableRenamed, Severity: Note,
		Title: "A renamed variable remains the kernel's",
		Meaning: "A variable has another name in the patch. It has the size, section, initial value and users " +
			"of a variable that the patch removes, and no other variable has them. The patched code uses the " +
			"kernel's variable, with its state.",
		Advice: "Nothing, if the two are the same variable. Give a variable with another purpose another size or " +
			"initial value.",
	},
	{
		Code: DataKept, Severity: Consent, Pins: true,
		Title: "The kernel can keep a pointer to new data",
		Meaning: "Patched code passes the address of a new variable, or of a new table of functions, to code that can " +
			"keep it: it links a list node, starts a timer, registers operations or a notifier. Or it stores " +
			"the address of a new string or constant table in an object of the kernel. If the module were " +
			"unloaded then, the address would point to memory that is no longer the module's. With consent the " +
			"module pins itself: it has no exit function, so `kintsugi unload` disables the livepatch, and the " +
			"module stays in memory until the next boot. Locks, completions and message limiters need no consent, " +
			"nor does a variable that the code only reads and writes, by itself or in new functions that get its " +
			"address. A string has no name: its consent names the function that stores it.",
		Example: "consent[data-kept]: vmlinux/version_node (fs/proc/version.c): version_proc_show hands out the " +
			"address of the new variable version_node, and the kernel can keep it\n" +
			"  to accept: --accept data-kept:version_node",
		Advice: "Accept the finding if the module may stay until the next boot; the same module cannot be loaded " +
			"again before that. Otherwise allocate the object (kmalloc), and free it in a callback.",
	},
	{
		Code: LimiterReset, Severity: Note,
		Title: "A limited message can be printed again",
		Meaning: "A message that is printed once (`pr_warn_once()`, `WARN_ONCE()`) or at a limited rate keeps its " +
			"state if the same function has the same message before and after the patch. Any other message has a " +
			"new state: with the state of an old message, it might never be printed. Here a function " +
			"limits several equal messages, and the patch adds or removes some of them, or the message is not " +
			"visible in the function's code.",
		Example: "note[limiter-reset]: vmlinux/oom_adj_write (fs/proc/base.c): oom_adj_write limits equal messages, " +
			"and the patch changes how many: which of them were printed is unknown, so each can be printed again",
		Advice: "Nothing. A message can be printed once more.",
	},
	{
		Code: PointerKept, Severity: Warning, Pins: true,
		Title: "The kernel can keep a pointer to a new function, or to the module's copy of a constant",
		Meaning: "Patched code passes a pointer to a new function to the kernel (for a timer, a work item, a " +
			"callback). Or it stores the address of a string or constant, as the kernel's own function does: the " +
			"replacement stores that of the module's copy. The kernel can keep the pointer after the livepatch is " +
			"disabled.",
		Advice: "Unload the module only when nothing uses the function or the constant. Or accept the finding " +
			"(`--accept pointer-kept`): the module then pins itself, as with `data-kept`.",
	},
	{
		Code: InitCode, Severity: Error,
		Title: "Init code changed",
		Meaning: "Code or data that exists only while the kernel starts (`__init`, `__initdata`, initcalls) changed, " +
			"or patched code refers to it. The kernel has freed it before a module can be loaded.",
		Also: []Also{{HasRun, Warning, "If the changed init code is the kernel's own, and shares neither a variable " +
			"nor anything new with the other changes. It has already run and is left out; the livepatch has the other " +
			"changes. Init and exit code of a loadable module may still run in its shipped form, so a change to it " +
			"is always refused."}},
		Example: "error[init-code]: vmlinux/proc_version_init (fs/proc/version.c): proc_version_init is init code " +
			"and changed",
		Advice: "Leave this part out of the patch, or do its work in a livepatch callback.",
	},
	{
		Code: NoFtraceSite, Severity: Error,
		Title: "The kernel cannot divert calls of a function",
		Meaning: "A changed function has no ftrace site at its entry, because it is `notrace` or `noinstr` or its " +
			"directory is compiled without ftrace, so the kernel cannot divert calls of it. If all callers were in " +
			"the same file and called it directly, they could be replaced too. That is not the case here.",
		Example: "error[no-ftrace-site]: vmlinux/kstrtobool (lib/kstrtox.c): kstrtobool cannot be replaced: it has " +
			"no ftrace site at its entry and can be called from other units",
		Advice: "Make the change in its callers that have an ftrace site.",
	},
	{
		Code: SymbolMoved, Severity: Error,
		Title: "A name has another meaning",
		Meaning: "A name that other files can refer to has another meaning in the patched file: it is now an alias of " +
			"another function, or its definition changed between weak and strong. The rest of the kernel keeps " +
			"using the name in its old meaning.",
		Advice: "Keep the meaning of the name, and choose a new name for the new function or variable.",
	},
	{
		Code: SymbolRemoved, Severity: Warning,
		Title: "A global name is removed",
		Meaning: "The patch removes a global function or variable. The running kernel keeps it, and code outside the " +
			"module keeps using it. This matters if another file has a weak definition of the name: a kernel " +
			"built with the patch uses the weak definition.",
		Also: []Also{{Alone, Error, "If the patch changes nothing else that this kernel runs."}},
	},
	{
		Code: ConstantKept, Severity: Warning,
		Title: "The kernel can keep a pointer to an old constant",
		Meaning: "A constant changed, and code passes on a pointer to it. All functions that refer to the constant are " +
			"in the module and use the new contents. A structure that got the pointer before the patch was loaded " +
			"keeps the old contents.",
	},
	{
		Code: SealedFunction, Severity: Error,
		Title: "A function cannot be called through a pointer",
		Meaning: "On a kernel with indirect branch tracking (`CONFIG_X86_KERNEL_IBT`), patched code has a pointer " +
			"to a function that nothing in the running kernel has a pointer to. An indirect call must land on an " +
			"ENDBR instruction. Such a function has none: the compiler did not emit it, or the kernel overwrote it " +
			"at boot or when the module was loaded, by the list `.ibt_endbr_seal` of the image or the module. On a " +
			"CPU with IBT the call would fault.",
		Example: "error[sealed-function]: show_char has a pointer to chrdev_show, which cannot be called through " +
			"one: the kernel overwrites the ENDBR instruction at its entry, as nothing has a pointer to it",
		Advice: "Call the function directly, or add a function to the patch that calls it, and take a pointer to " +
			"that function.",
	},
	{
		Code: AuthorMacro, Severity: Error,
		Title: "A macro of the author's headers is misused",
		Meaning: "A macro of the author's headers is used in a way that has no meaning: a callback that is not a new " +
			"function of the same file, two callbacks of one kind for one object, a state with the number 0 or " +
			"declared twice, or a function or section to ignore that does not exist.",
		Example: "error[author-macro]: vmlinux: two pre_patch callbacks: first_pre_patch and second_pre_patch",
		Advice:  "See [the guide](patch-author-guide.md#callbacks). One callback can call several functions.",
	},
	{
		Code: ChangeIgnored, Severity: Note,
		Title: "The author ignores a change",
		Meaning: "A function or section differs, and the patched source excludes it with `KPATCH_IGNORE_FUNCTION` or " +
			"`KPATCH_IGNORE_SECTION`. Kintsugi does not check whether that is right. The running kernel keeps its " +
			"own version.",
		Advice: "Nothing, or remove the macro and build again. Usually the macro is not needed here, because the line " +
			"numbers of untouched code do not change.",
	},
	{
		Code: ForceUnsafe, Severity: Warning,
		Title: "A macro without effect",
		Meaning: "`KPATCH_FORCE_UNSAFE` has no effect. A livepatch switches a task over when the task uses none of the " +
			"replaced functions. There are no exceptions.",
		Advice: "Nothing. If a transition does not end because a task never leaves the function, see " +
			"[`transition-stalled`](#transition-stalled).",
	},
	{
		Code: SectionKept, Severity: Warning,
		Title: "A function or variable stays in its section",
		Meaning: "A function or variable is in another section in the patched file (for example, it became `__ref` or " +
			"`__read_mostly`). In the running kernel it stays in its section.",
		Advice: "Nothing, unless the purpose of the patch is to change the section.",
	},
	{
		Code: ExportChanged, Severity: Error,
		Title: "An export is changed or removed",
		Meaning: "An `EXPORT_SYMBOL` is removed or changed, but its function or variable still exists. Modules that " +
			"are loaded already are linked against the kernel's exports. (If the function is removed too, the " +
			"finding is `symbol-removed`.)",
		Example: "error[export-changed]: vmlinux/get_next_ino (fs/inode.c): the export get_next_ino is removed",
		Advice:  "Leave the exports as they are.",
	},
	{
		Code: ExportABI, Severity: Consent,
		Title: "The type of an export changed",
		Also:  []Also{{Alone, Note, "If the patch changes no code that this kernel runs."}},
		Meaning: "The patch changes the parameters or the return type of an exported function, or the type of an " +
			"exported variable. Code that the patch recompiles uses the new type. Any other module keeps the old type: it " +
			"passes other parameters, or reads another size. The message lists the modules of the target that use " +
			"the export, and those for which the patch replaces every function that uses it.\n\n" +
			"The types are compared by debug info. These differences count: number, order, width, sign and kind of " +
			"parameters, the target of a pointer, the prototype of a callback, and the values of the constants " +
			"of an enum. A typedef counts as its target. Names of parameters and typedefs, `const`, `volatile`, and " +
			"further constants of an enum do not count, because compiled code passes and reads the same values. A " +
			"struct or union counts by its name; `layout-changed` compares its members. Two parameters of one type that " +
			"change places are not seen: the prototype is the same.\n\n" +
			"Units are compared if a changed file rewrites the definition of a global function or variable " +
			"outside its body, a typedef or an `#include`, or touches what `layout-changed` looks for. " +
			"Other patches take no extra time. If the debug info of such a unit cannot be read, the finding names its source.",
		Example: "consent[export-abi]: vmlinux/vfs_path_lookup (fs/namei.c): the prototype of the exported function " +
			"vfs_path_lookup changes from int vfs_path_lookup(struct dentry *, struct vfsmount *, const char *, " +
			"unsigned int, struct path *) to int vfs_path_lookup(struct dentry *, struct vfsmount *, const char *, " +
			"struct path *, unsigned int); the patch covers its use by ksmbd\n" +
			"  to accept: --accept export-abi:vfs_path_lookup",
		Advice: "Keep the export as it is, and give the new function or variable another name. " +
			"Accept the change if every module that uses the export is covered, or copes with both types. " +
			"Consider modules that are not part of the kernel.",
	},
	{
		Code: ExportDropped, Severity: Warning,
		Title: "A new export has no effect",
		Meaning: "An `EXPORT_SYMBOL` is new. All code of the patch can use the symbol, also code of other modules that " +
			"depend on the exporting module. But a livepatch exports nothing: a module outside the patch that " +
			"needs the export cannot be loaded.",
		Also: []Also{{Alone, Error, "If the patch changes nothing else that this kernel runs."}},
		Example: "warning[export-dropped]: fat/fat_patched (fs/fat/misc.c): the new export fat_patched works only " +
			"within this patch: another module that needs it cannot be loaded",
	},
	{
		Code: ModuleStaticKey, Severity: Error,
		Title: "A static key may be loaded after the livepatch",
		Meaning: "The kernel sets up static calls and jump labels when the livepatch is loaded, and a module with " +
			"their keys may be loaded later. Patched code has a static call whose key is new, and so would be in " +
			"the livepatch. Or it has a jump label whose key is new or in a module, and kintsugi cannot make the " +
			"code read the key (see `keys-read`), because the compiler then inlines other functions. From *verify* " +
			"and `inspect`: the kernel reads a section of the livepatch before the addresses in it are filled in.",
		Example: "error[module-static-key]: vmlinux/__SCK__version_show (fs/proc/version.c): version_proc_show " +
			"uses the new static key __SCK__version_show, which would be in the module",
		Advice: "Use a plain variable or pointer, or `static_key_enabled()` and `static_call_query()`, which need " +
			"no setup.",
	},
	{
		Code: KeysRead, Severity: Note,
		Title: "A function reads its static keys",
		Meaning: "A patched function reads its static keys where the original has jump labels, because some of the " +
			"keys are new or in modules. Its behaviour is the same; each NOP is replaced by a load and a branch.",
		Example: "note[keys-read]: nf_tables/nft_do_chain (net/netfilter/nf_tables_core.c): nft_do_chain reads its " +
			"static keys instead of using jump labels, because the keys may not be loaded yet: nft_counters_enabled, " +
			"nft_trace_enabled",
	},
	{
		Code: LateReference, Severity: Error,
		Title: "Code refers to a module that may be loaded later",
		Meaning: "A patched function of a module has code that the kernel reads when the livepatch is loaded (for " +
			"example the replacement of an alternative). That code refers to a symbol of a module, which may not " +
			"be loaded yet.",
		Advice: "Make the change in functions without such code.",
	},
	{
		Code: ModuleDependency, Severity: Error,
		Title: "A module does not depend on another module",
		Meaning: "New code of a module uses an export of another module that the first does not depend on. The " +
			"livepatch core looks up such symbols when the patched module is loaded. If the other module were not " +
			"loaded, the patched module could not be loaded either.",
		Example: "error[module-dependency]: loop/crc32c (drivers/block/loop.c): crc32c is exported by the module " +
			"libcrc32c, which loop does not depend on: it may not be loaded",
		Advice: "Use exports of the kernel itself, or of a module that `modinfo` lists in the `depends` of the patched " +
			"module.",
	},
	{
		Code: DebugSiteDropped, Severity: Warning,
		Title: "A debug message stays silent",
		Meaning: "A `pr_debug()` or `dev_dbg()` that is new, or is in a patched function of a module, stays silent. " +
			"Dynamic debug cannot enable it, because its key is in a module.",
		Advice: "Nothing, or use `pr_info()` if the message matters.",
	},
	{
		Code: TracepointDropped, Severity: Warning,
		Title: "A tracepoint does not fire",
		Meaning: "A tracepoint in a function of a module does not fire while the function is patched. The kernel sets " +
			"up tracepoints when the livepatch is loaded, but the tracepoint's static key is in the module, which " +
			"may be loaded later. This happens only if kintsugi cannot make the code read the key (see " +
			"`module-static-key`).",
		Advice: "Nothing. If somebody traces this module, make the change in a function without tracepoints.",
	},
	{
		Code: LayoutChanged, Severity: Consent,
		Title: "The layout of a type changed",
		Also: []Also{{OnStack, Note, "If all objects of the type are on stacks, made and used by one task. The unit " +
			"itself defines such a type. Its file makes objects of the type only as local variables, nothing else " +
			"holds a pointer to them, and the type has no member through which another task reaches the " +
			"object, such as a list, a wait queue, a lock, a counter or a work item."},
			{Alone, Note, "If the patch changes no code that this kernel runs."}},
		Meaning: "The patch changes the size of a struct or union, or the types or offsets of its members. Replaced " +
			"code uses the new layout. Objects that exist in the running kernel have the old layout, and all code " +
			"outside the patch's units uses it. Each type is reported once.\n\n" +
			"Kintsugi compares the types by the debug info of the units whose changed files touch the body of a " +
			"type, a macro or a conditional. A member that keeps its place and changes its type counts like an " +
			"export (see `export-abi`). New types are not reported. If the debug info of a unit cannot be read, the " +
			"finding is about the unit as a whole.",
		Example: "consent[layout-changed]: vmlinux/struct eventpoll (fs/eventpoll.c): the layout of " +
			"struct eventpoll changes: its size changes from 200 to 208 bytes; existing objects " +
			"of the running kernel keep the old layout\n" +
			"  to accept: --accept 'layout-changed:struct eventpoll'",
		Advice: "Keep the type as it is and attach new state to its objects with a shadow variable " +
			"(`klp_shadow_alloc()`, `Documentation/livepatch/shadow-vars.rst`). Accept the change if the running " +
			"kernel has no object of the type, or if all code that uses its objects copes with both layouts.",
	},
	{
		Code: ModinfoKept, Severity: Note,
		Title: "The tags of the module stay",
		Meaning: "The patch adds, removes or changes a tag of `.modinfo` (`MODULE_DESCRIPTION`, `MODULE_ALIAS`, " +
			"`MODULE_IMPORT_NS`). The installed and the loaded module keep their tags. The livepatch imports each " +
			"namespace that its own code needs. A changed license is refused.",
		Advice: "Nothing.",
	},
	{
		Code: DebugSiteKept, Severity: Note,
		Title: "The description of a debug message stays",
		Meaning: "The description of a dynamic debug message changed, usually its line number. The kernel keeps its " +
			"entry in `dynamic_debug/control`.",
		Advice: "Nothing.",
	},
	{
		Code: UnknownSection, Severity: Error,
		Title: "A section has an effect only in a kernel image",
		Meaning: "An entry of a section that the kernel's linker script or start-up code collects is added, removed or " +
			"changed: a module parameter, a tracepoint, or an entry of a table that kintsugi does not know. Or " +
			"patched code needs data that a module cannot have, such as a new per-CPU variable, or a number that " +
			"the kernel writes into its code at boot (`runtime_shift_d_hash_shift`). In a module the entry would " +
			"have no effect, and kintsugi never leaves anything out silently.",
		Example: "error[unknown-section]: vmlinux/__param_drop_more (fs/drop_caches.c): __param_drop_more in " +
			"section __param is new, and the parameter would belong to the livepatch, not to the patched module",
		Advice: "Leave this part out of the patch. Allocate per-CPU data in a livepatch callback with " +
			"`alloc_percpu()`.",
	},
	{
		Code: UnknownInstruction, Severity: Error,
		Title: "An instruction is unknown",
		Meaning: "A function that the module needs contains an instruction that kintsugi cannot decode, so the " +
			"function's references are uncertain.",
		Advice: "Please report this as a bug, with the object file.",
	},
	{
		Code: ShortBranch, Severity: Error,
		Title: "A branch is too short",
		Meaning: "A function that the module needs jumps into another function with a branch of one byte, which " +
			"does not reach other sections. Objects that were compiled without `-ffunction-sections` have such " +
			"branches, and a few functions whose source names their section: `mutex_lock()` ends with a jump to " +
			"the function after it, and both are in `.sched.text`.",
		Advice: "Compile both objects with `-ffunction-sections`. If the source names the section, make the change in " +
			"the function that the branch jumps to, or in the callers.",
	},
	{
		Code: GOTReference, Severity: Error,
		Title: "Code uses the global offset table",
		Meaning: "A function that the module needs refers to a symbol through the global offset table, which modules " +
			"do not have. Kintsugi makes loads, calls and jumps through the table direct, as the kernel's linker " +
			"does. It cannot change other instructions, and references to weak symbols that may be undefined. Only " +
			"`kintsugi diff` reports this, for objects that were compiled with `-fPIC`.",
		Advice: "Compile both objects like a kernel, without `-fPIC`.",
	},
	{
		Code: SharedSection, Severity: Error,
		Title: "A reference within a section has no relocation",
		Meaning: "Code or data that the module needs refers to other code of its own section, and the assembler left " +
			"no relocation for it. This is a branch, on an architecture whose instructions kintsugi does not decode " +
			"(all but x86-64), or a jump table whose entries are relative to its start. Only `kintsugi diff` reports " +
			"this, for objects that were compiled without `-ffunction-sections`.",
		Advice: "Compile both objects with `-ffunction-sections`.",
	},
}
