package elfdiff_test

import (
	"fmt"
	"strings"
	"testing"

	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/objmodel"
)

// unwound has three functions in one section with the unwind entries that objtool would write.
// second begins with the last entry of first.
const unwound = `#define place __attribute__((section(".place.text")))
int place first(int x) { return external(x); } int place second(int x) { return external(x + 1); } int place third(int x) { return external(x + 2); }
asm(".pushsection .orc_unwind_ip,\"a\"\n.long first - .\n.long first + 4 - .\n.long third - .\n.long third + 5 - .\n.long .Lend - .\n.popsection\n"
".pushsection .orc_unwind,\"a\"\n.byte 1,1\n.byte 2,2\n.byte 3,3\n.byte 4,4\n.byte 0,0\n.popsection\n"
".pushsection .place.text,\"ax\",@progbits\n.subsection 1\n.Lend:\n.popsection");`

// TestUnwinding separates the unwind entries of a function from those of its section.
func TestUnwinding(t *testing.T) {
	for name, want := range map[string]string{
		"first":  "0:1 4:2 end:0",
		"second": "0:2 end:0",
		"third":  "0:3 5:4 end:0",
	} {
		n := strings.Index("first second third", name) / 6
		changed := strings.Replace(unwound, fmt.Sprintf("external(x%s)", []string{"", " + 1", " + 2"}[n]),
			"external(x ^ 8)", 1)
		r := diffSources(t, unwound, changed)
		x, err := extract.Cut(r, extract.Options{Prefix: "klp_"})
		if err != nil {
			t.Fatal(err)
		}
		if got := unwindEntries(t, x.File, name); got != want {
			t.Errorf("%s has the entries %s, want %s", name, got, want)
		}
	}
}

// unwindEntries returns the entries of a function: offset, and first byte of the data beside it.
func unwindEntries(t *testing.T, f *elfobj.File, name string) string {
	t.Helper()
	o, err := objmodel.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, a := range o.Functions() {
		if !strings.HasSuffix(a.Name, name) { // after the prefix that Extract gives it
			continue
		}
		entries := map[string]*objmodel.Atom{}
		for _, e := range a.Entries {
			entries[e.Section.Name] = e
		}
		for i, r := range entries[".orc_unwind_ip"].Refs {
			at := fmt.Sprint(r.Addend)
			if r.Addend == int64(a.Size) {
				at = "end"
			}
			list = append(list, fmt.Sprintf("%s:%d", at, entries[".orc_unwind"].Bytes()[2*i]))
		}
	}
	return strings.Join(list, " ")
}

// TestUnwindingOfData has an unwind entry for data. It belongs to no function, and may not differ.
func TestUnwindingOfData(t *testing.T) {
	stray := strings.Replace(unwound, "third + 5 - .", "external_state - .", 1) + " int external_state = 1;"
	if r := diffSources(t, stray, stray); !r.Empty() || r.Refused() {
		t.Errorf("the same object: functions %v, diagnostics %v", r.Functions, r.Diagnostics)
	}
	edit("", stray, "\\n.byte 4,4", "\\n.byte 5,4", pair{refused: []string{"unknown-section"}}).run(t)
}
