package kbuild

import (
	"path"
	"sort"
	"strings"
)

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
