package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"kintsugi/internal/diag"
)

// homonyms are literals that are spelled like a code and mean something else, by file.
var homonyms = map[string][]string{
	"internal/patchfile/kind.go": {"assembly", "build-file"},
}

// TestCodesAreConstants finds codes that are written out as strings.
func TestCodesAreConstants(t *testing.T) {
	files, set := sources(t)
	codes := diag.Codes()
	for _, s := range files {
		if s.pkg == "internal/diag" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err == nil && slices.Contains(codes, diag.Code(text)) && !slices.Contains(homonyms[s.path], text) {
				t.Errorf("%s: %q is a diagnostic code: use its constant in internal/diag", set.Position(lit.Pos()), text)
			}
			return true
		})
	}
}

// TestCodesAreUsed finds codes of the table that nothing uses.
func TestCodesAreUsed(t *testing.T) {
	files, _ := sources(t)
	used := map[string]bool{}
	for _, s := range files {
		if s.tool() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if pkg, isName := selected(sel, ok); isName && pkg == "diag" {
				used[sel.Sel.Name] = true
			}
			return true
		})
	}
	names := codeNames(files)
	if len(names) != len(diag.Codes()) {
		t.Errorf("%d constants of type Code, %d rows in the table", len(names), len(diag.Codes()))
	}
	for _, name := range names {
		if !used[name] {
			t.Errorf("nothing uses diag.%s", name)
		}
	}
}

// selected is the name on the left of a selector.
func selected(sel *ast.SelectorExpr, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	name, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", false
	}
	return name.Name, true
}

// codeNames are the names of the constants of type Code.
func codeNames(files []*source) []string {
	var names []string
	for _, s := range files {
		if s.pkg != "internal/diag" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Code" {
				names = append(names, spec.Names[0].Name)
			}
			return true
		})
	}
	return names
}
