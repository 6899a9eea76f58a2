package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"kintsugi/internal/arch"
)

// Only internal/arch names architectures. The rest of the code does so neither
// by a string nor by a constant of debug/elf.
var (
	archString   = namesOfArchitectures()
	archConstant = regexp.MustCompile(`^(R_[A-Z0-9]+_|EM_)`)
)

// namesOfArchitectures matches the names that internal/arch has for each
// machine: alone, or as its folder of the kernel's source.
func namesOfArchitectures() *regexp.Regexp {
	var names, folders []string
	for _, a := range arch.All() {
		names = append(names, a.Name, a.Debian.Name, a.Kernel)
		folders = append(folders, a.Kernel)
	}
	return regexp.MustCompile("^(" + strings.Join(names, "|") + ")$|arch/(" + strings.Join(folders, "|") + `)\b|__x86_`)
}

// namesArch lists the files and folders that may name an architecture, and why.
var namesArch = map[string]string{
	"internal/diag/":            "shows examples of messages",
	"internal/elfobj/header.go": "refuses a machine whose relocations have another form",
	"internal/sweep/object.go":  "shares no code with what it checks",
}

func TestArchitecturesAreInOnePlace(t *testing.T) {
	files, set := sources(t)
	found := map[string]bool{}
	for _, s := range files {
		if s.pkg == "internal/arch" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if _, ok := n.(*ast.ImportSpec); ok {
				return false
			}
			name := archName(n)
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

// archName is the string or constant by which n names an architecture.
func archName(n ast.Node) string {
	switch n := n.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(n.Value)
		if n.Kind == token.STRING && err == nil && archString.MatchString(text) {
			return text
		}
	case *ast.SelectorExpr:
		if archConstant.MatchString(n.Sel.Name) {
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
