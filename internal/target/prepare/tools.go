package prepare

import (
	"context"
	"os/exec"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/cage"
	"kintsugi/internal/command"
	"kintsugi/internal/fault"
)

// tools lists the programs that preparing a tree runs, each with its package
// (Documentation/process/changes.rst).
var tools = []struct{ program, debian string }{
	{"make", "make"}, {"flex", "flex"}, {"bison", "bison"}, {"bc", "bc"}, {"perl", "perl"}, {"ld", "binutils"},
	{"python3", "python3"}, {"pahole", "pahole"}, // for the kernel's type information
}

// headers are the C headers that the tree's host programs include: objtool needs
// libelf, sign-file and extract-cert need OpenSSL.
var headers = []struct{ header, debian string }{
	{"stdlib.h", "libc6-dev"}, {"gelf.h", "libelf-dev"}, {"openssl/opensslv.h", "libssl-dev"},
}

// CheckTools refuses a machine without the tools that Tree needs for the compiler cc.
// The error lists all missing tools.
func CheckTools(ctx context.Context, cc string) error {
	var missing, packages []string
	for _, tool := range tools {
		if _, err := exec.LookPath(tool.program); err != nil {
			missing, packages = append(missing, tool.program), append(packages, tool.debian)
		}
	}
	if _, err := exec.LookPath(cc); err != nil {
		missing, packages = append(missing, cc), append(packages, CompilerPackage(cc))
	} else {
		for _, h := range headers {
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

// CompilerPackage names the Debian package of a compiler's command: gcc-12 for
// x86_64-linux-gnu-gcc-12.
func CompilerPackage(cc string) string {
	for _, a := range arch.All() {
		if name, ok := strings.CutPrefix(cc, a.Triple+"-"); ok {
			return name
		}
	}
	return cc
}

// CompilerVersion returns the first line that `cc --version` prints, which the
// kernel records in CONFIG_CC_VERSION_TEXT.
func CompilerVersion(ctx context.Context, c cage.Cage, cc string) (string, error) {
	out, err := (&command.Cmd{Path: cc, Args: []string{"--version"}, Cage: c}).Stdout(ctx)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line), nil
}
