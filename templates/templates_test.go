// SPDX-License-Identifier: GPL-2.0

package templates

import (
	"strings"
	"testing"

	"kintsugi/internal/arch"
)

// TestForgetting checks that no callback of an author is lost if the module has callbacks of its
// own.
func TestForgetting(t *testing.T) {
	calls := []Call{{"post_unpatch", "author_post_unpatch"}, {"pre_unpatch", "author_pre_unpatch"},
		{"pre_patch", "author_pre_patch"}}
	for name, c := range map[string]struct {
		module Module
		want   []string
		never  string
	}{
		"vmlinux": {Module{Forget: &arch.AMD64, Objects: []Object{{Ident: "vmlinux", Calls: calls}}},
			[]string{".post_unpatch = author_post_unpatch,", ".pre_unpatch = author_pre_unpatch,",
				".pre_patch = author_pre_patch,"}, "livepatch_forget(obj)"},
		"module": {Module{Forget: &arch.AMD64, Objects: []Object{{Module: "x", Ident: "object_x", Calls: calls}}},
			[]string{".post_unpatch = object_x_post_unpatch,", ".pre_unpatch = author_pre_unpatch,",
				".pre_patch = object_x_pre_patch,",
				"\tauthor_post_unpatch(obj);\n\tlivepatch_forget(obj);", "int err = author_pre_patch(obj);"},
			".post_unpatch = livepatch_forget,"},
		"module of a kernel that forgets itself": {Module{Objects: []Object{{Module: "x", Ident: "object_x", Calls: calls}}},
			[]string{".post_unpatch = author_post_unpatch,"}, "livepatch_forget"},
		"module without callbacks": {Module{Forget: &arch.AMD64, Objects: []Object{{Module: "x", Ident: "object_x"}}},
			[]string{".post_unpatch = livepatch_forget,"}, ".pre_patch"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := c.module.Source()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if strings.Count(string(text), want) != 1 {
					t.Errorf("%q is not there once", want)
				}
			}
			if strings.Contains(string(text), c.never) || t.Failed() {
				t.Errorf("%s\nshould not have %q", text, c.never)
			}
		})
	}
}

// TestForgetSource checks that each relocation type of the loader is handled with the size of its
// field.
func TestForgetSource(t *testing.T) {
	m := Module{Forget: &arch.AMD64}
	text, err := m.ForgetSource()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"#include <asm/text-patching.h>\n",
		"\t\tcase R_X86_64_NONE:\n\t\t\tbreak;\n",
		"\t\tcase R_X86_64_64:\n\t\tcase R_X86_64_PC64:\n\t\t\ttext_poke(field, &zero, 8);\n\t\t\tbreak;\n",
		"\t\tdefault:\n\t\t\ttext_poke(field, &zero, 4);\n\t\t}\n",
		"\ttext_poke_sync();\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestAccepted has names that could end the C string that contains them.
func TestAccepted(t *testing.T) {
	m := Module{Accepted: []string{"layout-changed:struct a", `x:"); evil("\`, "x:\n??/"}}
	text, err := m.Source()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"layout-changed:struct a"`, `"x:\"); evil(\"\\"`, `"x:___/"`} {
		if !strings.Contains(string(text), "\nMODULE_INFO(accepted, "+want+");\n") {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}
