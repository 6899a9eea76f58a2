package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
	"kintsugi/internal/kconfig"
)

// PrepareSpec says which tree to prepare, and as which kernel.
type PrepareSpec struct {
	Tree   string    // the kernel's source, which is written to
	Config string    // the .config that the kernel was built with
	CC     string    // the compiler's command
	Vars   []string  // more make variables, NAME=VALUE
	Jobs   int       // 0 is one for each processor
	Output io.Writer // gets make's output as it comes, optional
}

// Prepare configures a source tree and builds what compiling one unit needs:
// generated headers, objtool, modpost. It refuses a tree that does not take
// the configuration as it is: then compiler, tools or source are not the ones
// that the kernel was built with.
func Prepare(ctx context.Context, spec PrepareSpec) error {
	if err := CheckPrepareTools(ctx, spec.CC); err != nil {
		return err
	}
	if err := cleanTree(ctx, spec); err != nil {
		return err
	}
	if err := configure(ctx, spec); err != nil {
		return err
	}
	return prepareMake(ctx, spec, "prepare", "modules_prepare")
}

// buildTraces are in every tree that was configured or built in, also in a
// copy without the objects.
var buildTraces = []string{".config", "include/config", "include/generated", "arch/x86/include/generated", "scripts/basic/fixdep"}

// cleanTree takes away what an earlier build left: kbuild trusts what it
// finds, and it was made by another compiler or for another configuration.
func cleanTree(ctx context.Context, spec PrepareSpec) error {
	for _, trace := range buildTraces {
		if _, err := os.Lstat(filepath.Join(spec.Tree, trace)); err == nil {
			return prepareMake(ctx, spec, "mrproper")
		}
	}
	return nil
}

// keyFiles are the symbols that name certificates, which only the
// distribution has. They end up in certs/ and in the modules' signatures.
var keyFiles = []string{"SYSTEM_TRUSTED_KEYS", "SYSTEM_REVOCATION_KEYS", "MODULE_SIG_KEY"}

// mayDrift are symbols that no compiled unit sees and that distributions edit
// in the configuration they ship.
var mayDrift = append([]string{"BUILD_SALT", "MODULE_SIG_ALL"}, keyFiles...)

func configure(ctx context.Context, spec PrepareSpec) error {
	text, err := os.ReadFile(spec.Config)
	if err != nil {
		return &fault.Error{Class: fault.Input, Err: err}
	}
	given, err := kconfig.Parse(text)
	if err != nil {
		return fault.Inputf("%s: %w", spec.Config, err)
	}
	for _, name := range keyFiles {
		if _, set := given[name]; set {
			text = kconfig.Set(text, name, "")
		}
	}
	dotConfig := filepath.Join(spec.Tree, ".config")
	if err := os.WriteFile(dotConfig, text, 0o644); err != nil {
		return &fault.Error{Class: fault.Environment, Err: err}
	}
	if err := prepareMake(ctx, spec, "olddefconfig"); err != nil {
		return err
	}
	text, err = os.ReadFile(dotConfig)
	if err != nil {
		return &fault.Error{Class: fault.Environment, Err: err}
	}
	got, err := kconfig.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", dotConfig, err)
	}
	return checkDrift(given, got)
}

// checkDrift refuses a configuration that kconfig changed. Symbols computed
// from the tools (CC_HAS_..., AS_VERSION, PAHOLE_VERSION) change when a tool
// is another one, all others when the source is.
func checkDrift(given, got kconfig.Config) error {
	var drift []string
	for _, change := range kconfig.Diff(given, got) {
		if !slices.Contains(mayDrift, change.Name) && !(isRust(change.Name) && !given.Yes("RUST")) {
			drift = append(drift, change.String())
		}
	}
	if drift == nil {
		return nil
	}
	const most = 12
	more := ""
	if len(drift) > most {
		more = fmt.Sprintf(" and %d more", len(drift)-most)
		drift = drift[:most]
	}
	err := &fault.Error{Class: fault.Environment, Err: fmt.Errorf(
		"the source does not take the kernel's configuration as it is: %s%s", strings.Join(drift, "; "), more)}
	err.Hint("compiler, assembler, linker and pahole must be the versions that the kernel was built with, and the source the one it was built from")
	if strings.Contains(err.Error(), "BTF") || strings.Contains(err.Error(), "PAHOLE") {
		err.Hint("pahole is missing or another version: apt-get install pahole")
	}
	return err
}

