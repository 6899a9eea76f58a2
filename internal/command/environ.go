package command

import (
	"os"
	"slices"
	"strings"
)

// steering are the variables with which the caller's shell would change the results of a program,
// although the logged command does not show them. make imports every variable of the environment,
// and the compiler has its own (gcc(1), "Environment Variables"). Other variables pass: TMPDIR,
// proxies, and the settings of compiler launchers (CCACHE_DIR, DISTCC_HOSTS).
var steering = []string{
	// make
	"MAKEFLAGS", "GNUMAKEFLAGS", "MFLAGS", "MAKEFILES", "MAKEOVERRIDES", "MAKELEVEL", "MAKE_RESTARTS", "VPATH",
	// kbuild: Documentation/kbuild/kbuild.rst, the top Makefile, tools/scripts/Makefile.include
	"ARCH", "SUBARCH", "SRCARCH", "CROSS_COMPILE", "CROSS_COMPILE_COMPAT", "LLVM", "LLVM_IAS",
	"O", "M", "V", "W", "C", "CF", "CHECK",
	"KCFLAGS", "KAFLAGS", "KCPPFLAGS", "KRUSTFLAGS", "USERCFLAGS", "USERLDFLAGS",
	"LOCALVERSION", "EXTRAVERSION", "KERNELRELEASE", "KERNELVERSION",
	"srctree", "objtree", "src", "obj", "quiet", "Q", "sub_make_done", "need-sub-make", "MO", "OUTPUT", "DEBUG", "WERROR",
	"ALLSOURCE_ARCHS", "REGENERATE_PARSERS", "DISTRIBUTOR",
	// the compiler, its programs and the flags of everybody's makefiles
	"CC", "CPP", "LD", "AR", "AS", "NM", "OBJCOPY", "OBJDUMP", "READELF", "STRIP", "PAHOLE", "HOSTCC", "HOSTCXX",
	"CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS", "LDLIBS", "ASFLAGS",
	"CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "COMPILER_PATH", "LIBRARY_PATH",
	"LD_RUN_PATH", "GNUTARGET", "LDEMULATION",
	"DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "SOURCE_DATE_EPOCH",
	// shells, and tools of their scripts
	"BASH_ENV", "ENV", "CDPATH", "POSIXLY_CORRECT", "PERL5OPT", "GREP_OPTIONS", "GREP_COLOR", "GREP_COLORS",
	"XZ_OPT", "XZ_DEFAULTS", "TAR_OPTIONS", "GZIP",
	"LANG", "LANGUAGE", "TZ",
}

// steeringPrefixes begin the names of further variables. CONFIG_X=y would enable what the kernel's
// configuration leaves out.
var steeringPrefixes = []string{
	"KBUILD_", "KCONFIG_", "CONFIG_", "CFLAGS_", "AFLAGS_", "LDFLAGS_", "EXTRA_", "HOSTCFLAGS", "HOSTLDFLAGS",
	"HOSTLDLIBS",
	"GCC_", "COLLECT_", "DISTRIBUTION_", "LC_",
}

// Environ returns the environment of programs: the caller's, without the steering variables, and
// with settings that make tools use one language and one time zone.
func Environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return steers(name)
	})
	return append(env, "LC_ALL=C", "TZ=UTC")
}

func steers(name string) bool {
	return slices.Contains(steering, name) ||
		slices.ContainsFunc(steeringPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
