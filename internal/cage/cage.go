// Package cage describes how the programs of a target run: their root, visible folders
// and limits. Patches are hostile: a compiler's output must contain nothing of the
// host, and the compiler must end.
package cage

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Kind is the kind of a cage.
type Kind string

const (
	None       Kind = "none"       // no cage
	Bubblewrap Kind = "bubblewrap" // namespaces, made by bwrap(1)
)

// These folders have the same path for every program of a target, independently of the
// user's cache and temporary folder. Compiled code can depend on these paths only.
const (
	Kernel = "/kernel" // the target's source
	Build  = "/build"  // the work folder
)

// Cage describes how the programs of a target run. The zero value is no cage.
type Cage struct {
	Kind   Kind
	Root   string   // of the toolchain; "/" for the host's
	Source string   // the target's tree on the host
	Writes bool     // programs may write to the tree, which is being prepared
	Work   string   // writable folder on the host
	Read   []string // folders of the host that are visible at their own paths
	Limits Limits
	// Launcher has the needs of a compiler launcher.
	Launcher Launcher
}

// Limits are the limits of a command.
type Limits struct {
	Memory    int64         // bytes of address space, for each process
	CPU       time.Duration // of each process
	FileSize  int64         // bytes of one file
	Processes int           // of one user
	Deadline  time.Duration // of the whole command
}

// Options are the user's options for a cage.
type Options struct {
	None   bool  // no cage
	Memory int64 // bytes for each process; 0: DefaultLimits
}

// DefaultLimits are generous for a compiler. The largest unit of a kernel needs 1 GB
// and about ten seconds.
var DefaultLimits = Limits{Memory: 4 << 30, CPU: 2 * time.Minute, FileSize: 1 << 30, Processes: 4096,
	Deadline: 10 * time.Minute}

// PrepareLimits are for the commands that prepare a whole tree.
var PrepareLimits = Limits{Memory: 4 << 30, CPU: time.Hour, FileSize: 4 << 30, Processes: 4096, Deadline: 2 * time.Hour}

// OfHost reports whether programs are those of the host.
func (c Cage) OfHost() bool { return c.Root == "" || c.Root == "/" }

// Has reports whether the toolchain has a program.
func (c Cage) Has(program string) bool {
	if c.OfHost() {
		_, err := exec.LookPath(program)
		return err == nil
	}
	return slices.ContainsFunc(filepath.SplitList(searchPath), func(dir string) bool {
		_, err := os.Lstat(filepath.Join(c.Root, dir, program))
		return err == nil
	})
}

// In reports whether programs run in a cage.
func (c Cage) In() bool { return c.Kind != "" && c.Kind != None }

// fixed reports whether programs see source and work folder at fixed paths.
func (c Cage) fixed() bool { return c.Kind == Bubblewrap }

// inside replaces all paths of the host in a text by those that the program sees. The
// text is a path, an argument or the value of a variable.
func (c Cage) inside(text string) string {
	if !c.fixed() {
		return text
	}
	return replacePath(replacePath(text, c.Work, Build), c.Source, Kernel)
}

// replacePath replaces a path, but not the begin of a longer name.
func replacePath(text, from, to string) string {
	if from == "" {
		return text
	}
	var out strings.Builder
	for {
		i := strings.Index(text, from)
		if i < 0 {
			return out.String() + text
		}
		rest := text[i+len(from):]
		out.WriteString(text[:i])
		if (rest == "" || !inName(rest[0])) && (i == 0 || !inName(text[i-1])) {
			out.WriteString(to)
		} else {
			out.WriteString(from)
		}
		text = rest
	}
}

// inName reports whether a byte continues a file's name.
func inName(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 ||
		strings.IndexByte("._-+~%#@", c) >= 0
}

// visible are the folders that are visible at their own paths, without folders inside
// another one. The tree is among them, since links of an overlay point to it by its
// path on the host.
func (c Cage) visible() []string {
	all := []string{}
	for _, dir := range append(slices.Clone(c.Read), c.Source) {
		if dir != "" {
			all = append(all, filepath.Clean(dir))
		}
	}
	slices.Sort(all)
	kept := []string{}
	for _, dir := range all {
		if len(kept) == 0 || dir != kept[len(kept)-1] && !strings.HasPrefix(dir, kept[len(kept)-1]+"/") {
			kept = append(kept, dir)
		}
	}
	return kept
}
