package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"
)

// TestSeveritiesAreOfTheTable finds code that chooses the severity of a finding itself.
// report.Found looks it up in the table.
func TestSeveritiesAreOfTheTable(t *testing.T) {
	files, set := sources(t)
	for _, s := range files {
		if s.tool() || s.pkg == "internal/diag" || s.pkg == "internal/report" {
			continue
		}
		for _, pos := range ownSeverities(s.file) {
			t.Errorf("%s: a severity comes from the table in internal/diag: use report.Found and Diagnostic.In",
				set.Position(pos))
		}
	}
}

func TestOwnSeverities(t *testing.T) {
	for src, want := range map[string]int{
		`report.Diagnostic{Code: c, Severity: diag.Error}`: 1,
		`report.Found(report.Diagnostic{Code: c})`:         0,
		`f(diag.Warning)`:                   1,
		`d.Severity == diag.Error`:          0,
		`row.Has(diag.Consent)`:             0,
		`func(s diag.Severity) {}`:          1,
		`func() { d.Severity = other }`:     1,
		`func() { d = d.In(diag.Alone) }`:   0,
		`func() { s := diag.Note; use(s) }`: 1,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nvar _ = "+src, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(ownSeverities(file)); got != want {
			t.Errorf("%s: %d places, not %d", src, got, want)
		}
	}
}

// ownSeverities are the places of a file where severities are named, other than
// to compare them, are set or are passed.
func ownSeverities(file *ast.File) []token.Pos {
	var found []token.Pos
	compared := map[ast.Node]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			compared[n.X], compared[n.Y] = true, true
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Has" {
				compared[n.Args[0]] = true
			}
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if sel, ok := left.(*ast.SelectorExpr); ok && sel.Sel.Name == "Severity" {
					found = append(found, left.Pos())
				}
			}
		case *ast.SelectorExpr:
			names := []string{"Error", "Consent", "Warning", "Note", "Severity"}
			pkg, _ := selected(n, true)
			if pkg == "diag" && slices.Contains(names, n.Sel.Name) && !compared[n] {
				found = append(found, n.Pos())
			}
		}
		return true
	})
	return found
}
