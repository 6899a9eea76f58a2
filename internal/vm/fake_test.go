package vm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kintsugi/internal/fault"
	"kintsugi/internal/testenv"
)

// The tests in this file put a shell script in the place of QEMU. It finds the
// files of the two serial ports in $console and $channel.

func fakeConfig(t *testing.T, script string) Config {
	t.Helper()
	dir := t.TempDir()
	qemu := write(t, filepath.Join(dir, "qemu"), `#!/bin/sh
for a in "$@"; do
	case $a in
	file:*/console.*) console=${a#file:} ;;
	file:*/channel.*) channel=${a#file:} ;;
	kvm|tcg*) accel=${a%%,*} ;;
	esac
done
`+script)
	if err := os.Chmod(qemu, 0o755); err != nil {
		t.Fatal(err)
	}
	image := write(t, filepath.Join(dir, "vmlinuz"), strings.Repeat("\x00", 0x202)+"HdrS")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Config{Image: image, Module: tinyModule(t), QEMU: qemu, Init: staticProgram(t, self), accels: []string{"tcg"}}
}

// patched reports that the kernel has patched an object.
const patched = `echo '{"facts":{"objects":[{"module":"tiny","name":"vmlinux","patched":true}]}}' >>"$channel"; `

func TestJudgement(t *testing.T) {
	const start = `echo '{"step":"load"}' >$channel; ` + patched
	const done = `echo '{"done":true}' >>"$channel"; `
	tests := []struct{ name, script, reason string }{ // %s is the limit
		{"good", start + done, ""},
		{"sign beats failure", start +
			`echo '[ 1.0] BUG: bad thing' >$console; echo '{"failure":{"step":"load","text":"x"},"done":true}' >>$channel`,
			"the kernel printed: BUG: bad thing"},
		{"failure", start + `echo '{"failure":{"step":"load","text":"no"},"done":true}' >>$channel`, "no"},
		{"taint", start + `echo '{"done":true,"taint":512}' >>$channel`,
			"the kernel is tainted: /proc/sys/kernel/tainted is 512"},
		{"harmless taint", start + `echo '{"done":true,"taint":45056}' >>$channel`, ""},
		{"powered off early", start, "the VM ended in step load"},
		{"cut message", start + `printf '{"done":tr' >>$channel`, "the VM ended in step load"},
		{"status", start + `echo '{"phase":{"name":"after","status":4}}' >>$channel;` + done, "probe after: exit status 4"},
		{"time over", start + `sleep 600`, "not done after %s: still in step load"},
		{"flood", start + `yes >$console`, "the console is endless; the VM was in step load"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := fakeConfig(t, test.script)
			cfg.Timeout = time.Hour
			if test.name == "time over" {
				cfg.Timeout = time.Second
			}
			result, err := Run(context.Background(), cfg)
			for cfg.Timeout < time.Minute && err != nil { // the script had no time to begin
				cfg.Timeout *= 2
				result, err = Run(context.Background(), cfg)
			}
			if err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(test.reason, "%s", cfg.Timeout.String())
			if result.Test.Reason != want || result.Test.OK != (want == "") {
				t.Errorf("ok %v, reason %q, want %q", result.Test.OK, result.Test.Reason, want)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	tests := []struct{ name, script, text, hint string }{
		{"qemu fails", `echo "bad option" >&2; exit 1`, "bad option", ""},
		{"silent", `exit 0`, "ended before its init ran", "printed nothing"},
		{"panics at boot", `echo '[ 1.0] Kernel panic - not syncing: no init' >$console; echo '[ 1.1] more' >>$console`,
			"ended before its init ran", "no init"},
		{"hangs at boot", `echo '[ 1.0] waiting' >$console; sleep 600`, "did not reach its init within", "waiting"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := fakeConfig(t, test.script)
			cfg.Timeout = time.Hour
			if test.name == "hangs at boot" {
				cfg.Timeout = time.Second
			}
			_, err := Run(context.Background(), cfg)
			hints := strings.Join(fault.Hints(err), "\n")
			for cfg.Timeout < time.Minute && !strings.Contains(hints, test.hint) { // the script had no time to begin
				cfg.Timeout *= 2
				_, err = Run(context.Background(), cfg)
				hints = strings.Join(fault.Hints(err), "\n")
			}
			if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), test.text) ||
				!strings.Contains(hints, test.hint) {
				t.Errorf("class %d, %v, hints %q", fault.ClassOf(err), err, hints)
			}
		})
	}
}

// TestCancel: what QEMU started goes with it, and so does the folder.
func TestCancel(t *testing.T) {
	cfg := fakeConfig(t, `sleep 600 & echo $! >`+"$0.pid"+`; sleep 600`)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { _, err := Run(ctx, cfg); ended <- err }()
	pid := waitForPID(t, cfg.QEMU+".pid")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	awaitEnd(t, pid)
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// awaitEnd waits until the process is gone, or is a zombie that waits for its new parent.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	testenv.Await(t, "ended", func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ") || unix.Kill(pid, 0) != nil
	})
}

// TestOddFolder: the path of the VM's files is no format, and no list of options.
func TestOddFolder(t *testing.T) {
	temp := filepath.Join(t.TempDir(), "100%d, %s!")
	if err := os.Mkdir(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := fakeConfig(t, `echo "$console" >"$console"; echo '{"step":"load"}' >"$channel"; `+patched+
		`echo '{"done":true}' >>"$channel"`)
	t.Setenv("TMPDIR", temp)
	result, err := Run(context.Background(), cfg)
	if err != nil || !result.Test.OK {
		t.Fatalf("%+v, %v", result, err)
	}
	if !strings.HasPrefix(result.Console, temp+"/") {
		t.Errorf("the console is %q, outside of %s", result.Console, temp)
	}
}

func TestFallbackToEmulation(t *testing.T) {
	cfg := fakeConfig(t, `[ $accel = tcg ] || { echo "no kvm" >&2; exit 1; }
echo '{"step":"load"}' >$channel; `+patched+`echo '{"done":true}' >>$channel`)
	cfg.accels = []string{"kvm", "tcg"}
	result, err := Run(context.Background(), cfg)
	if err != nil || result.Accel != "tcg" || !result.Test.OK {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestSecondChance has a guest that dies at boot the first time only.
func TestSecondChance(t *testing.T) {
	cfg := fakeConfig(t, `[ -e $0.once ] || { : >$0.once; echo '[ 1.0] Kernel panic - not syncing: no timer' >$console; exit 0; }
echo '{"step":"load"}' >$channel; `+patched+`echo '{"done":true}' >>$channel`)
	result, err := Run(context.Background(), cfg)
	if err != nil || !result.Test.OK {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestConsoleIsCopied(t *testing.T) {
	cfg := fakeConfig(t, `echo hello >$console; echo '{"step":"load"}' >$channel; `+patched+
		`echo '{"done":true}' >>$channel`)
	var copied strings.Builder
	cfg.Console = &copied
	result, err := Run(context.Background(), cfg)
	if err != nil || copied.String() != "hello\n" || result.Console != copied.String() {
		t.Errorf("%+v, %v, copied %q", result, err, copied.String())
	}
}
