package prepare

import (
	"fmt"
	"slices"
	"strings"

	"kintsugi/internal/fault"
	"kintsugi/internal/kconfig"
	"kintsugi/internal/text"
)

// keyFiles are the symbols that name certificates, which only the distribution has.
// The certificates affect only certs/ and the modules' signatures.
var keyFiles = []string{"SYSTEM_TRUSTED_KEYS", "SYSTEM_REVOCATION_KEYS", "MODULE_SIG_KEY"}

// mayDrift are symbols that no compiled unit sees and that distributions edit
// in the configuration they ship.
var mayDrift = append([]string{"BUILD_SALT", "MODULE_SIG_ALL"}, keyFiles...)

// checkDrift refuses a configuration that kconfig changed. Symbols that are computed
// from the tools (CC_HAS_..., AS_VERSION, PAHOLE_VERSION) change with another tool,
// all other symbols with another source.
func checkDrift(given, got kconfig.Config) error {
	var drift []string
	pahole := false
	for _, change := range kconfig.Diff(given, got) {
		if !slices.Contains(mayDrift, change.Name) && !(isRust(change.Name) && !given.Yes("RUST")) {
			drift = append(drift, change.String())
			pahole = pahole || ofPahole(change.Name)
		}
	}
	if drift == nil {
		return nil
	}
	err := &fault.Error{Class: fault.Environment, Err: fmt.Errorf(
		"the source does not take the kernel's configuration as it is: %s", text.Some(drift, 12, "; "))}
	err.Hint("compiler, assembler, linker and pahole must be the versions that the kernel was built with, " +
		"and the source the one it was built from")
	if pahole {
		err.Hint("pahole is missing or another version: apt-get install pahole")
	}
	return err
}

// ofPahole reports whether a symbol depends on pahole (lib/Kconfig.debug).
func ofPahole(name string) bool {
	return strings.Contains(name, "BTF") || strings.HasPrefix(name, "PAHOLE_")
}

// isRust reports whether a symbol only describes the machine's Rust tools, which
// a kernel without Rust code ignores (init/Kconfig).
func isRust(name string) bool {
	return strings.HasPrefix(name, "RUSTC_") || strings.HasPrefix(name, "BINDGEN_") || name == "RUST_IS_AVAILABLE"
}
