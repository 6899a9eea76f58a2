package prepare

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/internal/fault"
	"kintsugi/internal/kconfig"
	"kintsugi/internal/testenv"
)

// toyTree is a source tree whose Makefile has the goals of a kernel's.
// olddefconfig appends $(DRIFT), and all goals log how they were called.
func toyTree(t *testing.T) (tree, config string) {
	t.Helper()
	tree = t.TempDir()
	writeText(t, filepath.Join(tree, "Makefile"), `olddefconfig:
	@echo $(DRIFT) >> .config
	@echo olddefconfig $(CC) $(HOSTCC) $(KERNELRELEASE) >> log
mrproper:
	@rm -rf .config include && echo mrproper >> log
prepare modules_prepare:
	@$(SLOW) echo $@ >> log
	@$(FAIL)
`)
	config = filepath.Join(t.TempDir(), "config")
	writeText(t, config, "CONFIG_A=y\nCONFIG_MODULE_SIG_KEY=\"debian/key.pem\"\n"+
		"# CONFIG_SYSTEM_TRUSTED_KEYS is not set\nCONFIG_RUSTC_VERSION=0\n")
	return tree, config
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fakeTools sets a PATH on which the named tools are programs that do nothing;
// the system's own tools follow.
func fakeTools(t *testing.T, names ...string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		writeText(t, path, "#!/bin/sh\n")
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

func TestTree(t *testing.T) {
	fakeTools(t, "flex", "bison", "bc", "perl", "ld", "gcc-99")
	tree, config := toyTree(t)
	vars := []string{"KERNELRELEASE=6.1.0-x", "DRIFT="}
	spec := Spec{Tree: tree, Config: config, CC: "gcc-99", Vars: vars, Jobs: 1}
	if err := Tree(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := Tree(t.Context(), spec); err != nil { // a tree that was built in
		t.Fatal(err)
	}
	once := "olddefconfig gcc-99 gcc-99 6.1.0-x\nprepare\nmodules_prepare\n"
	if log, _ := os.ReadFile(filepath.Join(tree, "log")); string(log) != once+"mrproper\n"+once {
		t.Errorf("make was run as\n%s", log)
	}
	text, err := os.ReadFile(filepath.Join(tree, ".config"))
	if want := "CONFIG_A=y\nCONFIG_MODULE_SIG_KEY=\"\"\n"; err != nil || !strings.HasPrefix(string(text), want) {
		t.Errorf(".config is %q, want it to begin %q", text, want)
	}
}

func TestTreeRefuses(t *testing.T) {
	fakeTools(t, "flex", "bison", "bc", "perl", "ld", "gcc-99")
	for _, c := range []struct{ name, vars, want string }{
		{"drift", "DRIFT=CONFIG_CC_HAS_SLS=y", "CONFIG_CC_HAS_SLS=y, was n"},
		{"make fails", "FAIL=echo 'fork.c:1:2: error: odd'; false", "fork.c:1:2: error: odd"},
	} {
		tree, config := toyTree(t)
		err := Tree(t.Context(), Spec{Tree: tree, Config: config, CC: "gcc-99", Vars: []string{c.vars}})
		if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), c.want) || len(fault.Hints(err)) == 0 {
			t.Errorf("%s: %v (hints %q), want %q of class environment", c.name, err, fault.Hints(err), c.want)
		}
	}
	tree, _ := toyTree(t)
	for _, config := range []string{filepath.Join(tree, "missing"), filepath.Join(tree, "Makefile")} {
		if err := Tree(t.Context(), Spec{Tree: tree, Config: config, CC: "gcc-99"}); fault.ClassOf(err) != fault.Input {
			t.Errorf("%s: %v, want an input error", config, err)
		}
	}
}

func TestTreeStops(t *testing.T) {
	fakeTools(t, "flex", "bison", "bc", "perl", "ld", "gcc-99")
	tree, config := toyTree(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	working := filepath.Join(t.TempDir(), "working")
	ended := make(chan error)
	go func() {
		slow := "SLOW=touch " + working + "; sleep 3600;"
		ended <- Tree(ctx, Spec{Tree: tree, Config: config, CC: "gcc-99", Vars: []string{slow}})
	}()
	testenv.Await(t, "working", func() bool { _, err := os.Stat(working); return err == nil })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

func TestCheckDrift(t *testing.T) {
	given := kconfig.Config{"A": "y", "MODULE_SIG_KEY": `"pem"`, "RUSTC_VERSION": "0"}
	for _, c := range []struct {
		name, value string
		ok          bool
	}{
		{"A", "y", true}, {"MODULE_SIG_KEY", `""`, true}, {"BUILD_SALT", `""`, true}, {"MODULE_SIG_ALL", "y", true},
		{"RUSTC_VERSION", "109500", true}, {"RUSTC_HAS_X", "y", true},
		{"A", "m", false}, {"RUST", "y", false}, {"AS_VERSION", "24100", false}, {"PAHOLE_VERSION", "0", false},
	} {
		got := kconfig.Config{c.name: c.value}
		for name, value := range given {
			if name != c.name {
				got[name] = value
			}
		}
		if err := checkDrift(given, got); (err == nil) != c.ok {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
	}
	err := checkDrift(kconfig.Config{"LOCALVERSION": ""}, kconfig.Config{"LOCALVERSION": "-BTF"})
	if hints := fault.Hints(err); len(hints) != 1 { // not of pahole: only the value says BTF
		t.Errorf("LOCALVERSION=-BTF: hints %q", hints)
	}
	if hints := fault.Hints(checkDrift(kconfig.Config{"DEBUG_INFO_BTF": "y"}, kconfig.Config{})); len(hints) != 2 {
		t.Errorf("DEBUG_INFO_BTF is gone, hints %q", hints)
	}
	withRust := kconfig.Config{"RUST": "y", "RUSTC_VERSION": "107800"}
	if err := checkDrift(withRust, kconfig.Config{"RUST": "y", "RUSTC_VERSION": "109500"}); err == nil {
		t.Error("another rustc was taken for a kernel with Rust code")
	}
}

func TestCheckTools(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := CheckTools(t.Context(), "x86_64-linux-gnu-gcc-12")
	hints := strings.Join(fault.Hints(err), " ")
	if fault.ClassOf(err) != fault.Environment ||
		hints != "apt-get install make flex bison bc perl binutils python3 pahole gcc-12" {
		t.Errorf("%v, hints %q", err, hints)
	}
}

func TestCompilerPackage(t *testing.T) {
	for cc, want := range map[string]string{
		"gcc-12": "gcc-12", "x86_64-linux-gnu-gcc-12": "gcc-12", "aarch64-linux-gnu-gcc-12": "gcc-12", "clang": "clang",
	} {
		if got := CompilerPackage(cc); got != want {
			t.Errorf("%s: %s, want %s", cc, got, want)
		}
	}
}

// TestBuildTraces: a tree that was built for any architecture is cleaned.
func TestBuildTraces(t *testing.T) {
	fakeTools(t, "flex", "bison", "bc", "perl", "ld", "gcc-99")
	for _, trace := range []string{"include/generated/x.h", "arch/s390/include/generated/x.h"} {
		tree, config := toyTree(t)
		writeText(t, filepath.Join(tree, trace), "")
		if err := Tree(t.Context(), Spec{Tree: tree, Config: config, CC: "gcc-99"}); err != nil {
			t.Fatal(err)
		}
		if log, _ := os.ReadFile(filepath.Join(tree, "log")); !strings.HasPrefix(string(log), "mrproper\n") {
			t.Errorf("%s: the tree was not cleaned:\n%s", trace, log)
		}
	}
}
