package kbuild

import (
	"path"
	"sort"
	"strings"
)

// parseDepfile returns the prerequisites in the output of the compiler's -MMD
// as they are written there, target excluded.
func parseDepfile(text []byte) []string {
	_, list, ok := strings.Cut(strings.ReplaceAll(string(text), "\\\n", " "), ": ")
	if !ok {
		return nil
	}
	var deps []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			deps = append(deps, word.String())
		}
		word.Reset()
	}
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\n':
			end()
			return deps
		case c == ' ' || c == '\t':
			end()
		case (c == '\\' || c == '$') && i+1 < len(list) && strings.IndexByte(` #\$`, list[i+1]) >= 0:
			i++
			word.WriteByte(list[i])
		default:
			word.WriteByte(c)
		}
	}
	end()
	return deps
}

// cleanPaths returns the sorted set of the lexically cleaned paths of both
// lists.
func cleanPaths(a, b []string) []string {
	var all []string
	for _, list := range [][]string{a, b} {
		for _, p := range list {
			all = append(all, path.Clean(p))
		}
	}
	return unique(all)
}

// ascents returns the directories that p leaves again with "..": for
// include/trace/../../fs/x.h that is include/trace and include. A file that
// is reached through a symbolic link of one of these is not the file that the
// name says.
func ascents(p string) []string {
	var out []string
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if part == ".." {
			if dir := path.Join(parts[:i]...); dir != "" && !strings.HasPrefix(dir, "..") {
				out = append(out, dir)
			}
		}
	}
	sort.Strings(out)
	return out
}
