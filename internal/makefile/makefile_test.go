package makefile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDepfile(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"a.o", nil},
		{"a.o: a.c b.h \\\n  ./c.h\n", []string{"a.c", "b.h", "./c.h"}},
		{"a.o: x\\ y.c a$$b.h c\\#d.h", []string{"x y.c", "a$b.h", "c#d.h"}},
		{"a.o: a.c\n\nb.h:\n", []string{"a.c"}},
	} {
		if diff := cmp.Diff(test.want, Depfile([]byte(test.text))); diff != "" {
			t.Errorf("%q: %s", test.text, diff)
		}
	}
}

func FuzzDepfile(f *testing.F) {
	f.Add([]byte("a.o: a.c b\\ c.h \\\n d.h\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, dep := range Depfile(text) {
			if dep == "" {
				t.Error("empty dependency")
			}
		}
	})
}

func TestReadSaved(t *testing.T) {
	text := "savedcmd_a/x.o := gcc -nostdinc -c -o a/x.o a/x.c ; ./tools/objtool/objtool --orc a/x.o\n\n" +
		"source_a/x.o := a/x.c\n\ndeps_a/x.o := \\\n    $(wildcard include/config/SMP) \\\n  include/linux/a.h \\\n  " +
		"./b/../c.h \\\n\na/x.o: $(deps_a/x.o)\n"
	want := &Saved{Source: "a/x.c", Object: "a/x.o", Compile: strings.Fields("gcc -nostdinc -c -o a/x.o a/x.c"),
		Deps: []string{"a/x.c", "include/linux/a.h", "c.h"}}
	if diff := cmp.Diff(want, ReadSaved([]byte(text))); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"", "cmd_a := ld -o a b.o\n", "cmd_a := 'x\nsource_a := a.c\n", "deps_a := \\\n"} {
		if s := ReadSaved([]byte(text)); s != nil {
			t.Errorf("%q: %+v", text, s)
		}
	}
}
