package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// place is a line of a file.
type place struct {
	file string // as seen from the measured folder
	line int
}

type function struct {
	place
	name              string
	lines, complexity int
}

// line is a line of source that is wider than the narrowest limit of the table.
type line struct {
	place
	width int // characters; a tab is one
	test  bool
}

// code is the result of a measurement. Functions, files and names are those of code other than
// tests.
type code struct {
	functions            []function
	files                []int // lines of each
	exported, documented int
	codeLines, testLines int
	wide                 []line
}

const narrowest = 120

// measure reads the Go files under dir, without those that the go command ignores.
func measure(dir string) (*code, error) {
	c := &code{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		switch base := entry.Name(); {
		case entry.IsDir() && rel != "." && (base == "testdata" || base == "out" || strings.HasPrefix(base, ".")):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(base) != ".go":
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return c.file(rel, source)
	})
	return c, err
}

func (c *code) file(name string, source []byte) error {
	test := strings.HasSuffix(name, "_test.go")
	lines := strings.Split(strings.TrimSuffix(string(source), "\n"), "\n")
	for i, l := range lines {
		if width := utf8.RuneCountInString(l); width > narrowest {
			c.wide = append(c.wide, line{place{name, i + 1}, width, test})
		}
	}
	if test {
		c.testLines += len(lines)
		return nil
	}
	c.codeLines += len(lines)
	c.files = append(c.files, len(lines))
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, decl := range parsed.Decls {
		c.names(decl)
		if f, ok := decl.(*ast.FuncDecl); ok {
			begin, end := set.Position(f.Pos()).Line, set.Position(f.End()).Line
			at := place{name, begin}
			c.functions = append(c.functions, function{at, f.Name.Name, end - begin + 1, complexity(f)})
		}
	}
	return nil
}

// names counts the exported names of a declaration. A comment on a group of
// constants or variables documents each of them.
func (c *code) names(decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || ast.IsExported(receiver(d)) {
			c.name(d.Name, d.Doc != nil)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				c.name(s.Name, s.Doc != nil || d.Doc != nil)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					c.name(name, s.Doc != nil || s.Comment != nil || d.Doc != nil)
				}
			}
		}
	}
}

func (c *code) name(name *ast.Ident, documented bool) {
	if !name.IsExported() {
		return
	}
	c.exported++
	if documented {
		c.documented++
	}
}

// receiver returns the name of a method's type.
func receiver(f *ast.FuncDecl) string {
	name := ""
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return name == ""
	})
	return name
}

// complexity is the cyclomatic complexity of a function: one, and one for each
// branch. Functions within it count with it.
func complexity(f *ast.FuncDecl) int {
	n := 1
	ast.Inspect(f, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil {
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

// quantile returns the value that p percent of the values do not exceed.
func quantile(values []int, p int) int {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	return values[min(len(values)*p/100, len(values)-1)]
}

// wider returns the number of lines wider than a limit, in tests or elsewhere.
func (c *code) wider(columns int, test bool) int {
	n := 0
	for _, l := range c.wide {
		if l.width > columns && l.test == test {
			n++
		}
	}
	return n
}