// isRust tells whether a symbol only describes the machine's Rust tools, of
// which a kernel without Rust code takes no notice (init/Kconfig).
func isRust(name string) bool {
	return strings.HasPrefix(name, "RUSTC_") || strings.HasPrefix(name, "BINDGEN_") || name == "RUST_IS_AVAILABLE"
}

// prepareMake runs make on spec's tree.
func prepareMake(ctx context.Context, spec PrepareSpec, goals ...string) error {
	jobs := spec.Jobs
	if jobs < 1 {
		jobs = runtime.NumCPU()
	}
	args := []string{"-j" + strconv.Itoa(jobs), "CC=" + spec.CC, "HOSTCC=" + spec.CC}
	args = append(append(args, spec.Vars...), goals...)
	cmd := &command.Cmd{Dir: spec.Tree, Path: "make", Args: args, Stdin: bytes.NewReader(nil), Output: spec.Output}
	_, err := cmd.Run(ctx)
	var failed *command.Error
	if !errors.As(err, &failed) {
		return err
	}
	return (&fault.Error{Class: fault.Environment, Err: fmt.Errorf("make %s in the kernel's source: %w: %s",
		strings.Join(goals, " "), err, errorLine(failed.Output))}).Hint("run it by hand: %s", cmd)
}

// errorLine picks the one line of make's output that says what went wrong:
// the first error of a tool, else make's own, else the last line.
func errorLine(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	for _, mark := range []string{"error:", ": not found", "No space left", "Error ", "***"} {
		for _, line := range lines {
			if strings.Contains(line, mark) {
				return strings.TrimSpace(line)
			}
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}

// prepareTools are the programs that preparing a tree runs, each with its
// package (Documentation/process/changes.rst).
var prepareTools = []struct{ program, debian string }{
	{"make", "make"}, {"flex", "flex"}, {"bison", "bison"}, {"bc", "bc"}, {"perl", "perl"}, {"ld", "binutils"},
	{"python3", "python3"}, {"pahole", "pahole"}, // for the kernel's type information
}

// prepareHeaders are the C headers that the tree's host programs include:
// objtool needs libelf, sign-file and extract-cert need OpenSSL.
var prepareHeaders = []struct{ header, debian string }{
	{"stdlib.h", "libc6-dev"}, {"gelf.h", "libelf-dev"}, {"openssl/opensslv.h", "libssl-dev"},
}

// CheckPrepareTools says what must be installed before Prepare can work with
// the compiler cc, all of it at once.
func CheckPrepareTools(ctx context.Context, cc string) error {
	var missing, packages []string
	for _, tool := range prepareTools {
		if _, err := exec.LookPath(tool.program); err != nil {
			missing, packages = append(missing, tool.program), append(packages, tool.debian)
		}
	}
	if _, err := exec.LookPath(cc); err != nil {
		missing, packages = append(missing, cc), append(packages, CompilerPackage(cc))
	} else {
		for _, h := range prepareHeaders {
			if !hasHeader(ctx, cc, h.header) {
				missing, packages = append(missing, h.header), append(packages, h.debian)
			}
		}
	}
	if missing == nil {
		return nil
	}
	return fault.Environmentf("not installed: %s", strings.Join(missing, ", ")).
		Hint("apt-get install %s", strings.Join(packages, " "))
}

func hasHeader(ctx context.Context, cc, header string) bool {
	cmd := &command.Cmd{Path: cc, Args: []string{"-fsyntax-only", "-x", "c", "-"},
		Stdin: strings.NewReader("#include <" + header + ">\n")}
	_, err := cmd.Run(ctx)
	return err == nil
}

// CompilerPackage names the Debian package of a compiler's command: gcc-12
// for x86_64-linux-gnu-gcc-12.
func CompilerPackage(cc string) string {
	return strings.TrimPrefix(cc, "x86_64-linux-gnu-")
}

// CompilerVersion returns the first line of what `cc --version` prints, which
// is what the kernel records in CONFIG_CC_VERSION_TEXT.
func CompilerVersion(ctx context.Context, cc string) (string, error) {
	out, err := (&command.Cmd{Path: cc, Args: []string{"--version"}}).Stdout(ctx)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line), nil
}
