package kbuild

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/fault"
)

// includers is the include graph of the tree, backwards: which files have an
// #include that may mean a file. The key is the included file where a quoted
// name is found beside the includer, which is where the compiler looks first,
// and "*/" with the path as written, leading dots dropped, where it looks for
// it elsewhere. Conditions are not read: the graph has more edges than any one
// compilation, and none is missing.
type includers map[string][]string

// anything is the key of what a file includes by a macro that nothing is known
// about.
const anything = "*"

// Index reads the source tree once and keeps in CacheDir what Plan needs to
// know of it, so that the first Plan does not have to.
func (t *Tree) Index() error {
	_, err := t.includersOfC()
	return err
}

// includersOfC is the part of the graph that says whether a C file is included
// by others: few are.
func (t *Tree) includersOfC() (includers, error) {
	table := includers{}
	if t.loadCache("includers.json", &table) {
		return table, nil
	}
	all, err := t.includers()
	if err != nil {
		return nil, err
	}
	for key, files := range all {
		if path.Ext(key) == ".c" {
			table[key] = files
		}
	}
	t.storeCache("includers.json", table)
	return table, nil
}

// includers returns the graph of the tree, from the cache where that has it.
func (t *Tree) includers() (includers, error) {
	table := includers{}
	if t.loadCache("includes.json", &table) {
		return table, nil
	}
	table, err := t.scanIncluders()
	if err != nil {
		return nil, err
	}
	t.storeCache("includes.json", table)
	return table, nil
}

// closure returns file and every file that includes it, directly or by way of
// others. Whether an includer really has the file with this config is seen
// from its dependencies only.
func (in includers) closure(file string) map[string]bool {
	seen := map[string]bool{file: true}
	for todo := []string{file}; len(todo) > 0; todo = todo[1:] {
		for _, by := range in.of(todo[0]) {
			if !seen[by] {
				seen[by] = true
				todo = append(todo, by)
			}
		}
	}
	return seen
}

// of returns the files with an #include that may mean file.
func (in includers) of(file string) []string {
	all := append(slices.Clone(in[file]), in[anything]...)
	for tail, more := file, true; more; _, tail, more = strings.Cut(tail, "/") {
		all = append(all, in["*/"+tail]...)
	}
	return all
}

// sourcesOf returns the C files among files, sorted.
func sourcesOf(files map[string]bool) []string {
	var sources []string
	for name := range files {
		if path.Ext(name) == ".c" {
			sources = append(sources, name)
		}
	}
	sort.Strings(sources)
	return sources
}

// scanIncluders reads all sources that can become part of this kernel.
func (t *Tree) scanIncluders() (includers, error) {
	var mu sync.Mutex
	table := includers{}
	var group errgroup.Group
	group.SetLimit(4 * max(1, t.Jobs)) // most of the time is spent waiting for the disk
	err := t.walk(func(file string, _ fs.DirEntry) error {
		if !mayInclude(file) {
			return nil
		}
		group.Go(func() error {
			text, err := os.ReadFile(filepath.Join(t.Dir, file))
			if err != nil {
				return err
			}
			if included := scanIncludes(text); len(included) > 0 {
				mu.Lock()
				defer mu.Unlock()
				table.add(file, included, t.has)
			}
			return nil
		})
		return nil
	})
	if err = errors.Join(err, group.Wait()); err != nil {
		return nil, fault.Environmentf("source tree: %w", err)
	}
	for _, files := range table {
		sort.Strings(files)
	}
	return table, nil
}

// mayInclude reports whether the preprocessor may be given a file: sources,
// and whatever these include under other names.
func mayInclude(file string) bool {
	switch path.Ext(file) {
	case ".c", ".h", ".S", ".inc", ".pro", ".def", ".tbl", ".uc", ".c_shipped", ".h_shipped":
		return true
	}
	return false
}

// walk calls f for every regular file that may have to do with this kernel's
// code, by its path relative to the tree.
func (t *Tree) walk(f func(file string, d fs.DirEntry) error) error {
	return filepath.WalkDir(t.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(t.Dir, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (outsideKernel[rel] || t.otherArch(rel)):
			return fs.SkipDir
		case d.IsDir() && path.Dir(rel) == "tools" && rel != "tools/lib":
			return fs.SkipDir // kernel/bpf/relo_core.c is in tools/lib; all else are programs
		case !d.Type().IsRegular():
			return nil
		}
		return f(rel, d)
	})
}

var outsideKernel = map[string]bool{"Documentation": true, "LICENSES": true, "samples": true}

