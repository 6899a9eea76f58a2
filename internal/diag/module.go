package diag

var moduleRows = []Row{
	{
		Code: LoadRule, Severity: Error,
		Meaning: "The kernel would refuse the module, or it would not work: *verify* and `kintsugi inspect -t " +
			"TARGET` apply the rules of the kernel's module loader and livepatch core without booting. The " +
			"message names what is wrong: a version magic or symbol version that is not the target's, a " +
			"symbol that is neither exported nor a livepatch reference, a position that does not exist, a " +
			"section of the wrong form, a function that is no function of the kernel. Notes and warnings of " +
			"this code tell what could not be checked.",
		Example: "error[load-rule]: version magic \"6.1.0-53-amd64 SMP preempt mod_unload modversions \" should be " +
			"\"6.1.0-56-amd64 SMP preempt mod_unload modversions \"\n" +
			"  hint: compile the module against the headers of this very kernel",
		Advice: "Build the module again for the right target. From `build` it is a bug of kintsugi: please report " +
			"it.",
	},
	{
		Code: LoadRefused, Severity: Error,
		Meaning: "The running kernel refused a module (`kintsugi load`, or in the VM). The hints have what the " +
			"kernel said meanwhile.",
		Advice: "Read the hints. `kintsugi inspect -t TARGET MODULE.ko` says more where the target was added. A " +
			"kernel that wants signed modules takes an unsigned one never.",
	},
	{
		Code: TransitionStalled, Severity: Error,
		Meaning: "The livepatch is loaded or disabled, but some task has not switched over: it has been sleeping " +
			"in a patched function, or never leaves the kernel.",
		Advice: "Wait, the kernel goes on trying. `kintsugi status` shows the tasks. `kintsugi unload NAME` turns " +
			"a transition round.",
	},
	{
		Code: VMTest, Severity: Error,
		Meaning: "The module failed its test in the virtual machine: the kernel wrote a warning, BUG or Oops, a " +
			"transition did not end, a probe ended with an exit status other than 0, or the machine ended too " +
			"early. The console is shown.",
		Example: "error: the module failed its test: probe after: exit status 1",
		Advice:  "Read the console and the probe's output in the report.",
	},
}
