package cage

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kintsugi/internal/command"
	"kintsugi/internal/testenv"
)

func TestReplacePath(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"/tmp/w", "/build"},
		{"/tmp/w/x.o", "/build/x.o"},
		{"-Wp,-MMD,/tmp/w/x.d", "-Wp,-MMD,/build/x.d"},
		{"-fdebug-prefix-map=/tmp/w/tree=.", "-fdebug-prefix-map=/build/tree=."},
		{"M=/tmp/w and /tmp/w/b", "M=/build and /build/b"},
		{"/tmp/w2/x", "/tmp/w2/x"},
		{"/tmp/w-old", "/tmp/w-old"},
		{"/tmp/w.old", "/tmp/w.old"},
		{"x/tmp/w", "x/tmp/w"},
		{"/tmp/w2 /tmp/w", "/tmp/w2 /build"},
	} {
		if got := replacePath(c.text, "/tmp/w", "/build"); got != c.want {
			t.Errorf("%q is %q, want %q", c.text, got, c.want)
		}
	}
	if got := replacePath("x", "", "/build"); got != "x" {
		t.Errorf("without a path: %q", got)
	}
}

func TestVisible(t *testing.T) {
	c := Cage{Source: "/c/t/source", Read: []string{"/c/t", "/h/headers", "/h/headers", "/h/headers-common"}}
	if got, want := c.visible(), []string{"/c/t", "/h/headers", "/h/headers-common"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// onHost is a cage with the host's programs.
func onHost(t *testing.T) Cage {
	t.Helper()
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("bubblewrap is not installed")
	}
	return Cage{Kind: Bubblewrap, Root: "/", Source: t.TempDir(), Work: t.TempDir(), Limits: DefaultLimits}
}

func run(t *testing.T, c Cage, script string) (string, error) {
	t.Helper()
	out, err := (&command.Cmd{Dir: c.Work, Path: "sh", Args: []string{"-c", script}, Cage: c}).Run(t.Context())
	return strings.TrimSpace(string(out)), err
}

func TestBubblewrap(t *testing.T) {
	c := onHost(t)
	secret := filepath.Join(t.TempDir(), "SECRET")
	if err := os.WriteFile(secret, []byte("of the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KINTSUGI_SECRET", "of the host")
	for _, test := range []struct{ name, script, want string }{
		{"folder", "pwd", Build},
		{"paths", "echo " + c.Source + "/a " + c.Work + "/b", "/kernel/a /build/b"},
		{"environment", "env | cut -d= -f1 | sort | tr '\\n' ' '", "HOME LC_ALL PATH PWD TMPDIR TZ"},
		{"work is writable", "echo x > /build/x && cat /build/x", "x"},
		{"tmp is writable", "echo x > /tmp/x && cat /tmp/x", "x"},
		{"file of the host", "cat " + secret + " 2>/dev/null || echo none", "none"},
		{"users of the host", "cat /etc/passwd /etc/shadow 2>/dev/null || echo none", "none"},
		{"home of the host", "ls /root /home 2>/dev/null || echo none", "none"},
		{"source is read-only", "echo x 2>/dev/null > /kernel/x || echo refused", "refused"},
		{"root is read-only", "{ echo x > /x; } 2>/dev/null || echo refused", "refused"},
		{"programs are read-only", "{ echo x > /usr/bin/x; } 2>/dev/null || echo refused", "refused"},
		{"network", "cat /proc/net/dev | tail -n +3 | cut -d: -f1", "lo"},
		{"processes of the host", "test $(ls -d /proc/[0-9]* | wc -l) -lt 10 && echo few", "few"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := run(t, c, test.script)
			if out != test.want {
				t.Errorf("%q, %v; want %q", out, err, test.want)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(c.Work, "x")); err != nil {
		t.Error("what was written to the work folder is not there:", err)
	}
	c.Writes = true
	if out, err := run(t, c, "echo x > /kernel/x && cat /kernel/x"); out != "x" {
		t.Errorf("a tree that is being prepared cannot be written to: %q, %v", out, err)
	}
}

func TestLimits(t *testing.T) {
	c := onHost(t)
	c.Limits = Limits{Memory: 200 << 20, CPU: time.Second, FileSize: 1 << 20, Processes: 100, Deadline: time.Minute}
	for name, script := range map[string]string{
		"memory":    "head -c 400M /dev/zero | tail -n 1 | wc -c | grep -q 419430400",
		"processor": "while :; do :; done",
		"file":      "head -c 2M /dev/zero > /build/large",
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := run(t, c, script); err == nil {
				t.Errorf("went through: %q", out)
			}
		})
	}
	wide := c
	wide.Limits = DefaultLimits
	if out, err := run(t, wide, "head -c 2M /dev/zero > /build/large && echo done"); out != "done" {
		t.Errorf("with wide limits: %q, %v", out, err)
	}
}

func TestDeadline(t *testing.T) {
	c := onHost(t)
	c.Limits.Deadline = 300 * time.Millisecond
	if _, err := run(t, c, "sleep 60 & sleep 60"); !errors.Is(err, command.ErrDeadline) {
		t.Errorf("%v, want %v", err, command.ErrDeadline)
	}
}

// Nothing of a cage outlives the command, also what it has put in the
// background and in a session of its own.
func TestNothingOutlives(t *testing.T) {
	c := onHost(t)
	mark := "86399." + filepath.Base(filepath.Dir(c.Work))[len("TestNothingOutlives"):]
	ctx, cancel := context.WithCancel(t.Context())
	cmd := &command.Cmd{Path: "sh", Args: []string{"-c", "setsid sleep " + mark + " & echo started > " + c.Work +
		"/started; wait"}, Cage: c}
	done := make(chan error)
	go func() { _, err := cmd.Run(ctx); done <- err }()
	testenv.Await(t, "started", func() bool {
		_, err := os.Stat(filepath.Join(c.Work, "started"))
		return err == nil && alive(t, mark)
	})
	cancel()
	<-done
	testenv.Await(t, "ended", func() bool { return !alive(t, mark) })
}

// alive reports whether a process has an argument.
func alive(t *testing.T, arg string) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, _ := os.ReadFile(file) // the process may have ended
		return slices.Contains(strings.Split(string(text), "\x00"), arg)
	})
}

