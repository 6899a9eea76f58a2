package kbuild

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/command"
)

func TestSplitShell(t *testing.T) {
	for _, test := range []struct {
		line string
		want [][]string
	}{
		{"", nil},
		{" ; ;", nil},
		{"gcc  -c a.c\t", [][]string{{"gcc", "-c", "a.c"}}},
		{`gcc -DNAME='"proc"' ; ./objtool --orc a.o`, [][]string{{"gcc", `-DNAME="proc"`}, {"./objtool", "--orc", "a.o"}}},
		{`a 'b ; $c'"d \"e\" \n"\ f ''`, [][]string{{"a", `b ; $cd "e" \n f`, ""}}},
	} {
		got, err := splitShell(test.line)
		if err != nil {
			t.Errorf("%q: %v", test.line, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: %s", test.line, diff)
		}
	}
}

func TestSplitShellRefuses(t *testing.T) {
	for _, line := range []string{"'", `"a`, `a\`, "a $b", "a | b", "a && b", "a > b", "`a`", `"$a"`, "a*", "(a)"} {
		if got, err := splitShell(line); err == nil {
			t.Errorf("%q is taken for %q", line, got)
		}
	}
}

// FuzzSplitShell checks that quoting words for a shell and splitting the line
// again gives the words.
func FuzzSplitShell(f *testing.F) {
	f.Add("gcc -DA='b' -c")
	f.Add(`a\ "b"`)
	f.Fuzz(func(t *testing.T, line string) {
		commands, err := splitShell(line)
		if err != nil {
			return
		}
		var quoted []string
		for _, c := range commands {
			var words []string
			for _, w := range c {
				words = append(words, command.Quote(w))
			}
			quoted = append(quoted, strings.Join(words, " "))
		}
		again, err := splitShell(strings.Join(quoted, ";"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(commands, again); diff != "" {
			t.Error(diff)
		}
	})
}

// recorded returns what make printed for testdata/query.txt, a dry run on
// Debian's 6.1.192.
func recorded(t *testing.T) *answer {
	t.Helper()
	out, err := os.ReadFile("testdata/query.txt")
	if err != nil {
		t.Fatal(err)
	}
	return parseAnswer(out)
}

func TestRecordedCommand(t *testing.T) {
	a := recorded(t)
	p, err := a.place("fs/proc/meminfo.o")
	if err != nil {
		t.Fatal(err)
	}
	u, err := p.unit("fs/proc/meminfo.c")
	if err != nil {
		t.Fatal(err)
	}
	if u.ModName != "proc" || u.ModFile != "fs/proc/proc" || u.Kind != Vmlinux {
		t.Errorf("unit %+v", u)
	}
	if len(u.compile) < 100 || u.compile[0] != "gcc-12" || u.compile[len(u.compile)-1] != "fs/proc/meminfo.c" {
		t.Errorf("compile command %q", u.compile)
	}
	want := strings.Fields("--hacks=jump_label --hacks=noinstr --orc --retpoline --rethunk --sls --static-call --uaccess")
	if diff := cmp.Diff(want, u.objtool); diff != "" {
		t.Error(diff)
	}
}

func TestOutside(t *testing.T) {
	in := strings.Fields("gcc -Wp,-MMD,fs/.a.o.d -O2 -g -gdwarf-5 -gz=zlib -c -o fs/a.o fs/a.c")
	want := strings.Fields("gcc -Wp,-MMD,/w/fs/a.o.d -O2 -gdwarf-5 -c -o /w/fs/a.o fs/a.c -pipe -g1 -ffunction-sections -fdata-sections -fdebug-prefix-map=/tree=.")
	if diff := cmp.Diff(want, outside(in, "/w/fs/a.o", "/tree")); diff != "" {
		t.Error(diff)
	}
}

func TestUnitObjtool(t *testing.T) {
	ibt := strings.Fields("--hacks=jump_label --ibt --mcount --mnop --orc --prefix=16 --retpoline --link")
	if diff := cmp.Diff(strings.Fields("--hacks=jump_label --orc --retpoline"), unitObjtool(ibt)); diff != "" {
		t.Error(diff)
	}
	plain := strings.Fields("--mcount --mnop --orc --prefix=16")
	if diff := cmp.Diff(plain, unitObjtool(plain)); diff != "" {
		t.Error("without IBT kbuild runs objtool on every object as it is:", diff)
	}
}
