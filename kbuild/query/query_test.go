package kbuild

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
