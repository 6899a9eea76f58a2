package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// root is the repository, relative to this package.
const root = "../.."

// source is one Go file that is not a test.
type source struct {
	pkg  string // folder in the repository, "." for the root
	path string
	file *ast.File
}

// tool reports whether the file belongs to a program for developers.
func (s *source) tool() bool { return s.file.Name.Name == "main" && s.pkg != "." }

// imports returns the paths that the file imports. Paths of the project have no project name in
// front.
func (s *source) imports() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			paths = append(paths, strings.TrimPrefix(p, "kintsugi/"))
		}
	}
	return paths
}

// sources parses the project.
func sources(t *testing.T) (files []*source, set *token.FileSet) {
	t.Helper()
	set = token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		if entry.IsDir() {
			if skipped(rel) {
				return filepath.SkipDir
			}
			return nil
		}
		if path.Ext(rel) != ".go" || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			return err
		}
		files = append(files, &source{pkg: path.Dir(rel), path: rel, file: file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d files found in %s", len(files), root)
	}
	return files, set
}

// skipped folders are not of the project (.git, the output of a build) or
// hold files that go itself leaves alone.
func skipped(dir string) bool {
	base := path.Base(dir)
	return dir == "out" || base == "testdata" || base != "." && strings.HasPrefix(base, ".")
}
