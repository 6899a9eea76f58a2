package query

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/kbuild"
)

// oldKernel is the skeleton of a kbuild that visits directories with
// KBUILD_SINGLE_TARGETS, as 5.10 does.
var oldKernel = map[string]string{
	"Makefile": `build := -f $(CURDIR)/Makefile.build obj
build-dirs := kernel fs init
export SUBFLAGS :=
`,
	"Makefile.build": `build := -f $(CURDIR)/Makefile.build obj
comma := ,
obj-y :=
include $(obj)/Makefile
subdir-ym := $(addprefix $(obj)/,$(patsubst %/,%,$(filter %/,$(obj-y))))
real-obj-y := $(addprefix $(obj)/,$(patsubst %/,%/built-in.a,$(obj-y)))
subdir-builtin := $(filter %/built-in.a,$(real-obj-y))
multi-used-y := $(multi)
SUBFLAGS := $(SUBFLAGS) $(flags)
cmd_cc_o_c = gcc $(SUBFLAGS) -o $@ $<
cmd_objtool = ./tools/objtool/objtool orc generate $@
define rule_cc_o_c
	$(call cmd_and_fixdep,cc_o_c)
	$(call cmd,objtool)
endef
$(obj)/%.o: $(obj)/%.c FORCE
	$(rule_cc_o_c)
FORCE:
`,
	"kernel/Makefile": "obj-y := fork.o sched/\nflags = -Dkernel\n", "kernel/fork.c": "",
	"kernel/sched/Makefile": "obj-y := core.o deep/inner.o\nmulti := all.o\n", "kernel/sched/core.c": "",
	"kernel/sched/deep/inner.c": "",
	"fs/Makefile":               "obj-y := a.o\n", "fs/a.c": "",
	"init/Makefile": "include/generated/compile.h: ;\n",
}

func TestOldKernel(t *testing.T) {
	dir := t.TempDir()
	for name, text := range oldKernel {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree := &kbuild.Tree{Dir: dir, CC: "make"} // any program that is there
	a, err := Ask(t.Context(), tree, []string{"kernel/sched", "lib", "kernel/none"},
		[]string{"kernel/sched/core.o", "kernel/sched/deep/inner.o", "fs/a.o"})
	if err != nil {
		t.Fatal(err)
	}
	if !a.Folders["kernel"].Builtin || !a.Folders["kernel/sched"].Builtin {
		t.Error("a directory of vmlinux is not known as such")
	}
	if a.Folders["kernel/sched"].Composite("all", "kernel/sched") != kbuild.Vmlinux {
		t.Error("the composite object is unknown")
	}
	if diff := cmp.Diff(map[string]bool{"lib": true, "kernel/none": true}, a.denied); diff != "" {
		t.Error("denied:", diff)
	}
	const objtool = "; ./tools/objtool/objtool orc generate "
	want := map[string]string{
		"kernel/sched/core.o": "gcc -Dkernel -o kernel/sched/core.o kernel/sched/core.c" + objtool + "kernel/sched/core.o",
		"kernel/sched/deep/inner.o": "gcc -Dkernel -o kernel/sched/deep/inner.o kernel/sched/deep/inner.c" + objtool +
			"kernel/sched/deep/inner.o",
		"fs/a.o": "gcc -o fs/a.o fs/a.c" + objtool + "fs/a.o",
	}
	got := map[string]string{}
	for object := range want {
		got[object] = strings.Join(strings.Fields(a.Recipes[object].Command), " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("recipes:", diff)
	}
}

// A generated header of no directory has its rule in init/Makefile.
func TestOldKernelGenerated(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"Makefile": oldKernel["Makefile"],
		"Makefile.build": oldKernel["Makefile.build"], "init/Makefile": oldKernel["init/Makefile"]} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run, done, err := Make(&kbuild.Tree{Dir: dir, CC: "make"}, dir, []string{"include/generated/compile.h"})
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if out, err := run.Run(t.Context()); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	run.Args[1] = "kintsugi_goals=include/generated/none.h"
	if out, err := run.Run(t.Context()); err == nil {
		t.Errorf("a goal without a rule: %s", out)
	}
}
