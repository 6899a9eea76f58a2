package cli

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	stamp := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: "vcs." + key, Value: value} }
	revision, when := stamp("revision", "0123456789abcdef0123456789abcdef01234567"), stamp("time", "2026-11-27T07:28:26Z")
	for _, c := range []struct {
		main     string
		settings []debug.BuildSetting
		want     string
	}{
		{"v1.2.0", nil, "v1.2.0"},
		{"v0.0.0-20261127072826-0123456789ab+dirty", []debug.BuildSetting{revision},
			"v0.0.0-20261127072826-0123456789ab+dirty"},
		{"(devel)", []debug.BuildSetting{revision, when, stamp("modified", "false")}, "devel-20261127-0123456789ab"},
		{"", []debug.BuildSetting{revision, when, stamp("modified", "true")}, "devel-20261127-0123456789ab+dirty"},
		{"(devel)", []debug.BuildSetting{stamp("revision", "77")}, "devel-77"},
		{"(devel)", []debug.BuildSetting{stamp("modified", "true")}, "(devel)"},
		{"", nil, "(devel)"},
	} {
		info := &debug.BuildInfo{Settings: c.settings}
		info.Main.Version = c.main
		if got := versionOf(info); got != c.want {
			t.Errorf("%q with %v: %q, want %q", c.main, c.settings, got, c.want)
		}
	}
}
