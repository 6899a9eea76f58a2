package livepatch

import "testing"

// TestPatchedWithoutTheFile has a kernel before 6.1: which objects are patched
// follows from the state of the livepatch, the loaded modules, and ftrace.
func TestPatchedWithoutTheFile(t *testing.T) {
	const redirected = "version_proc_show (1) R I     \ttramp: 0xffffffffc0204000 (klp_ftrace_handler+0x0/0x1e0) " +
		"->klp_ftrace_handler+0x0/0x1e0\n" +
		"get_block [minix] (1) R I  \ttramp: 0xffffffffc0204000 (klp_ftrace_handler+0x0/0x1e0)\n" +
		"traced (1)           \tI am no flag\n"
	const loaded = "minix 49152 1 - Live 0x0000000000000000 (E)\nfat 9 0 - Unloading 0x0\nminixes 1 0 - Live 0x0\n"
	tests := []struct {
		name, enabled, object, function, modules, list string
		patched                                        bool
	}{
		{name: "kernel", enabled: "1", object: "vmlinux", function: "version_proc_show", list: redirected, patched: true},
		{name: "kernel, disabled", enabled: "0", object: "vmlinux", function: "version_proc_show", list: redirected},
		{name: "kernel, not redirected", enabled: "1", object: "vmlinux", function: "other", list: redirected},
		{name: "kernel, only traced", enabled: "1", object: "vmlinux", function: "traced", list: redirected},
		{name: "kernel, no list", enabled: "1", object: "vmlinux", function: "other", patched: true},
		{name: "module", enabled: "1", object: "minix", function: "get_block", modules: loaded, list: redirected,
			patched: true},
		{name: "module, no list", enabled: "1", object: "minix", function: "get_block", modules: loaded, patched: true},
		{name: "module, function of another", enabled: "1", object: "minix", function: "version_proc_show", modules: loaded,
			list: redirected},
		{name: "module on its way out", enabled: "1", object: "fat", function: "f", modules: loaded},
		{name: "module not loaded", enabled: "1", object: "vfat", function: "f", modules: loaded},
		{name: "module, nothing known", enabled: "1", object: "vfat", function: "f"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{
				"sys/kernel/livepatch/p/enabled":                                           test.enabled + "\n",
				"sys/kernel/livepatch/p/transition":                                        "0\n",
				"sys/kernel/livepatch/p/" + test.object + "/x/.keep":                       "",
				"sys/kernel/livepatch/p/" + test.object + "/" + test.function + ",0/.keep": "",
			}
			if test.modules != "" {
				files["proc/modules"] = test.modules
			}
			if test.list != "" {
				files["sys/kernel/tracing/enabled_functions"] = test.list
			}
			patch, err := tree(t, files).Status("p")
			if err != nil {
				t.Fatal(err)
			}
			o := patch.Objects[0]
			if o.Patched == nil || *o.Patched != test.patched || !o.Derived {
				t.Errorf("%+v, want patched %v, derived", o, test.patched)
			}
		})
	}
}

// TestPatchedByTheFile: what the kernel itself reports is not derived.
func TestPatchedByTheFile(t *testing.T) {
	patch, err := tree(t, map[string]string{
		"sys/kernel/livepatch/p/enabled":       "1\n",
		"sys/kernel/livepatch/p/minix/patched": "0\n",
		"proc/modules":                         "minix 49152 1 - Live 0x0\n",
	}).Status("p")
	if err != nil {
		t.Fatal(err)
	}
	if o := patch.Objects[0]; o.Patched == nil || *o.Patched || o.Derived {
		t.Errorf("%+v", o)
	}
}
