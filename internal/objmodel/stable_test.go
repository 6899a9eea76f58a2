package objmodel_test

import (
	"testing"

	"kintsugi/internal/objmodel"
)

func TestStableName(t *testing.T) {
	for name, want := range map[string]string{
		"count.3":                                        "count",
		"work.constprop.0.isra.0.cold":                   "work.constprop.isra.cold",
		"__UNIQUE_ID_ddebug329.8":                        "__UNIQUE_ID_ddebug",
		"__UNIQUE_ID_addressable_start255":               "__UNIQUE_ID_addressable_start",
		"__BTF_ID__struct__bpf_dtab__6381025":            "__BTF_ID__struct__bpf_dtab__",
		"__initcall__kmod_proc__255_27_fn5":              "__initcall__kmod_proc__fn5",
		"__x64_sys_dup2":                                 "__x64_sys_dup2",
		"ext4_v2":                                        "ext4_v2",
		".hidden":                                        ".hidden",
		"fresh.calls":                                    "fresh.calls",
		"fresh.calls.12":                                 "fresh.calls",
		"helper.llvm.9876543210123":                      "helper",
		"__compound_literal.3":                           "__compound_literal",
		".compoundliteral.3":                             ".compoundliteral",
		"_ZN4core3fmt5write17h0123456789abcdefE":         "_ZN4core3fmt5writeE",
		"_ZN4core3fmt5write17h0123456789abcdefE.llvm.77": "_ZN4core3fmt5writeE",
		"_ZN4core3fmt5write17h0123456789abcdeE":          "_ZN4core3fmt5write17h0123456789abcdeE",
		"_ZN3foo3barEv":                                  "_ZN3foo3barEv",
		"_RNvCs1234_7mycrate3foo":                        "mycrate::foo",
		"_RNvCsdeadBEEF_7mycrate3foo":                    "mycrate::foo",
		"_RNvCs1234_7mycrate3bar":                        "mycrate::bar",
		"_Read_all":                                      "_Read_all",
		"":                                               "",
	} {
		if got := objmodel.StableName(name); got != want {
			t.Errorf("StableName(%q) = %q, want %q", name, got, want)
		}
	}
}