// otherArch reports whether dir is that of an architecture the tree is not
// prepared for.
func (t *Tree) otherArch(dir string) bool {
	if path.Dir(dir) != "arch" {
		return false
	}
	_, err := os.Stat(filepath.Join(t.Dir, dir, "include/generated"))
	return err != nil
}

// add notes what one file includes; has tells which files there are.
func (in includers) add(file string, included []string, has func(file string) bool) {
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
		if !slices.Contains(in[key], file) {
			in[key] = append(in[key], file)
		}
	}
}

// scanIncludes returns what a file may include, as written: "name" or <name>,
// anything for a macro. Comments are not told from code.
func scanIncludes(text []byte) []string {
	var found []string
	for rest := text; ; {
		i := bytes.Index(rest, []byte("include"))
		if i < 0 {
			break
		}
		before, after := rest[:i], rest[i+len("include"):]
		rest = after
		if !isDirective(before) && !bytes.HasSuffix(before, []byte("__has_")) {
			continue
		}
		after = bytes.TrimPrefix(after, []byte("_next"))
		if name := headerName(after); name != "" {
			found = append(found, name)
		}
	}
	return append(found, namesForMacros(text)...)
}

// isDirective reports whether text ends with the "#" that begins a line, white
// space and comments aside.
func isDirective(text []byte) bool {
	line := text[bytes.LastIndexByte(text, '\n')+1:]
	line, ok := bytes.CutSuffix(bytes.TrimRight(line, " \t"), []byte("#"))
	line = bytes.TrimSpace(line)
	return ok && (len(line) == 0 || bytes.HasSuffix(line, []byte("*/")))
}

// headerName reads what stands after "include": a name, or anything for a
// macro whose definitions do not tell by themselves.
func headerName(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSpace(line)
	line = bytes.TrimLeft(line, "( \t")
	if len(line) == 0 {
		return ""
	}
	end := map[byte]byte{'"': '"', '<': '>'}[line[0]]
	if end != 0 {
		if n := bytes.IndexByte(line[1:], end); n > 0 {
			return string(line[:n+2])
		}
		return ""
	}
	if macro := identifier(line); macro != "" && namingMacros[macro] == nil {
		return anything
	}
	return ""
}

// namingMacros are the macros that the kernel writes after #include, each with
// the macros by whose definition a file says which header is meant
// (include/trace/define_trace.h, include/linux/genl_magic_struct.h). The
// includes are put down to the file with that definition, without which there
// is none.
var namingMacros = map[string][]string{
	"TRACE_INCLUDE":           {"TRACE_SYSTEM", "TRACE_INCLUDE_FILE"},
	"GENL_MAGIC_INCLUDE_FILE": {"GENL_MAGIC_INCLUDE_FILE"},
}

// namesForMacros returns the headers that a file's definitions make others
// include.
func namesForMacros(text []byte) []string {
	var found []string
	for _, names := range namingMacros {
		for _, name := range names {
			for rest := text; ; {
				_, after, ok := bytes.Cut(rest, []byte(name))
				if !ok {
					break
				}
				defined := bytes.HasSuffix(bytes.TrimRight(rest[:len(rest)-len(after)-len(name)], " \t"), []byte("define"))
				rest = after
				if defined {
					found = append(found, macroValue(after)...)
				}
			}
		}
	}
	return found
}

// macroValue is the header that a macro's value names: a name as in #include,
// or a word to which ".h" is added.
func macroValue(text []byte) []string {
	if len(text) == 0 || text[0] != ' ' && text[0] != '\t' {
		return nil // a longer name
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return nil
	}
	if line[0] == '<' || line[0] == '"' {
		return []string{headerName(line)}
	}
	word, _, _ := bytes.Cut(line, []byte(" "))
	return []string{"<" + string(word) + ".h>"}
}

// identifier is the word of C that text begins with.
func identifier(text []byte) string {
	n := bytes.IndexFunc(text, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if n < 0 {
		n = len(text)
	}
	return string(text[:n])
}

// includersFile is the graph on disk: each includer's name is there once.
type includersFile struct {
	Files []string
	By    map[string][]int
}

func (in includers) MarshalJSON() ([]byte, error) {
	out := includersFile{By: make(map[string][]int, len(in))}
	number := map[string]int{}
	for key, files := range in {
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

func (in includers) UnmarshalJSON(text []byte) error {
	var f includersFile
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	for key, numbers := range f.By {
		for _, n := range numbers {
			if n < 0 || n >= len(f.Files) {
				return errors.New("include graph: number of a file that is not there")
			}
			in[key] = append(in[key], f.Files[n])
		}
	}
	return nil
}
