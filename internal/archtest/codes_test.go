package archtest

import (
	"go/ast"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// heading is a code's own in the document.
var heading = regexp.MustCompile("(?m)^### `([a-z]+(?:-[a-z]+)*)`$")

func TestCodesAreDocumented(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/diagnostics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range heading.FindAllSubmatch(text, -1) {
		documented[string(m[1])] = true
	}
	used := usedCodes(t)
	if len(used) < 10 {
		t.Fatalf("only %d codes found in the source: %v", len(used), slices.Sorted(maps.Keys(used)))
	}
	for _, code := range slices.Sorted(maps.Keys(used)) {
		if !documented[code] {
			t.Errorf("%s: code %q is not in docs/diagnostics.md", used[code], code)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(documented)) {
		if _, ok := used[code]; !ok {
			t.Errorf("docs/diagnostics.md has %q, which nothing uses", code)
		}
	}
}

// usedCodes finds the codes in the source, each with a place: the string
// given to a field Code or compared with one, or handed over as the parameter
// or the result "code" of a function.
func usedCodes(t *testing.T) map[string]token.Position {
	files, set := sources(t)
	files = slices.DeleteFunc(files, (*source).tool)
	params, consts := codeParameters(files), stringConstants(files)
	used := map[string]token.Position{}
	use := func(e ast.Expr) {
		if code := stringOf(e, consts); code != "" {
			used[code] = set.Position(e.Pos())
		}
	}
	for _, s := range files {
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
					use(n.Value)
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if isCode(left) && i < len(n.Rhs) {
						use(n.Rhs[i])
					}
				}
			case *ast.BinaryExpr:
				if isCode(n.X) {
					use(n.Y)
				}
			case *ast.FuncDecl:
				returnedCodes(n, use)
			case *ast.CallExpr:
				if i, ok := params[calledName(n)]; ok && i < len(n.Args) {
					use(n.Args[i])
				}
			}
			return true
		})
	}
	return used
}

func isCode(e ast.Expr) bool {
	sel, ok := e.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Code"
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// codeParameters is, by function name, which parameter is called code.
func codeParameters(files []*source) map[string]int {
	params := map[string]int{}
	for _, s := range files {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				if i := codeIn(f.Type.Params); i >= 0 {
					params[f.Name.Name] = i
				}
			}
		}
	}
	return params
}

// codeIn is the place of the string called code in a list, -1 where there is none.
func codeIn(list *ast.FieldList) int {
	i := 0
	for _, field := range list.List {
		for _, name := range field.Names {
			if typ, ok := field.Type.(*ast.Ident); ok && name.Name == "code" && typ.Name == "string" {
				return i
			}
			i++
		}
	}
	return -1
}

// returnedCodes finds the codes in the return statements of f.
func returnedCodes(f *ast.FuncDecl, use func(ast.Expr)) {
	if f.Type.Results == nil || f.Body == nil {
		return
	}
	i := codeIn(f.Type.Results)
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if ret, ok := n.(*ast.ReturnStmt); ok && i >= 0 && i < len(ret.Results) {
			use(ret.Results[i])
		}
		return true
	})
}

// stringConstants are the constants with a literal value, by name.
func stringConstants(files []*source) map[string]string {
	consts := map[string]string{}
	for _, s := range files {
		ast.Inspect(s.file, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok || decl.Tok != token.CONST {
				return true
			}
			for _, spec := range decl.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					if i < len(v.Values) {
						consts[name.Name] = stringOf(v.Values[i], nil)
					}
				}
			}
			return true
		})
	}
	return consts
}

func stringOf(e ast.Expr, consts map[string]string) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return s
		}
	case *ast.Ident:
		return consts[e.Name]
	}
	return ""
}
