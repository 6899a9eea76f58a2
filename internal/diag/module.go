package diag

var moduleRows = []Row{
	{
		Code: LoadRule, Severity: Error,
		Title: "A load rule is broken",
		Meaning: "The kernel would refuse the module, or the module would not work. *verify* and `kintsugi inspect -t " +
			"TARGET` apply the rules of the kernel's module loader and livepatch core without booting. The " +
			"message names the fault: a version magic or symbol version that is not the target's, a " +
			"symbol that is neither exported nor a livepatch reference, a position that does not exist, a " +
			"section of the wrong form, or a function that the kernel does not have.",
		Also: []Also{{Doubtful, Warning, "If the kernel accepts the module only under a condition, or kintsugi cannot " +
			"read what a rule needs."},
			{Unseen, Note, "If the module with a symbol cannot be read, if kintsugi does not know the rules of the " +
				"machine, or if further findings of a rule are omitted."}},
		Example: "error[load-rule]: version magic \"6.1.0-53-amd64 SMP preempt mod_unload modversions \" should be " +
			"\"6.1.0-56-amd64 SMP preempt mod_unload modversions \"\n" +
			"  hint: compile the module against the headers of this kernel",
		Advice: "Build the module again for the right target. If `build` reports this, it is a bug of kintsugi: please " +
			"report it.",
	},
	{
		Code: LoadRefused, Severity: Error,
		Title: "The kernel refused the module",
		Meaning: "The running kernel refused a module (`kintsugi load`, or in the VM). The hints show what the " +
			"kernel printed.",
		Advice: "Read the hints. If the kernel is a target, `kintsugi inspect -t TARGET MODULE.ko` explains more. A " +
			"kernel that requires signed modules never loads an unsigned module.",
	},
	{
		Code: LoadDrops, Severity: Error,
		Title: "A livepatch would drop fixes",
		Meaning: "A livepatch replaces all loaded livepatches, but does not fix some functions that they fix. Loading " +
			"it would bring their faults back.",
		Example: "error: livepatch_b replaces livepatch_a and would drop 1 fixed function of it: " +
			"vmlinux/cmdline_proc_show,1",
		Advice: "Build one livepatch from all patches, or build with `--no-replace`, which keeps the loaded " +
			"livepatches. `kintsugi load --drop` loads the livepatch anyway.",
	},
	{
		Code: TransitionStalled, Severity: Error,
		Title: "A transition does not end",
		Meaning: "The livepatch is loaded or disabled, but some task has not switched over: it sleeps in a patched " +
			"function, or never leaves the kernel.",
		Advice: "`kintsugi load` reverses the transition and unloads the module. `--timeout` waits longer. With " +
			"`--on-stall wait` the kernel keeps trying: `kintsugi status` lists the tasks, and `kintsugi unload " +
			"NAME` reverses the transition.",
	},
	{
		Code: VMTest, Severity: Error,
		Title: "The test failed",
		Meaning: "The module failed its test in the virtual machine: the kernel printed a warning, BUG or Oops, a " +
			"transition did not end, a probe ended with an exit status other than 0, or the machine ended too " +
			"early. The console is shown.",
		Example: "error: the module failed its test: probe after: exit status 1",
		Advice:  "Read the console and the probe's output in the report.",
	},
	{
		Code: VMUnproven, Severity: Error,
		Title: "The test does not prove the module",
		Meaning: "Nothing failed in the virtual machine, but the test is incomplete: a module that the livepatch " +
			"patches cannot be loaded there, often because its hardware is missing; with `--order livepatch`, a " +
			"module could not be unloaded; with `--require-exercised`, a replaced function did not run.",
		Example: "error: the test does not prove the module: via_rng was not patched: module via_rng does not " +
			"load here: no such device",
		Advice: "Test without that module by `--allow-unloaded MODULE`. Make more functions run by `--probe SCRIPT`. " +
			"Add a target without modules again with `--modules`.",
	},
}
