package query

import (
	"bufio"
	"bytes"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"kintsugi/kbuild"
)

// Answer is the parsed output of kbuild in one dry run.
type Answer struct {
	Folders map[string]*Folder
	Recipes map[string]Recipe // by object

	denied map[string]bool // folders that kbuild does not visit with this configuration
}

// Folder describes what kbuild would build in one directory (scripts/Makefile.build).
type Folder struct {
	Builtin bool // its built-in.a becomes part of vmlinux

	objY   []string // real-obj-y: objects of built-in.a
	objM   []string // real-obj-m: objects of modules
	libY   []string // lib-y: objects of lib.a
	extraY []string // extra-y: objects that the architecture's makefiles link explicitly, such as head.o
	hosts  []string // hostprogs: programs that run while the kernel is built
	// multiY are the composite objects of objY, under the makefile's names: multi-obj-y,
	// in 5.10 multi-used-y.
	multiY []string
	multiM []string // composite objects of objM: multi-obj-m, multi-used-m
	libs   []string // lib.a files that vmlinux is linked with, if the top Makefile exports them
}

// Parse reads the lines that query.mk and cmd_and_fixdep made make print.
func Parse(out []byte) *Answer {
	a := &Answer{Folders: map[string]*Folder{}, Recipes: map[string]Recipe{}, denied: map[string]bool{}}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, len(out)+1)
	for lines.Scan() {
		parts := strings.SplitN(lines.Text(), ":", 4)
		if len(parts) != 4 || parts[0] != "kintsugi" {
			continue
		}
		a.add(parts[1], parts[2], parts[3])
	}
	return a
}

func (a *Answer) add(what, name, text string) {
	r := a.Recipes[name]
	switch what {
	case "recipe":
		r.Command = text
		a.Recipes[name] = r
		return
	case "needs":
		r.Needs = strings.Fields(text)
		a.Recipes[name] = r
		return
	}
	f := a.Folders[name]
	if f == nil {
		f = &Folder{}
		a.Folders[name] = f
	}
	f.set(what, strings.Fields(text))
}

func (f *Folder) set(variable string, words []string) {
	switch variable {
	case "need-builtin":
		f.Builtin = f.Builtin || len(words) > 0
	case "real-obj-y":
		f.objY = words
	case "real-obj-m":
		f.objM = words
	case "lib-y":
		f.libY = words
	case "extra-y":
		f.extraY = words
	case "multi-obj-y", "multi-used-y":
		f.multiY = append(f.multiY, words...)
	case "multi-obj-m", "multi-used-m":
		f.multiM = append(f.multiM, words...)
	case "hostprogs":
		f.hosts = words
	case "ARCH_LIB":
		for _, dir := range words {
			f.libs = append(f.libs, path.Join(dir, "lib.a"))
		}
	case "KBUILD_VMLINUX_LIBS", "KBUILD_VMLINUX_OBJS":
		f.libs = append(f.libs, words...)
	}
}

var noRule = regexp.MustCompile(`(?m)No rule to make target '(?:\./)?(.*)/\.kintsugi'`)

// deny records the folders for which make has no rule. With -k, make fails for them and continues.
// If make prints neither this nor the objects of a folder, something else stopped it, and the
// configuration may include the folder.
func (a *Answer) deny(output []byte) {
	for _, m := range noRule.FindAllSubmatch(output, -1) {
		a.denied[string(m[1])] = true
	}
}

func (a *Answer) Dirs() []string { return slices.Sorted(maps.Keys(a.Folders)) }

// HostProgram reports whether the object's source is a program of the build itself.
func (a *Answer) HostProgram(object string) bool {
	f := a.Folders[path.Dir(object)]
	return f != nil && slices.Contains(f.hosts, strings.TrimSuffix(path.Base(object), ".o"))
}

// Objects returns the objects of the folder, without the members of its lib.a.
func (f *Folder) Objects() []string { return slices.Concat(f.objY, f.extraY, f.objM) }

// Members returns the objects of the folder's lib.a.
func (f *Folder) Members() []string { return f.libY }

// KindOf returns what the folder dir links object into. It returns "" if the folder does not know
// the object.
func (f *Folder) KindOf(dir, object string) kbuild.Kind {
	switch {
	case f.Builtin && (slices.Contains(f.objY, object) || slices.Contains(f.extraY, object)):
		return kbuild.Vmlinux
	case slices.Contains(f.objM, object):
		return kbuild.Module
	case slices.Contains(f.libY, object) && f.linked(dir):
		return kbuild.Library
	}
	return ""
}

// linked reports whether vmlinux is linked with the lib.a of dir.
func (f *Folder) linked(dir string) bool {
	return slices.ContainsFunc(f.libs, func(lib string) bool { return path.Clean(lib) == dir+"/lib.a" })
}

// Composite returns what the folder dir links a composite object into. name has no .o. It returns
// "" if there is no such composite object.
func (f *Folder) Composite(name, dir string) kbuild.Kind {
	has := func(objects []string) bool { // with or without the directory
		return slices.Contains(objects, name+".o") || slices.Contains(objects, path.Join(dir, name)+".o")
	}
	switch {
	case has(f.multiM):
		return kbuild.Module
	case has(f.multiY):
		return kbuild.Vmlinux
	}
	return ""
}
