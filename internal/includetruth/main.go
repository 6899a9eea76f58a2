// Command includetruth records which units of a kernel were compiled from which headers, according
// to the line tables in the debug info of its vmlinux and modules. The include graph is tested
// against this record (kbuild/testdata/includers.txt.gz).
//
// usage: includetruth DEBUGDIR HEADER... | gzip -9 > kbuild/testdata/includers.txt.gz
//
// DEBUGDIR is an unpacked linux-image-*-dbg package. Each line of the output has a header, a colon
// and the sources of the units. Debug info mentions only headers from which code or data of the
// unit came.
package main

import (
	"bufio"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: includetruth DEBUGDIR HEADER...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "includetruth:", err)
		os.Exit(1)
	}
}

func run(dir string, headers []string) error {
	t := truth{units: map[string]map[string]bool{}}
	for _, h := range headers {
		t.units[h] = map[string]bool{}
	}
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !isKernel(name) {
			return err
		}
		group.Go(func() error { return t.read(name) })
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for _, h := range headers {
		fmt.Fprintf(out, "%s: %s\n", h, strings.Join(slices.Sorted(maps.Keys(t.units[h])), " "))
	}
	return out.Flush()
}

func isKernel(name string) bool {
	base := filepath.Base(name)
	return strings.HasSuffix(base, ".ko") || strings.HasSuffix(base, ".ko.debug") ||
		strings.HasPrefix(base, "vmlinux-") && strings.HasSuffix(filepath.Dir(name), "boot")
}

// truth maps each header to the sources of the units that include it.
type truth struct {
	mu    sync.Mutex
	units map[string]map[string]bool
}

func (t *truth) read(name string) error {
	f, err := elf.Open(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer f.Close()
	info, err := f.DWARF()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for r := info.Reader(); ; {
		unit, err := r.Next()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if unit == nil {
			return nil
		}
		if unit.Tag == dwarf.TagCompileUnit {
			if err := t.add(info, unit); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		r.SkipChildren()
	}
}

// add records the headers of one unit, if it has code and is C.
func (t *truth) add(info *dwarf.Data, unit *dwarf.Entry) error {
	source, _ := unit.Val(dwarf.AttrName).(string)
	ranges, err := info.Ranges(unit)
	if err != nil || len(ranges) == 0 || path.Ext(source) != ".c" {
		return err
	}
	lines, err := info.LineReader(unit)
	if err != nil || lines == nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, file := range lines.Files() {
		if file == nil {
			continue
		}
		if units := t.units[inTree(file.Name)]; units != nil {
			units[inTree(source)] = true
		}
	}
	return nil
}

// builds matches the folder in which Debian builds a kernel.
var builds = regexp.MustCompile(`^(.*/)?debian/build/[^/]*/`)

// inTree returns a path of the debug info relative to the source tree.
func inTree(name string) string {
	return path.Clean(builds.ReplaceAllString(name, ""))
}
