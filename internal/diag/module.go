package diag

var moduleRows = []Row{
	{
		Code: LoadRule, Severity: Error,
		Title: "A load rule is broken",
		Meaning: "The kernel would refuse the module, or it would not work: *verify* and `kintsugi inspect -t " +
			"TARGET` apply the rules of the kernel's module loader and livepatch core without booting. The " +
			"message names what is wrong: a version magic or symbol version that is not the target's, a " +
			"symbol that is neither exported nor a livepatch reference, a position that does not exist, a " +
			"section of the wrong form, a function that is no function of the kernel.",
		Also: []Also{{Doubtful, Warning, "Where the kernel takes the module under a condition, or kintsugi cannot read " +
			"what a rule needs."},
			{Unseen, Note, "Where the symbol is of a module that is not there to be read, the machine's rules are not " +
				"known, or more findings of one rule are left out."}},
		Example: "error[load-rule]: version magic \"6.1.0-53-amd64 SMP preempt mod_unload modversions \" should be " +
			"\"6.1.0-56-amd64 SMP preempt mod_unload modversions \"\n" +
			"  hint: compile the module against the headers of this very kernel",
		Advice: "Build the module again for the right target. From `build` it is a bug of kintsugi: please report " +
			"it.",
	},
	{
		Code: LoadRefused, Severity: Error,
		Title: "The kernel refused the module",
		Meaning: "The running kernel refused a module (`kintsugi load`, or in the VM). The hints have what the " +
			"kernel printed meanwhile.",
		Advice: "Read the hints. `kintsugi inspect -t TARGET MODULE.ko` says more where the target was added. A " +
			"kernel that wants signed modules takes an unsigned one never.",
	},
	{
		Code: LoadDrops, Severity: Error,
		Title: "A livepatch would drop fixes",
		Meaning: "A livepatch takes the place of all that are loaded, and it does not fix functions that they " +
			"fix: loading it would bring their faults back.",
		Example: "error: livepatch_b replaces livepatch_a and would drop 1 fixed function of it: " +
			"vmlinux/cmdline_proc_show,1",
		Advice: "Build one livepatch from all patches, or with `--no-replace`, which adds to those that are " +
			"loaded. `kintsugi load --drop` loads it all the same.",
	},
	{
		Code: TransitionStalled, Severity: Error,
		Title: "A transition does not end",
		Meaning: "The livepatch is loaded or disabled, but some task has not switched over: it has been sleeping " +
			"in a patched function, or never leaves the kernel.",
		Advice: "`kintsugi load` turns the transition round and unloads the module; `--timeout` waits longer. " +
			"With `--on-stall wait` the kernel goes on trying: `kintsugi status` shows the tasks, and " +
			"`kintsugi unload NAME` turns the transition round.",
	},
	{
		Code: VMTest, Severity: Error,
		Title: "The test failed",
		Meaning: "The module failed its test in the virtual machine: the kernel wrote a warning, BUG or Oops, a " +
			"transition did not end, a probe ended with an exit status other than 0, or the machine ended too " +
			"early. The console is shown.",
		Example: "error: the module failed its test: probe after: exit status 1",
		Advice:  "Read the console and the probe's output in the report.",
	},
	{
		Code: VMUnproven, Severity: Error,
		Title: "The test does not prove the module",
		Meaning: "Nothing failed in the virtual machine, and the test does not show what it has to show: a " +
			"module that the livepatch patches cannot be loaded there, often because its hardware is missing; " +
			"with `--order livepatch`, a module did not go; with `--require-exercised`, a replaced function " +
			"did not run.",
		Example: "error: the test does not prove the module: via_rng was not patched: module via_rng does not " +
			"load here: no such device",
		Advice: "`--allow-unloaded MODULE` tests without that module, and `--probe SCRIPT` makes more functions " +
			"run. A target without modules is added again with `--modules`.",
	},
}
