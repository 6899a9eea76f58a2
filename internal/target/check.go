package target

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"kintsugi/internal/arch"
	"kintsugi/internal/cage"
	"kintsugi/internal/fault"
	"kintsugi/internal/kconfig"
	"kintsugi/internal/target/prepare"
	"kintsugi/internal/toolchain"
)

// required lists the symbols without which no livepatch can be loaded, or none can be
// built from the image.
var required = []struct{ name, why string }{
	{"LIVEPATCH", "the kernel cannot load livepatches"},
	{"MODULES", "the kernel cannot load modules"},
	{"KALLSYMS", "the image has no symbol table"},
	{"KALLSYMS_ALL", "the image's symbol table has no data symbols"},
	{"DYNAMIC_FTRACE", "functions cannot be redirected"},
}

// excluded lists the symbols of kernels whose code cannot be reproduced by compiling
// a single file.
var excluded = []struct{ name, why string }{
	{"LTO_CLANG", "link-time optimisation compiles all files as one"},
	{"LTO_CLANG_FULL", "link-time optimisation compiles all files as one"},
	{"LTO_CLANG_THIN", "link-time optimisation compiles all files as one"},
	{"LTO_GCC", "link-time optimisation compiles all files as one"},
	{"CC_IS_CLANG", "kernels compiled by clang are not supported yet"},
	{"RANDSTRUCT", "the layout of structures depends on a seed that is not known"},
	{"RANDSTRUCT_FULL", "the layout of structures depends on a seed that is not known"},
	{"RANDSTRUCT_PERFORMANCE", "the layout of structures depends on a seed that is not known"},
	{"GCC_PLUGIN_RANDSTRUCT", "the layout of structures depends on a seed that is not known"},
	{"GCC_PLUGIN_LATENT_ENTROPY", "the compiler plugin puts random numbers into functions"},
}

// checkConfig refuses kernels that cannot be livepatched, or that kintsugi does not
// support.
func checkConfig(config kconfig.Config) error {
	if a := arch.OfTargets(); !config.Yes(a.Kbuild.Config) {
		return fault.Inputf("unsupported architecture: the configuration is not for %s", a.Name)
	}
	for _, symbol := range required {
		if !config.Yes(symbol.name) {
			return fault.Inputf("CONFIG_%s is not set: %s", symbol.name, symbol.why)
		}
	}
	if !config.Yes("DYNAMIC_FTRACE_WITH_REGS") && !config.Yes("DYNAMIC_FTRACE_WITH_ARGS") {
		return fault.Inputf("neither CONFIG_DYNAMIC_FTRACE_WITH_REGS nor CONFIG_DYNAMIC_FTRACE_WITH_ARGS is set: " +
			"functions cannot be redirected")
	}
	for _, symbol := range excluded {
		if config.Yes(symbol.name) {
			return fault.Inputf("CONFIG_%s is set: %s", symbol.name, symbol.why)
		}
	}
	return nil
}

// ccForm matches compilers that may be run: a gcc by its plain name. The name comes
// from a file.
var ccForm = regexp.MustCompile(`^([a-z0-9_]+-)*gcc(-[0-9.]+)?$`)

// compilerCommand is the compiler's command, with which CONFIG_CC_VERSION_TEXT begins:
// "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0".
func compilerCommand(config kconfig.Config) (string, error) {
	text := config.Text("CC_VERSION_TEXT")
	cc, _, _ := strings.Cut(text, " ")
	if !ccForm.MatchString(cc) {
		return "", fault.Inputf("CONFIG_CC_VERSION_TEXT does not name a gcc: %q", text)
	}
	return cc, nil
}

// checkCompiler refuses a compiler other than the kernel's: another version makes
// other code.
func checkCompiler(ctx context.Context, c cage.Cage, cc, want string) error {
	if c.OfHost() {
		if err := prepare.CheckTools(ctx, cc); err != nil {
			return err
		}
	}
	if !c.Has(cc) {
		return fault.Environmentf("the kernel was compiled by %q, the toolchain at %s has no %s", want, c.Root, cc)
	}
	have, err := prepare.CompilerVersion(ctx, c, cc)
	if err != nil {
		return err
	}
	if have == want {
		return nil
	}
	return fault.Environmentf("the kernel was compiled by %q, here %s is %q", want, cc, have).
		Hint("apt-get install %s", compilerPackage(cc, want))
}

// compilerPackage is the package of a compiler, with its version if the compiler is
// Debian's: gcc-12=12.2.0-14+deb12u1.
func compilerPackage(cc, text string) string {
	name, version := toolchain.Need{CC: prepare.CompilerPackage(cc), Text: text}.CompilerPackage(arch.OfTargets().Triple)
	if version != "" {
		name += "=" + version
	}
	return name
}

// checkBanner compares the image's banner with the given configuration, source and
// headers.
func checkBanner(id identity, compiler, source, headersRelease string) error {
	if !strings.HasPrefix(id.Compiler, compiler) {
		return fault.Inputf("the image was compiled by %q, the configuration is of a kernel compiled by %q", id.Compiler,
			compiler).
			Hint("use the configuration that the image was built with")
	}
	if id.Release != headersRelease {
		return fault.Inputf("the image is %s, the headers are of %s", id.Release, headersRelease)
	}
	return id.checkSource(source)
}

// makefileVersion returns VERSION.PATCHLEVEL.SUBLEVEL of a kernel's top
// Makefile.
func makefileVersion(makefile []byte) (string, error) {
	var numbers [3]string
	for i, name := range []string{"VERSION", "PATCHLEVEL", "SUBLEVEL"} {
		m := regexp.MustCompile(`(?m)^` + name + `\s*=\s*([0-9]+)\s*$`).FindSubmatch(makefile)
		if m == nil {
			return "", fault.Inputf("no %s in the Makefile: not the source of a kernel", name)
		}
		numbers[i] = string(m[1])
	}
	return fmt.Sprintf("%s.%s.%s", numbers[0], numbers[1], numbers[2]), nil
}
