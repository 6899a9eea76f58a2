package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/cage"
	"kintsugi/internal/fault"
	"kintsugi/internal/kconfig"
)

const (
	gcc12        = "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"
	debianBanner = "Linux version 6.1.0-56-amd64 (debian-kernel@lists.debian.org) (" + gcc12 +
		", GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)"
	plainBanner = "Linux version 6.6.30 (me@box) (gcc (GCC) 13.2.1, GNU ld version 2.41) #7 SMP PREEMPT_DYNAMIC Sat " +
		"May  4 12:00:00 UTC 2024"
	abiBanner = "Linux version 5.15.0-91-generic (buildd@lcy02) (gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0, GNU ld " +
		"2.38) #101-Ubuntu SMP Tue Nov 14 13:30:08 UTC 2023"
)

// good is a configuration that livepatches can be made for.
func good() kconfig.Config {
	config := kconfig.Config{"CC_VERSION_TEXT": `"` + gcc12 + `"`}
	for _, name := range []string{"X86_64", "LIVEPATCH", "MODULES", "KALLSYMS", "KALLSYMS_ALL", "DYNAMIC_FTRACE",
		"DYNAMIC_FTRACE_WITH_REGS"} {
		config[name] = "y"
	}
	return config
}

func TestCheckConfig(t *testing.T) {
	if err := checkConfig(good()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X86_64", "LIVEPATCH", "KALLSYMS", "KALLSYMS_ALL", "DYNAMIC_FTRACE_WITH_REGS"} {
		config := good()
		delete(config, name)
		wantInput(t, checkConfig(config), map[string]string{"X86_64": "x86_64"}[name], name)
	}
	for _, name := range []string{"LTO_CLANG", "LTO_CLANG_THIN", "CC_IS_CLANG", "RANDSTRUCT_FULL",
		"GCC_PLUGIN_RANDSTRUCT", "GCC_PLUGIN_LATENT_ENTROPY"} {
		config := good()
		config[name] = "y"
		wantInput(t, checkConfig(config), "", name)
	}
	config := good()
	delete(config, "DYNAMIC_FTRACE_WITH_REGS")
	config["DYNAMIC_FTRACE_WITH_ARGS"] = "y"
	config["RANDSTRUCT_NONE"], config["LTO_NONE"] = "y", "y"
	if err := checkConfig(config); err != nil {
		t.Error(err)
	}
}

// wantInput checks that err is the user's fault and contains text, or name if text is empty.
func wantInput(t *testing.T, err error, text, name string) {
	t.Helper()
	if text == "" {
		text = name
	}
	if err == nil || fault.ClassOf(err) != fault.Input || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: got %v, want an input error with %q", name, err, text)
	}
}

