package kconfig

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `#
# Automatically generated file; DO NOT EDIT.
#
CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"
CONFIG_LIVEPATCH=y
# CONFIG_LTO_CLANG_THIN is not set
CONFIG_IPV6=m
CONFIG_HZ=250
CONFIG_QUOTE="a \"b\" \\"
CONFIG_OFF=n
`

func TestParse(t *testing.T) {
	config, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if !config.Yes("LIVEPATCH") || config.Yes("IPV6") || config.Yes("LTO_CLANG_THIN") || config.Yes("OFF") {
		t.Errorf("Yes is wrong in %v", config)
	}
	if got := config.Text("CC_VERSION_TEXT"); got != "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0" {
		t.Errorf("Text(CC_VERSION_TEXT) = %q", got)
	}
	if got := config.Text("QUOTE"); got != `a "b" \` {
		t.Errorf("Text(QUOTE) = %q", got)
	}
	if _, err := Parse([]byte("CONFIG_A=y\n\x7fELF\n")); err == nil {
		t.Error("a file that is no configuration was read")
	}
}

// A configuration that comes from anywhere must not run commands.
func TestParseHostile(t *testing.T) {
	for _, line := range []string{`CONFIG_A="$(shell touch x)"`, `CONFIG_A="${x}"`, "CONFIG_A=\"`touch x`\"", `CONFIG_A="$x"`,
		`CONFIG_$(shell touch x)=y`, `CONFIG_A B=y`, `CONFIG_=y`} {
		if config, err := Parse([]byte("CONFIG_B=y\n" + line + "\n")); err == nil {
			t.Errorf("%s was read as %v", line, config)
		}
	}
	if _, err := Parse([]byte(`CONFIG_A="(none) #1; a|b"` + "\n")); err != nil {
		t.Error(err)
	}
}

func TestDiff(t *testing.T) {
	was := Config{"A": "y", "B": "m", "C": "1"}
	is := Config{"A": "y", "B": "y", "D": `"x"`}
	want := []Change{{"B", "m", "y"}, {"C", "1", ""}, {"D", "", `"x"`}}
	if diff := cmp.Diff(want, Diff(was, is)); diff != "" {
		t.Error(diff)
	}
	if d := Diff(was, was); d != nil {
		t.Errorf("a configuration differs from itself: %v", d)
	}
}

func TestSet(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"CONFIG_A=y\nCONFIG_KEY=\"pem\"\nCONFIG_B=y\n", "CONFIG_A=y\nCONFIG_KEY=\"\"\nCONFIG_B=y\n"},
		{"# CONFIG_KEY is not set\n", "CONFIG_KEY=\"\"\n"},
		{"CONFIG_A=y", "CONFIG_A=y\nCONFIG_KEY=\"\"\n"},
	} {
		if got := string(Set([]byte(c.in), "KEY", "")); got != c.want {
			t.Errorf("Set(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := Parse(data)
		if err == nil && Diff(config, config) != nil {
			t.Error("a configuration differs from itself")
		}
	})
}
