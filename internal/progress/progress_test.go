package progress

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// speak does one of everything.
func speak(d *Display) {
	log := slog.New(d.Handler())
	log.Debug("stage", "name", "parse")
	d.Step("download", 0, 100)
	d.Step("download", 50, 100)
	log.Debug("run", "command", "sh -c 'a\tb\nc\x1b[2J'")
	log.Debug("detail", "n", 1)
	log.With("who", "apt").Warn("no network", "tries", 3)
	log.Info("waiting\r")
	d.Step("download", 100, 100)
	d.Clear()
}

func TestPlain(t *testing.T) {
	for level, want := range map[Level]string{
		Quiet:   "",
		Normal:  "parse ...\ndownload ...\nwarning: no network: apt 3\nwaiting\n",
		Verbose: "parse ...\ndownload ...\n+ sh -c 'a\tb\nc\\x1b[2J'\ndetail: 1\nwarning: no network: apt 3\nwaiting\n",
	} {
		var b bytes.Buffer
		speak(New(&b, level))
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("level %d: %s", level, diff)
		}
	}
}

func TestTerminal(t *testing.T) {
	var b bytes.Buffer
	d := New(&b, Normal)
	d.width = func() int { return 24 }
	speak(d)
	const wipe = "\r\x1b[K"
	want := wipe + "parse ..." +
		wipe + "download  [............" + // 50 comes too soon after
		wipe + "warning: no network: apt 3\nwaiting\n" +
		wipe + "download  [############" + wipe
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLine(t *testing.T) {
	for want, part := range map[string][2]int64{
		"x ...": {0, 0},
		"x  [##########....................]  35%": {35, 100},
		"x  [##############################] 100%": {900, 100},
		"x  [..............................]   0%": {-5, 100},
	} {
		if got := line("x", part[0], part[1]); got != want {
			t.Errorf("line(%d, %d) = %q, want %q", part[0], part[1], got, want)
		}
	}
}
