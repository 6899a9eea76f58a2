package makefile

import (
	"bufio"
	"bytes"
	"path"
	"slices"
	"strings"
)

// Saved is the record of a compilation in a .cmd file.
type Saved struct {
	Source, Object string
	Compile        []string // the compiler and its arguments
	Deps           []string // every file that the compiler read, cleaned
}

// ReadSaved reads a .cmd file, in which kbuild saves the command and the dependencies of a file
// (scripts/basic/fixdep.c). It returns nil if the command was not a compilation.
func ReadSaved(text []byte) *Saved {
	var s Saved
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for inDeps := false; lines.Scan(); {
		line := lines.Text()
		name, value, assigned := strings.Cut(line, " := ")
		switch {
		case assigned && (strings.HasPrefix(name, "cmd_") || strings.HasPrefix(name, "savedcmd_")):
			commands, err := SplitShell(value)
			if err != nil || len(commands) == 0 {
				return nil
			}
			_, s.Object, _ = strings.Cut(name, "cmd_")
			s.Compile = commands[0]
		case assigned && strings.HasPrefix(name, "source_"):
			s.Source = path.Clean(value)
			s.Deps = append(s.Deps, s.Source)
		case strings.HasPrefix(name, "deps_"):
			inDeps = true
		case inDeps && !strings.HasPrefix(line, " "):
			inDeps = false
		case inDeps:
			if dep := strings.TrimSuffix(strings.TrimSpace(line), " \\"); !strings.HasPrefix(dep, "$(") {
				s.Deps = append(s.Deps, path.Clean(dep))
			}
		}
	}
	if s.Source == "" || len(s.Compile) == 0 || !slices.Contains([]string{".c", ".S"}, path.Ext(s.Source)) {
		return nil
	}
	return &s
}