func TestLauncherOf(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, name := range []string{"XDG_CACHE_HOME", "CCACHE_DIR", "CCACHE_PREFIX", "DISTCC_DIR"} {
		t.Setenv(name, "")
	}
	t.Setenv("CCACHE_MAXSIZE", "1G")
	got, err := LauncherOf([]string{"ccache"})
	want := Launcher{Writable: []string{home + "/.cache/ccache"}}
	if err != nil || got.Network || !slices.Equal(got.Writable, want.Writable) ||
		!slices.Contains(got.Env, "CCACHE_MAXSIZE=1G") || !slices.Contains(got.Env, "CCACHE_DIR="+home+"/.cache/ccache") {
		t.Errorf("%+v, %v", got, err)
	}
	t.Setenv("CCACHE_PREFIX", "distcc")
	if got, err = LauncherOf([]string{"/opt/x/ccache"}); err != nil || !got.Network || len(got.Writable) != 2 ||
		!slices.Equal(got.Read, []string{"/opt/x"}) {
		t.Errorf("with distcc: %+v, %v", got, err)
	}
	if got, err = LauncherOf(nil); err != nil || got.Network || got.Writable != nil || got.Env != nil {
		t.Errorf("none: %+v, %v", got, err)
	}
}

// TestLauncherInCage has a launcher write to its folder, and to no other.
func TestLauncherInCage(t *testing.T) {
	c := onHost(t)
	dir, other := t.TempDir(), t.TempDir()
	t.Setenv("CCACHE_DIR", dir)
	var err error
	if c.Launcher, err = LauncherOf([]string{"ccache"}); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, c, "echo kept > $CCACHE_DIR/x && ! echo > "+other+"/x")
	if text, readErr := os.ReadFile(filepath.Join(dir, "x")); err != nil || readErr != nil || string(text) != "kept\n" {
		t.Errorf("%q, %v: %s", text, err, out)
	}
}
