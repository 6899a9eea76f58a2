package objmodel_test

import (
	"fmt"
	"strings"
	"testing"

	"kintsugi/internal/objmodel"
	"kintsugi/internal/testobj"
)

// unwound has three functions in one section and the unwind entries that
// objtool would write: second begins with the last entry of first.
const unwound = `#define place __attribute__((section(".place.text")))
int place first(int x) { return external(x); }
int place second(int x) { return external(x + 1); }
int place third(int x) { return external(x + 2); }
asm(".pushsection .orc_unwind_ip,\"a\"\n.long first - .\n.long first + 4 - .\n"
".long third - .\n.long third + 5 - .\n.long .Lend - .\n.popsection\n"
".pushsection .orc_unwind,\"a\"\n.byte 1,1\n.byte 2,2\n.byte 3,3\n.byte 4,4\n.byte 0,0\n.popsection\n"
".pushsection .place.text,\"ax\",@progbits\n.subsection 1\n.Lend:\n.popsection");`

// TestUnwinding divides the entries of a section among its functions: those of
// each stand alone.
func TestUnwinding(t *testing.T) {
	o := load(t, unwound)
	for name, want := range map[string]string{
		"first":  "0:1 4:2 end:0",
		"second": "0:2 end:0",
		"third":  "0:3 5:4 end:0",
	} {
		if got := unwindEntries(named(t, o, name)); got != want {
			t.Errorf("%s has the entries %s, want %s", name, got, want)
		}
	}
}

// TestUnwindingBroken has fewer bytes of entries than places.
func TestUnwindingBroken(t *testing.T) {
	short := strings.Replace(unwound, `\n.byte 4,4`, `\n.byte 4`, 1)
	if _, err := objmodel.Load(testobj.Build(t, short)); err == nil || !strings.Contains(err.Error(), "do not match") {
		t.Errorf("error %v", err)
	}
}

// unwindEntries are the entries of a function: place in it and the first byte
// of what is beside.
func unwindEntries(a *objmodel.Atom) string {
	entries := map[string]*objmodel.Atom{}
	for _, e := range a.Entries {
		entries[e.Section.Name] = e
	}
	var list []string
	for i, r := range entries[".orc_unwind_ip"].Refs {
		at := fmt.Sprint(r.Addend)
		if r.Addend == int64(a.Size) {
			at = "end"
		}
		list = append(list, fmt.Sprintf("%s:%d", at, entries[".orc_unwind"].Bytes()[2*i]))
	}
	return strings.Join(list, " ")
}
