package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Only internal/arch knows architectures. Elsewhere none is named, neither by
// a string nor by a constant of debug/elf.
var (
	archString   = regexp.MustCompile(`^(amd64|arm64|aarch64|ppc64(le|el)?|s390x?|loong(arch)?64|x86(_64)?)$|arch/(x86|arm64|powerpc|s390|loongarch)\b|__x86_`)
	archConstant = regexp.MustCompile(`^(R_(X86_64|AARCH64|PPC64|390|LARCH)_|EM_(X86_64|AARCH64|PPC64|S390|LOONGARCH)$)`)
)

// namesArch has what may name one all the same, by file or folder, and why.
var namesArch = map[string]string{
	"internal/diag/":           "shows examples of messages",
	"internal/sweep/object.go": "shares no code with what it checks",
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
			t.Errorf("%s names no architecture: take it off the list", place)
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

// allowedArch reports whether the file may name one, and notes which place
// allows it.
func allowedArch(file string, found map[string]bool) bool {
	for place := range namesArch {
		if strings.Contains(file, place) {
			found[place] = true
			return true
		}
	}
	return false
}
