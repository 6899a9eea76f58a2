// SPDX-License-Identifier: GPL-2.0

package templates

import (
	"strings"
	"testing"
)

// TestForgetting sees that no callback of an author is lost where the module
// has callbacks of its own.
func TestForgetting(t *testing.T) {
	calls := []Call{{"post_unpatch", "author_post_unpatch"}, {"pre_unpatch", "author_pre_unpatch"}, {"pre_patch", "author_pre_patch"}}
	for name, c := range map[string]struct {
		module Module
		want   []string
		never  string
	}{
		"vmlinux": {Module{Forget: true, Objects: []Object{{Ident: "vmlinux", Calls: calls}}},
			[]string{".post_unpatch = author_post_unpatch,", ".pre_unpatch = author_pre_unpatch,", ".pre_patch = author_pre_patch,"}, "livepatch_forget(obj)"},
		"module": {Module{Forget: true, Objects: []Object{{Module: "x", Ident: "object_x", Calls: calls}}},
			[]string{".post_unpatch = object_x_post_unpatch,", ".pre_unpatch = author_pre_unpatch,", ".pre_patch = object_x_pre_patch,",
				"\tauthor_post_unpatch(obj);\n\tlivepatch_forget(obj);", "int err = author_pre_patch(obj);"}, ".post_unpatch = livepatch_forget,"},
		"module of a kernel that forgets itself": {Module{Objects: []Object{{Module: "x", Ident: "object_x", Calls: calls}}},
			[]string{".post_unpatch = author_post_unpatch,"}, "livepatch_forget"},
		"module without callbacks": {Module{Forget: true, Objects: []Object{{Module: "x", Ident: "object_x"}}},
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
