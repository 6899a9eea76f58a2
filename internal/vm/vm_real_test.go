package vm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kintsugi/internal/fault"
	"kintsugi/internal/testenv"
)

// The tests in this file boot the image of the test target.

func realImage(t *testing.T) string {
	t.Helper()
	return testenv.Kernel(t).Image
}

// buildInit builds the kintsugi binary that becomes init.
func buildInit(t *testing.T) string {
	t.Helper()
	path, err := testenv.BuildProgram(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// buildModule compiles one C file of testdata against the headers.
func buildModule(t *testing.T, source string) string {
	t.Helper()
	kernel := testenv.Kernel(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "Makefile"), "obj-m := "+source+".o\n")
	args := []string{"-s", "-C", kernel.Headers, "M=" + dir, "modules", "CC=" + kernel.CC}
	if out, err := exec.Command("make", args...).CombinedOutput(); err != nil {
		t.Fatalf("make: %v\n%s", err, out)
	}
	return filepath.Join(dir, source+".ko")
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func probeFile(t *testing.T, text string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "probe.sh"), text)
}

// foreign returns a copy of the module that claims to be for a kernel of
// another configuration. (Another release alone the kernel does not mind where
// the module has CRCs of the symbols that it uses: same_magic in kernel/module/version.c.)
func foreign(t *testing.T, module string) string {
	t.Helper()
	text, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(text, []byte(" SMP "), []byte(" UP! "), 1)
	if bytes.Equal(text, changed) {
		t.Fatal("no SMP in the module's vermagic")
	}
	return write(t, filepath.Join(t.TempDir(), "foreign.ko"), string(changed))
}

func phasesOf(r *Result) string {
	var list []string
	for _, p := range r.Test.Phases {
		list = append(list, fmt.Sprintf("%s:%d", p.Name, p.Status))
	}
	return strings.Join(list, " ")
}

// cmdlineProbe is content when /proc/cmdline is as the sample livepatch should make it.
const cmdlineProbe = `
cat /proc/cmdline
case $1 in
after) grep -q 'this has been live patched' /proc/cmdline ;;
*)     ! grep -q 'this has been live patched' /proc/cmdline ;;
esac
`

func TestRun(t *testing.T) {
	image, init := realImage(t), buildInit(t)
	sample := buildModule(t, "sample")
	extra := buildModule(t, "warns")

	tests := []struct {
		name   string
		cfg    Config
		reason string // substring; empty is a test that passes
		phases string
	}{
		{name: "sample", cfg: Config{Module: sample, Probe: probeFile(t, cmdlineProbe)},
			phases: "before:0 after:0 reverted:0"},
		{name: "no probe", cfg: Config{Module: sample}},
		{name: "probe fails after", cfg: Config{Module: sample, Probe: probeFile(t, `[ "$1" != after ] || exit 7`)},
			reason: "probe after: exit status 7", phases: "before:0 after:7 reverted:0"},
		{name: "probe fails before", cfg: Config{Module: sample, Probe: probeFile(t, `exit 3`)},
			reason: "probe before: exit status 3", phases: "before:3"},
		{name: "probe fails reverted", cfg: Config{Module: sample, Probe: probeFile(t, `[ "$1" != reverted ]`)},
			reason: "probe reverted: exit status 1", phases: "before:0 after:0 reverted:1"},
		{name: "module warns", cfg: Config{Module: extra}, reason: "WARNING: CPU:"},
		{name: "kernel panics", cfg: Config{Module: buildModule(t, "panics")},
			reason: "Kernel panic - not syncing: on purpose"},
		{name: "other kernel", cfg: Config{Module: foreign(t, sample)},
			reason: "load of sample: the kernel refuses the module's format"},
		{name: "stalls", cfg: Config{Module: buildModule(t, "stalls"), Transition: 5 * time.Second,
			Probe: probeFile(t, "[ $1 != before ] || { sleep 600 < /proc/cmdline & }\n")},
			reason: "transition of livepatch stalls to enabled does not end: 1 not switched: pid ", phases: "before:0"},
		{name: "files", cfg: Config{Module: sample, Files: map[string]string{"/lib/extra.ko": extra},
			Probe: probeFile(t, "[ $1 != before ] || test -s /lib/extra.ko")}, phases: "before:0 after:0 reverted:0"},
		{name: "background process", cfg: Config{Module: sample,
			Probe: probeFile(t, "(while :; do cat /proc/cmdline; done) &\nexit 0")},
			phases: "before:0 after:0 reverted:0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.cfg.Image, test.cfg.Init = image, init
			began := time.Now()
			result, err := Run(context.Background(), test.cfg)
			if err != nil {
				t.Fatalf("%v\n%v\n%s", err, fault.Hints(err), consoleOf(result))
			}
			t.Logf("%s, %.1f s; %v; %q %q", result.Accel, time.Since(began).Seconds(), result.Test.Steps, result.Test.Reason,
				result.Hints)
			if result.Test.OK != (test.reason == "") || !strings.Contains(result.Test.Reason, test.reason) {
				t.Errorf("ok %v, reason %q, want %q\n%s", result.Test.OK, result.Test.Reason, test.reason, result.Console)
			}
			if got := phasesOf(result); test.phases != "" && got != test.phases {
				t.Errorf("phases %s, want %s\n%s", got, test.phases, result.Console)
			}
		})
	}
}

func consoleOf(r *Result) string {
	if r == nil {
		return ""
	}
	return r.Console
}

// TestTimeout: a guest that never ends is stopped, and QEMU with it.
func TestTimeout(t *testing.T) {
	image := realImage(t)
	t.Parallel()
	cfg := Config{Image: image, Init: buildInit(t), Module: buildModule(t, "sample"), Probe: probeFile(t, "sleep 3600"),
		Timeout: 30 * time.Second}
	result, err := Run(context.Background(), cfg)
	switch {
	case err != nil && strings.Contains(err.Error(), "did not reach its init within 30s"): // the machine is very busy
	case err != nil:
		t.Error(err)
	case result.Test.OK || result.Test.Reason != "not done after 30s: still in step before":
		t.Errorf("ok %v, reason %q", result.Test.OK, result.Test.Reason)
	}
}

// TestAcceleratorFallback: where KVM does not run the image, emulation does.
func TestAcceleratorFallback(t *testing.T) {
	cfg := Config{Image: realImage(t), Init: buildInit(t), Module: buildModule(t, "sample"),
		accels: []string{"none", "tcg"}}
	t.Parallel()
	result, err := Run(context.Background(), cfg)
	if err != nil || !result.Test.OK || result.Accel != "tcg" {
		t.Errorf("%+v, %v", result, err)
	}
}
