package text

import (
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"foo.isra.0":      "foo.isra.0",
		"\x1b[2Jx":        `\x1b[2Jx`,
		"a\nerror: b":     `a\x0aerror: b`,
		"caf\u00e9 \xff":  "caf\u00e9 " + `\xff`,
		"\u202eabc":       `\u202eabc`,
		"\u009b31m":       `\u009b31m`,
		"\ufffd \x00":     "\ufffd " + `\x00`,
		"two words, fine": "two words, fine",
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	table := Table{Indent: "  ", Align: "lr"}
	table.Row("name", "size", "", "object")
	table.Row("m\u00e9minfo", "1", "", "vmlinux")
	table.Row("a", "12345")
	table.Row("")
	want := "  name      size  object\n" +
		"  m\u00e9minfo      1  vmlinux\n" +
		"  a        12345\n" +
		"\n"
	if diff := cmp.Diff(want, table.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWords(t *testing.T) {
	got := []string{Count(0, "unit"), Count(1, "unit"), Count(2, "unit"), Bytes(812), Bytes(66_000), Bytes(70_400_000),
		Bytes(12_340_000_000)}
	want := []string{"no units", "1 unit", "2 units", "812 bytes", "66 kB", "70 MB", "12.3 GB"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzPrintable: whatever comes in, nothing that moves a cursor goes out, and
// what is clean stays as it is.
func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[2J\xff\u202e\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := Printable(s)
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q holds %q", got, r)
			}
		}
		if again := Printable(got); again != got {
			t.Errorf("%q becomes %q", got, again)
		}
	})
}

func TestSome(t *testing.T) {
	for most, want := range map[int]string{3: "a, b, c", 4: "a, b, c", 2: "a, b and 1 more", 1: "a and 2 more"} {
		if got := Some([]string{"a", "b", "c"}, most, ", "); got != want {
			t.Errorf("%d: %q, want %q", most, got, want)
		}
	}
	if got := Some(nil, 3, ", "); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}
