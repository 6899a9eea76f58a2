// Package includegraph records which files of a source tree may include which others. It reads only
// the text of the files.
package includegraph

import (
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"
)

// Graph lists the possible includers of each included file. The key is the path of a file that
// exists beside its includer, if the name is quoted: the compiler searches there first. Otherwise
// the key is "*/" with the path as written, without leading dots. Conditions are ignored, so the
// graph has more edges than a compilation, and no edge is missing.
type Graph map[string][]string

// anything is the key of files that include a macro whose value is unknown.
const anything = "*"

// MayInclude reports whether the preprocessor may read a file: a source, or a file of another kind
// that sources include.
func MayInclude(file string) bool {
	switch path.Ext(file) {
	case ".c", ".h", ".S", ".inc", ".pro", ".def", ".tbl", ".uc", ".c_shipped", ".h_shipped":
		return true
	}
	return false
}

// Add adds the includes of one file, as Scan returns them. has reports whether the tree has a file.
func (g Graph) Add(file string, included []string, has func(file string) bool) {
	for _, written := range included {
		if written == "" {
			continue
		}
		name := strings.Trim(written, `"<>`)
		key := path.Join(path.Dir(file), name)
		switch {
		case written == anything:
			key = anything
		case written[0] != '"' || !has(key):
			key = "*/" + strings.TrimLeft(path.Clean(name), "./")
		}
		if !slices.Contains(g[key], file) {
			g[key] = append(g[key], file)
		}
	}
}

// Merge adds all edges of another graph.
func (g Graph) Merge(other Graph) {
	for key, files := range other {
		g[key] = append(g[key], files...)
	}
}

// OfC returns the edges to C files: few C files are included by others.
func (g Graph) OfC() Graph {
	some := Graph{}
	for key, files := range g {
		if path.Ext(key) == ".c" {
			some[key] = files
		}
	}
	return some
}

// ForgetMacros removes the files that include a macro of unknown value.
func (g Graph) ForgetMacros() { delete(g, anything) }

// Includers returns the files with an #include that may refer to file.
func (g Graph) Includers(file string) []string {
	all := append(slices.Clone(g[file]), g[anything]...)
	for tail, more := file, true; more; _, tail, more = strings.Cut(tail, "/") {
		all = append(all, g["*/"+tail]...)
	}
	return all
}

// Closure returns file and all files that may include it, directly or through others. Whether an
// includer really reads the file in a given configuration is only known from the dependencies of a
// compilation.
func (g Graph) Closure(file string) map[string]bool {
	seen := map[string]bool{file: true}
	for todo := []string{file}; len(todo) > 0; todo = todo[1:] {
		for _, by := range g.Includers(todo[0]) {
			if !seen[by] {
				seen[by] = true
				todo = append(todo, by)
			}
		}
	}
	return seen
}

// graphFile is the graph on disk. It contains the name of each includer once.
type graphFile struct {
	Files []string
	By    map[string][]int
}

func (g Graph) MarshalJSON() ([]byte, error) {
	out := graphFile{By: make(map[string][]int, len(g))}
	number := map[string]int{}
	for key, files := range g {
		for _, file := range files {
			n, ok := number[file]
			if !ok {
				n = len(out.Files)
				number[file] = n
				out.Files = append(out.Files, file)
			}
			out.By[key] = append(out.By[key], n)
		}
	}
	return json.Marshal(out)
}

func (g Graph) UnmarshalJSON(text []byte) error {
	var f graphFile
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	for key, numbers := range f.By {
		for _, n := range numbers {
			if n < 0 || n >= len(f.Files) {
				return errors.New("include graph: file number out of range")
			}
			g[key] = append(g[key], f.Files[n])
		}
	}
	return nil
}
