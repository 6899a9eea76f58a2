package objmodel

import (
	"debug/elf"
	"regexp"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"kintsugi/internal/elfobj"
)

var (
	// __UNIQUE_ID (include/linux/compiler-gcc.h) ends in __COUNTER__.
	uniqueID = regexp.MustCompile(`^(__UNIQUE_ID_.*?|__addressable_.*?|__exitcall_.*?)\d+$`)
	// __BTF_ID (include/linux/btf_ids.h) ends in __COUNTER__ and __LINE__.
	btfID = regexp.MustCompile(`^(__BTF_ID__.*?__)\d+$`)
	// __initcall_id (include/linux/init.h) has __COUNTER__ and __LINE__ between
	// the module and the function.
	initcallID = regexp.MustCompile(`^(__initcall__.*?)__\d+_\d+_(.*)$`)
	// Rust's legacy mangling ends in a hash of the crate and all types.
	rustHash = regexp.MustCompile(`^(_ZN.*)17h[0-9a-f]{16}(E.*)$`)
)

// StableName returns name without the numbers that the compiler, __UNIQUE_ID or an initcall adds,
// because they shift when something else in the file changes. Rust names are demangled and have no
// hashes.
func StableName(name string) string {
	if len(name) > 0 && strings.IndexByte(name[1:], '.') >= 0 {
		name, _, _ = strings.Cut(name, ".llvm.") // a static that link-time optimization made global
		name = withoutNumbers(name)
	}
	switch {
	case strings.HasPrefix(name, "__BTF_ID__"):
		return btfID.ReplaceAllString(name, "$1")
	case strings.HasPrefix(name, "__initcall__"):
		return initcallID.ReplaceAllString(name, "${1}__$2")
	case strings.HasPrefix(name, "__"):
		return uniqueID.ReplaceAllString(name, "$1")
	case strings.HasPrefix(name, "_R"):
		return rustName(name)
	case strings.HasPrefix(name, "_ZN"):
		return rustHash.ReplaceAllString(name, "$1$2")
	}
	return name
}

// withoutNumbers returns name without its parts of a dot and digits.
func withoutNumbers(name string) string {
	var out []byte
	for i := 0; i < len(name); {
		n := 0
		if name[i] == '.' {
			for i+1+n < len(name) && name[i+1+n] >= '0' && name[i+1+n] <= '9' {
				n++
			}
		}
		if n > 0 {
			i += 1 + n
			continue
		}
		out = append(out, name[i])
		i++
	}
	return string(out)
}

// rustName demangles a name of Rust's v0 mangling. It omits the disambiguators of crates, which are
// hashes over their version and all dependencies.
func rustName(name string) string {
	if plain, err := demangle.ToString(name, demangle.MaxLength(12)); err == nil {
		return plain
	}
	return name
}

// FileBlocks returns the source file of each local symbol, if an object was linked from several
// files (ld -r). It is empty for an object of one file. A number distinguishes files with the same
// name.
func FileBlocks(f *elfobj.File) map[*elfobj.Symbol]string {
	blocks, seen, file := map[*elfobj.Symbol]string{}, map[string]int{}, ""
	for _, s := range f.Symbols {
		switch {
		case s.Type == elf.STT_FILE && s.Name != "":
			seen[s.Name]++
			file = s.Name + strings.Repeat("'", seen[s.Name]-1)
		case s.Bind == elf.STB_LOCAL:
			blocks[s] = file
		}
	}
	if len(seen) < 2 && seen[strings.TrimRight(file, "'")] < 2 {
		return nil
	}
	return blocks
}
