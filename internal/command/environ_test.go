package command

import (
	"slices"
	"testing"
)

func TestEnviron(t *testing.T) {
	dropped := []string{
		"KBUILD_CFLAGS", "CFLAGS_meminfo.o", "AFLAGS_x.o", "KCFLAGS", "KCONFIG_CONFIG", "CONFIG_KASAN", "MAKEFILES",
		"MAKEFLAGS", "GNUMAKEFLAGS",
		"SOURCE_DATE_EPOCH", "CROSS_COMPILE", "ARCH", "GCC_EXEC_PREFIX", "GCC_COLORS", "CPATH", "C_INCLUDE_PATH",
		"COMPILER_PATH", "LIBRARY_PATH",
		"DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "GREP_OPTIONS", "O", "V", "C", "W", "M", "BASH_ENV", "LC_MESSAGES",
		"sub_make_done", "LOCALVERSION",
	}
	kept := []string{"CCACHE_DIR", "CCACHE_DISABLE", "DISTCC_HOSTS", "TMPDIR", "https_proxy", "OLD", "CONFIGURED",
		"VISUAL"}
	for _, name := range append(slices.Clone(dropped), kept...) {
		t.Setenv(name, "x")
	}
	env := Environ()
	for _, name := range dropped {
		if slices.Contains(env, name+"=x") {
			t.Errorf("%s is passed on", name)
		}
	}
	for _, name := range kept {
		if !slices.Contains(env, name+"=x") {
			t.Errorf("%s is not passed on", name)
		}
	}
	if !slices.Contains(env, "LC_ALL=C") || !slices.Contains(env, "TZ=UTC") {
		t.Error("language or time zone of the user's")
	}
}
