package builder

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"kintsugi/internal/fault"
	"kintsugi/internal/klp"
	"kintsugi/internal/kofile"
	"kintsugi/internal/patchinput"
)

// maxName is the longest module name that fits into the names of livepatch sections
// (MODULE_NAME_LEN - 1, include/linux/moduleparam.h, with a 64-bit long).
const maxName = 55

// moduleName returns the name that the user chose, or a name derived from the first patch.
func moduleName(opts Options) (string, error) {
	if opts.Name != "" {
		return opts.Name, checkName(opts.Name)
	}
	base := stem(opts.Patches[0])
	name := strings.Trim(strings.Map(nameRune, base), "-_")
	if name == "" {
		return "", fault.Inputf("no module name can be made of %q: it has no letter from a to z and no digit", base).
			Hint("choose a name with -n")
	}
	return short("livepatch-" + name), nil
}

// short returns name, shortened to maxName.
func short(name string) string {
	return strings.TrimRight(name[:min(len(name), maxName)], "-_")
}

// stem returns the name of a patch file or folder without extension.
func stem(name string) string {
	if name == patchinput.Stdin {
		return "stdin"
	}
	if full, err := filepath.Abs(name); err == nil {
		name = full // name was a folder such as "."
	}
	if filepath.Base(name) == patchinput.SeriesName {
		name = filepath.Dir(name)
	}
	name = filepath.Base(name)
	for _, suffix := range []string{".gz", ".xz", ".zst", ".patch", ".diff", ".mbox"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

func nameRune(r rune) rune {
	if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '-'
}

func hasLetter(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' })
}

// ownObject matches the names of the module's objects: kbuild cannot make an
// object from itself (templates/Kbuild.tmpl).
var ownObject = regexp.MustCompile(`^(livepatch|forget|unit[0-9]+_.*)$`)

// checkName refuses names that a livepatch module cannot have.
func checkName(name string) error {
	no := func(why string) *fault.Error { return fault.Inputf("module name %q: %s", name, why) }
	switch {
	case len(name) > maxName:
		return no("too long").Hint("at most %d letters, digits, - and _", maxName)
	case strings.Map(nameRune, name) != name:
		return no("has other characters than letters from a to z, digits, - and _").Hint("leave them out")
	case !hasLetter(name):
		return no("no letter from a to z").Hint("add a word, such as livepatch-%s", strings.Trim(name, "-_"))
	case name == klp.Vmlinux:
		return no("livepatch sections use this name for the kernel itself").Hint("choose another, such as livepatch-kernel")
	case ownObject.MatchString(name):
		return no("an object of the module has this name").Hint("choose another, such as livepatch-fix")
	}
	return nil
}

// checkTaken refuses the name of a module of the kernel itself: the kernel
// loads one module of a name, and a built-in one has its folder in /sys/module
// as well (mod_sysfs_init, kernel/module/sysfs.c).
func checkTaken(name, modules string) error {
	if modules == "" {
		return nil
	}
	own := strings.ReplaceAll(name, "-", "_")
	taken := fault.Inputf("module name %q: the kernel has a module of this name", name).
		Hint("choose another with -n, such as %s", short("livepatch-"+name))
	_, err := kofile.Open(modules).Path(own)
	if err == nil {
		return taken
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	list, err := os.ReadFile(filepath.Join(modules, "modules.builtin"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Environmentf("modules: %w", err)
	}
	for _, file := range strings.Fields(string(list)) {
		if kofile.Name(path.Base(file)) == own {
			return taken
		}
	}
	return nil
}
