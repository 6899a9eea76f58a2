package archtest

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kintsugi/internal/arch"
)

// Only internal/arch names architectures. The rest of the code does so neither by a
// string, nor by a constant of debug/elf, nor by a value of internal/arch.
var (
	archString   = namesOfArchitectures()
	archConstant = regexp.MustCompile(`^(R_[A-Z0-9]+_|EM_)`)
)

// namesOfArchitectures matches what internal/arch calls each machine, as a word: its
// names, its folder of the kernel's source, its symbols of kconfig. It also matches names
// of relocations and machines in an assembler's or a script's text.
func namesOfArchitectures() *regexp.Regexp {
	var names []string
	for _, a := range arch.All() {
		names = append(names, a.Name, a.Debian.Name, a.Kernel, a.Kbuild.Config, "CONFIG_"+a.Kbuild.Config)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" || name == "CONFIG_" })
	return regexp.MustCompile(`(^|[^A-Za-z0-9_])(` + strings.Join(names, "|") + `)([^A-Za-z0-9_]|$)|` +
		`__x86_|X86_|\bR_(X86_64|AARCH64|390|PPC64|LARCH)|\bEM_`)
}

// namesArch lists the files and folders that may name an architecture, and why.
var namesArch = map[string]string{
	"internal/cli/target.go":    "shows releases of Debian's in its help",
	"internal/diag/":            "shows examples of messages",
	"internal/disasm/disasm.go": "lists the disassemblers, which are packages of golang.org/x/arch",
	"internal/elfobj/header.go": "refuses a machine whose relocations have another form",
	"internal/sweep/object.go":  "shares no code with what it checks",
}

func TestArchitecturesAreInOnePlace(t *testing.T) {
	files, set := sources(t)
	values := valuesOfArch(files)
	found := map[string]bool{}
	for _, s := range files {
		if s.pkg == "internal/arch" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if _, ok := n.(*ast.ImportSpec); ok {
				return false
			}
			name := archName(n, values)
			if name == "" {
				return true
			}
			at := set.Position(n.Pos())
			if allowed := allowedArch(at.Filename, found); !allowed {
				t.Errorf("%s: %s names an architecture: put what it stands for into internal/arch", at, name)
			}
			return true
		})
	}
	for place := range namesArch {
		if !found[place] {
			t.Errorf("%s names no architecture: remove it from the list", place)
		}
	}
}

// TestEmbeddedNameNoArchitecture reads the templates, headers and scripts that are part
// of the program.
func TestEmbeddedNameNoArchitecture(t *testing.T) {
	files := embedded(t)
	if len(files) < 8 {
		t.Fatalf("found %q only", files)
	}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if archString.MatchString(line) {
				t.Errorf("%s:%d names an architecture: %s", name, i+1, line)
			}
		}
	}
}

// embedded are the files that go:embed may include: those that are no Go, beside Go.
func embedded(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, dir := range []string{"builder", "elfdiff", "internal", "kbuild", "templates"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "testdata":
				return filepath.SkipDir
			case entry.Type().IsRegular() && filepath.Ext(name) != ".go" && entry.Name() != "LICENSE":
				rel, err := filepath.Rel(root, name)
				files = append(files, rel)
				return err
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// valuesOfArch are the variables of internal/arch that describe a machine.
func valuesOfArch(files []*source) map[string]bool {
	values := map[string]bool{}
	for _, s := range files {
		if s.pkg != "internal/arch" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if value, ok := spec.Values[0].(*ast.CompositeLit); ok {
				if typ, ok := value.Type.(*ast.Ident); ok && typ.Name == "Arch" {
					values[spec.Names[0].Name] = true
				}
			}
			return true
		})
	}
	return values
}

// archName is the string, constant or value by which n names an architecture.
func archName(n ast.Node, values map[string]bool) string {
	switch n := n.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(n.Value)
		if n.Kind == token.STRING && err == nil && archString.MatchString(text) {
			return text
		}
	case *ast.SelectorExpr:
		pkg, _ := selected(n, true)
		if archConstant.MatchString(n.Sel.Name) || pkg == "arch" && values[n.Sel.Name] {
			return n.Sel.Name
		}
	}
	return ""
}

// allowedArch reports whether the file may name an architecture. It records the
// place that allows it in found.
func allowedArch(file string, found map[string]bool) bool {
	for place := range namesArch {
		if strings.Contains(file, place) {
			found[place] = true
			return true
		}
	}
	return false
}
