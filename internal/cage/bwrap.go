package cage

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"kintsugi/internal/command"
)

// searchPath is PATH in a cage and for Has.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is the whole environment of a program in a cage, except for variables of
// its command and of the launcher.
var environment = []string{"PATH=" + searchPath, "LC_ALL=C", "TZ=UTC", "HOME=/nonexistent", "TMPDIR=/tmp"}

// Wrap returns the command that runs cmd in the cage.
func (c Cage) Wrap(cmd *command.Cmd) *command.Cmd {
	wrapped := *cmd
	wrapped.Cage = nil
	if c.Kind == Bubblewrap {
		words := append(c.bubblewrap(), c.program(cmd)...)
		wrapped.Dir, wrapped.Env, wrapped.Deadline = "", nil, c.Limits.Deadline
		wrapped.Path, wrapped.Args = "prlimit", append(c.limits(), words...)
	}
	return &wrapped
}

// limits are the words of prlimit(1), which runs the command after them. A process
// keeps its limits over exec and fork.
func (c Cage) limits() []string {
	l := c.Limits
	words := []string{"--core=0"}
	add := func(name string, value int64) {
		if value > 0 {
			words = append(words, "--"+name+"="+strconv.FormatInt(value, 10))
		}
	}
	add("as", l.Memory)
	add("cpu", int64(l.CPU.Seconds()))
	add("fsize", l.FileSize)
	add("nproc", int64(l.Processes))
	return append(words, "--")
}

// bubblewrap are the words of bwrap(1), which runs the command after them. The root of
// the command is a new folder that only has the folders named here.
func (c Cage) bubblewrap() []string {
	words := []string{"bwrap", "--unshare-user-try", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
		"--unshare-cgroup-try",
		"--hostname", "kintsugi", "--new-session", "--die-with-parent", "--cap-drop", "ALL", "--clearenv"}
	if !c.Launcher.Network {
		words = append(words, "--unshare-net")
	}
	words = append(words, c.system()...)
	words = append(words, "--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp")
	for _, dir := range c.visible() {
		words = append(words, "--ro-bind", dir, dir)
	}
	if c.Source != "" {
		bind := "--ro-bind"
		if c.Writes {
			bind = "--bind"
		}
		words = append(words, bind, c.Source, Kernel)
	}
	if c.Work != "" {
		words = append(words, "--bind", c.Work, Build)
	}
	words = append(words, c.launcher()...)
	return append(words, "--remount-ro", "/")
}

// launcher shows the folders of the host that a compiler launcher needs.
func (c Cage) launcher() []string {
	var words []string
	for _, dir := range c.Launcher.Read {
		words = append(words, "--ro-bind", dir, dir)
	}
	for _, dir := range c.Launcher.Writable {
		words = append(words, "--bind", dir, dir)
	}
	if c.Launcher.Network {
		for _, file := range []string{"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf"} {
			words = append(words, "--ro-bind-try", file, file)
		}
	}
	return words
}

// rootFolders are the folders that programs need of the toolchain's root. Of the
// host's etc only files that find programs and libraries are visible.
var (
	rootFolders = []string{"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc/alternatives"}
	rootFiles   = []string{"etc/ld.so.cache", "etc/ld.so.conf", "etc/ld.so.conf.d"}
)

// system shows the toolchain: folders as folders, links as links.
func (c Cage) system() []string {
	var words []string
	for _, name := range append(rootFolders, rootFiles...) {
		path := filepath.Join(c.Root, name)
		info, err := os.Lstat(path)
		switch {
		case err != nil:
		case info.Mode()&os.ModeSymlink != 0:
			if link, err := os.Readlink(path); err == nil {
				words = append(words, "--symlink", link, "/"+name)
			}
		default:
			words = append(words, "--ro-bind", path, "/"+name)
		}
	}
	return words
}

// program are the words that set the environment and the folder, and run cmd.
func (c Cage) program(cmd *command.Cmd) []string {
	var words []string
	for _, kv := range append(append(environment, c.Launcher.Env...), cmd.Env...) {
		name, value, _ := strings.Cut(kv, "=")
		words = append(words, "--setenv", name, c.inside(value))
	}
	dir := cmd.Dir
	if dir == "" {
		dir = "/"
	}
	words = append(words, "--chdir", c.inside(dir), "--", c.inside(cmd.Path))
	for _, arg := range cmd.Args {
		words = append(words, c.inside(arg))
	}
	return words
}
