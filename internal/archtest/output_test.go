package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// speakers are the packages that may write to the terminal or end the process.
var speakers = []string{".", "internal/cli"}

// spoken are the functions and variables, by package, with which a library would do so.
var spoken = map[string][]string{
	"os":  {"Stdout", "Stderr", "Exit"},
	"fmt": {"Print", "Printf", "Println"},
	"log": {"Print", "Printf", "Println", "Fatal", "Fatalf"},
}

func TestLibrariesAreSilent(t *testing.T) {
	files, set := sources(t)
	for _, s := range files {
		if s.tool() || slices.Contains(speakers, s.pkg) || strings.HasSuffix(s.path, "guest.go") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && slices.Contains(spoken[pkg.Name], sel.Sel.Name) {
				t.Errorf("%s: %s.%s in a library", set.Position(n.Pos()), pkg.Name, sel.Sel.Name)
			}
			return true
		})
	}
}
