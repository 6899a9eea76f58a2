package makefile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const someMakefile = `# SPDX-License-Identifier: GPL-2.0
obj-y	+= proc.o

proc-y		:= nommu.o
proc-$(CONFIG_MMU)	:= mmu.o
proc-y += inode.o root.o \
	fd.o # open files
ifeq ($(CONFIG_NET),y)
proc-y += net.o
endif
CFLAGS_mmu.o += -O2
`

// TestAddedObjects checks which objects an edit of a makefile adds, or why the edit is refused.
func TestAddedObjects(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"nothing":  {"", "", ""},
		"comment":  {"# SPDX", "# Two\n# SPDX", ""},
		"built in": {"CFLAGS_mmu.o", "obj-y += new.o\nCFLAGS_mmu.o", "{fs/new.c fs/Makefile:11 obj y}"},
		"symbol": {"CFLAGS_mmu.o", "obj-$(CONFIG_NEW) += new.o\nCFLAGS_mmu.o",
			"{fs/new.c fs/Makefile:11 obj CONFIG_NEW}"},
		"part": {"CFLAGS_mmu.o", "proc-objs\t+= new.o # new\nCFLAGS_mmu.o",
			"{fs/new.c fs/Makefile:11 proc objs}"},
		"two": {"CFLAGS_mmu.o", "proc-y += new.o sub/new.o\nCFLAGS_mmu.o",
			"{fs/new.c fs/Makefile:11 proc y} {fs/sub/new.c fs/Makefile:11 proc y}"},
		"word":      {"root.o \\", "root.o new.o \\", "{fs/new.c fs/Makefile:6 proc y}"},
		"continued": {"fd.o # open files", "fd.o \\\n\tnew.o", "{fs/new.c fs/Makefile:6 proc y}"},
		"word of a setting": {":= nommu.o", ":= new.o nommu.o",
			"error: line 4 adds to proc, which is assigned again further down"},
		"before a setting": {"proc-y		:=", "proc-y += new.o\nproc-y :=",
			"error: line 4 adds to proc, which is assigned again further down"},
		"setting": {"CFLAGS_mmu.o", "proc-y := new.o\nCFLAGS_mmu.o",
			"error: line 11 sets proc-y instead of adding to it"},
		"inside of a condition": {"proc-y += net.o", "proc-y += net.o new.o", "error: line 9 is inside a conditional"},
		"condition":             {"CFLAGS_mmu.o", "ifdef X\nCFLAGS_mmu.o", "error: line 11 is not a list of objects"},
		"condition gone": {"ifeq ($(CONFIG_NET),y)\n", "",
			"error: line 8 of the original is changed or removed"},
		"file gone":  {"proc-y += net.o\n", "", "error: line 9 of the original is changed or removed"},
		"flags":      {"-O2", "-O3", "error: line 11 is not a list of objects"},
		"flags gone": {"CFLAGS_mmu.o += -O2\n", "", "error: line 11 of the original is changed or removed"},
		"flags of the new": {"CFLAGS_mmu.o", "CFLAGS_new.o += -O3\nCFLAGS_mmu.o",
			"error: line 11 is not a list of objects"},
		"word gone": {"inode.o root.o", "inode.o new.o",
			"error: line 6 adds inode.o, which is not compiled from a C file that the patch adds"},
		"old file": {"CFLAGS_mmu.o", "proc-y += old.o\nCFLAGS_mmu.o",
			"error: line 11 adds old.o, which is not compiled from a C file that the patch adds"},
		"run": {"CFLAGS_mmu.o", "proc-y += $(shell id).o\nCFLAGS_mmu.o",
			"error: line 11 adds $(shell, which is not compiled from a C file that the patch adds"},
		"run in the condition": {"CFLAGS_mmu.o", "proc-$(shell id) += new.o\nCFLAGS_mmu.o",
			"error: line 11 is not a list of objects"},
		"elsewhere": {"CFLAGS_mmu.o", "proc-y += ../fs/new.o\nCFLAGS_mmu.o",
			"error: line 11 adds ../fs/new.o, which is not compiled from a C file that the patch adds"},
		"quoted backslash": {"CFLAGS_mmu.o += -O2\n", "# \\\\\nproc-y += new.o\n",
			"error: line 11 of the original is changed or removed"},
		"directory": {"CFLAGS_mmu.o", "obj-y += sub/\nCFLAGS_mmu.o",
			"error: line 11 adds sub/, which is not compiled from a C file that the patch adds"},
		"recipe": {"CFLAGS_mmu.o", "\t# obj-y += new.o\nCFLAGS_mmu.o", "error: line 11 is not a list of objects"},
		"definition": {"CFLAGS_mmu.o", "define x\nobj-y += new.o\nendef\nCFLAGS_mmu.o",
			"error: line 11 is not a list of objects"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(someMakefile, c.from) {
				t.Fatalf("%q is not in the makefile", c.from)
			}
			patched := strings.Replace(someMakefile, c.from, c.to, 1)
			objects, err := AddedObjects("fs/Makefile", []byte(someMakefile), []byte(patched), isNewC)
			got := strings.Trim(fmt.Sprint(objects), "[]")
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

func isNewC(source string) bool { return source == "fs/new.c" || source == "fs/sub/new.c" }

// FuzzAddedObjects checks that each added object belongs to a new C file, and that make reads it
// from a list.
func FuzzAddedObjects(f *testing.F) {
	f.Add([]byte(someMakefile), []byte(someMakefile+"proc-y += new.o\n"))
	f.Add([]byte("obj-y := a.o\\\n b.o\n"), []byte("obj-y := a.o\\\n new.o b.o\n"))
	f.Fuzz(func(t *testing.T, original, patched []byte) {
		objects, err := AddedObjects("fs/Makefile", original, patched, isNewC)
		if err != nil {
			return
		}
		words := strings.Fields(strings.ReplaceAll(string(patched), `\`, " "))
		for _, o := range objects {
			word := strings.TrimSuffix(strings.TrimPrefix(o.Source, "fs/"), ".c") + ".o"
			inLine := slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, word) })
			if !isNewC(o.Source) || !inLine || o.Makefile() != "fs/Makefile" {
				t.Errorf("%+v", o)
			}
		}
		if same, err := AddedObjects("fs/Makefile", patched, patched, isNewC); err != nil || len(same) > 0 {
			t.Errorf("against itself: %v, %v", same, err)
		}
	})
}