func TestCompilerCommand(t *testing.T) {
	for text, want := range map[string]string{
		gcc12: "gcc-12", "x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0": "x86_64-linux-gnu-gcc-12",
		"gcc (GCC) 13.2.1 20231205": "gcc",
		"clang version 17.0.6":      "", "/tmp/gcc-12 (x)": "", "-gcc": "", "": "",
	} {
		got, err := compilerCommand(kconfig.Config{"CC_VERSION_TEXT": `"` + text + `"`})
		if got != want || (err == nil) != (want != "") {
			t.Errorf("compilerCommand(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestCompilerPackage(t *testing.T) {
	for _, test := range []struct{ cc, version, want string }{
		{"gcc-12", gcc12, "gcc-12=12.2.0-14+deb12u1"},
		{"x86_64-linux-gnu-gcc-12", "x86_64-linux-gnu-" + gcc12, "gcc-12=12.2.0-14+deb12u1"},
		{"gcc", "gcc (Debian 12.2.0-14+deb12u1) 12.2.0", "gcc-12=12.2.0-14+deb12u1"},
		{"gcc", "gcc (GCC) 13.2.1 20231205", "gcc-13"},
	} {
		if got := compilerPackage(test.cc, test.version); got != test.want {
			t.Errorf("%s: %q, want %q", test.version, got, test.want)
		}
	}
}

func TestCheckCompiler(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\ncase $1 in --version) echo '" + gcc12 + "'; echo Copyright;; esac\n"
	for _, name := range []string{"gcc-12", "make", "flex", "bison", "bc", "perl", "ld"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/bin:/usr/bin")
	if err := checkCompiler(t.Context(), cage.Cage{}, "gcc-12", gcc12); err != nil {
		t.Error(err)
	}
	err := checkCompiler(t.Context(), cage.Cage{}, "gcc-12", "gcc-12 (Debian 12.2.0-14) 12.2.0")
	if fault.ClassOf(err) != fault.Environment ||
		!strings.Contains(strings.Join(fault.Hints(err), " "), "gcc-12=12.2.0-14") {
		t.Errorf("another version: %v, hints %q", err, fault.Hints(err))
	}
	err = checkCompiler(t.Context(), cage.Cage{}, "gcc-99", "gcc-99 (Debian 99) 99")
	if fault.ClassOf(err) != fault.Environment ||
		!strings.Contains(strings.Join(fault.Hints(err), " "), "apt-get install gcc-99") {
		t.Errorf("no compiler: %v, hints %q", err, fault.Hints(err))
	}
}

func TestParseBanner(t *testing.T) {
	id, err := parseBanner(debianBanner + "\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"KERNELRELEASE=6.1.0-56-amd64", "KBUILD_BUILD_USER=debian-kernel",
		"KBUILD_BUILD_HOST=lists.debian.org",
		"KBUILD_BUILD_VERSION=1", "KBUILD_BUILD_TIMESTAMP=Debian 6.1.192-2 (2026-11-16)"}
	if diff := cmp.Diff(want, id.makeVars()); diff != "" {
		t.Error(diff)
	}
	if v := id.debianVersion(); v != "6.1.192-2" {
		t.Errorf("Debian version %q", v)
	}
	id, err = parseBanner(plainBanner)
	if err != nil || id.Timestamp != "Sat May  4 12:00:00 UTC 2024" || id.debianVersion() != "" || id.Build != "7" {
		t.Errorf("%+v, %v", id, err)
	}
	for _, bad := range []string{"", "Linux version", "Linux version 6.1 (a@b) (gcc) #1 SMP $(shell rm)",
		"Linux version 6.1`x` (a@b) (gcc) #1 SMP x", "Linux version 6.1 (a'@b) (gcc) #1 SMP x"} {
		if id, err := parseBanner(bad); err == nil {
			t.Errorf("%q was taken: %+v", bad, id)
		}
	}
}

func FuzzParseBanner(f *testing.F) {
	f.Add(debianBanner)
	f.Add(plainBanner)
	f.Fuzz(func(t *testing.T, banner string) {
		id, err := parseBanner(banner)
		if err == nil && strings.ContainsAny(strings.Join(id.makeVars(), ""), "$`'\"\\\n#") {
			t.Errorf("make would act on %q", id.makeVars())
		}
	})
}

func TestCheckBanner(t *testing.T) {
	for _, c := range []struct{ name, banner, compiler, source, headers, wrong string }{
		{"debian", debianBanner, gcc12, "6.1.192", "6.1.0-56-amd64", ""},
		{"debian, other source", debianBanner, gcc12, "6.1.190", "6.1.0-56-amd64", "the source is version 6.1.190"},
		{"debian, other series", debianBanner, gcc12, "6.12.192", "6.1.0-56-amd64", "the source is version"},
		{"debian, base version", debianBanner, gcc12, "6.1.0", "6.1.0-56-amd64", "the source is version 6.1.0,"},
		{"other headers", debianBanner, gcc12, "6.1.192", "6.1.0-55-amd64", "the headers are of 6.1.0-55-amd64"},
		{"other compiler", debianBanner, "gcc-12 (Debian 12.2.0-14) 12.2.0", "6.1.192", "6.1.0-56-amd64", "compiled by"},
		{"plain", plainBanner, "gcc (GCC) 13.2.1", "6.6.30", "6.6.30", ""},
		{"plain, other source", plainBanner, "gcc (GCC) 13.2.1", "6.6.31", "6.6.30", "the source is version 6.6.31"},
		{"named by ABI", abiBanner, "gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0", "5.15.131", "5.15.0-91-generic", ""},
		{"named by ABI, other series", abiBanner, "gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0", "6.2.131",
			"5.15.0-91-generic", "the source is version"},
	} {
		id, err := parseBanner(c.banner)
		if err != nil {
			t.Fatal(err)
		}
		err = checkBanner(id, c.compiler, c.source, c.headers)
		if c.wrong != "" {
			wantInput(t, err, c.wrong, c.name)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestMakefileVersion(t *testing.T) {
	got, err := makefileVersion([]byte("# SPDX\nVERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 192\nEXTRAVERSION =\n"))
	if err != nil || got != "6.1.192" {
		t.Errorf("%q, %v", got, err)
	}
	_, err = makefileVersion([]byte("all:\n\tcc\n"))
	wantInput(t, err, "not the source of a kernel", "no version")
}

func TestCheckModules(t *testing.T) {
	dir := t.TempDir()
	wantInput(t, checkModules(dir, "6.1.0-56-amd64"), "no modules", "empty folder")
	put(t, filepath.Join(dir, "kernel/fs/ext4.ko"),
		"\x7fELF...license=GPL\x00vermagic=6.1.0-55-amd64 SMP preempt mod_unload \x00")
	wantInput(t, checkModules(dir, "6.1.0-56-amd64"), "the modules are of 6.1.0-55-amd64", "other release")
	if err := checkModules(dir, "6.1.0-55-amd64"); err != nil {
		t.Error(err)
	}
	put(t, filepath.Join(dir, "kernel/fs/ext2.ko.xz"), "not xz")
	wantInput(t, checkModules(dir, "6.1.0-55-amd64"), "ext2.ko.xz", "broken module")
}

// put writes a file and the folders above it.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestHeaders(t *testing.T) {
	dir := t.TempDir()
	headers := filepath.Join(dir, "linux-headers-6.1.0-56-amd64")
	put(t, filepath.Join(headers, "Makefile"), "include /usr/src/linux-headers-6.1.0-notinstalled-common/Makefile\n")
	put(t, filepath.Join(headers, "include/generated/utsrelease.h"), "#define UTS_RELEASE \"6.1.0-56-amd64\"\n")
	put(t, filepath.Join(headers, "include/generated/package.h"), "#define LINUX_PACKAGE_ID \" Debian 6.1.192-2\"\n")
	put(t, filepath.Join(headers, "Module.symvers"), "0x1\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n")
	wantInput(t, checkHeaders(headers), "includes a missing file", "headers not installed")
	if err := relocateHeaders(headers); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(headers, "Makefile"))
	if want := "include $(dir $(lastword $(MAKEFILE_LIST)))../linux-headers-6.1.0-notinstalled-common/Makefile\n"; err != nil || string(text) != want {
		t.Errorf("Makefile %q, %v; want %q", text, err, want)
	}
	if err := checkHeaders(headers); err != nil {
		t.Error(err)
	}
	if release, err := headersRelease(headers); err != nil || release != "6.1.0-56-amd64" {
		t.Errorf("release %q, %v", release, err)
	}
	want := []string{"DISTRIBUTION_OFFICIAL_BUILD=1", "DISTRIBUTOR=Debian", "DISTRIBUTION_VERSION=6.1.192-2"}
	if diff := cmp.Diff(want, distributionVars(headers)); diff != "" {
		t.Error(diff)
	}
	sum, err := hashHeaders(headers)
	if err != nil {
		t.Fatal(err)
	}
	target := &Target{Name: "x", Headers: headers, HeadersSum: sum}
	if err := target.checkUnchanged(); err != nil {
		t.Error(err)
	}
	put(t, filepath.Join(headers, "Module.symvers"), "")
	if err := target.checkUnchanged(); fault.ClassOf(err) != fault.Environment {
		t.Errorf("changed headers: %v", err)
	}
}
