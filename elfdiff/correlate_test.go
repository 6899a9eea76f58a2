package elfdiff

import "testing"

func TestStableName(t *testing.T) {
	for name, want := range map[string]string{
		"count.3":                             "count",
		"work.constprop.0.isra.0.cold":        "work.constprop.isra.cold",
		"__UNIQUE_ID_ddebug329.8":             "__UNIQUE_ID_ddebug",
		"__UNIQUE_ID_addressable_start255":    "__UNIQUE_ID_addressable_start",
		"__BTF_ID__struct__bpf_dtab__6381025": "__BTF_ID__struct__bpf_dtab__",
		"__initcall__kmod_proc__255_27_fn5":   "__initcall__kmod_proc__fn5",
		"__x64_sys_dup2":                      "__x64_sys_dup2",
		"ext4_v2":                             "ext4_v2",
		".hidden":                             ".hidden",
	} {
		if got := StableName(name); got != want {
			t.Errorf("StableName(%q) = %q, want %q", name, got, want)
		}
	}
}
