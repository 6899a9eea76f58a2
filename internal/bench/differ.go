package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/kofile"
	"kintsugi/internal/patchfile"
	"kintsugi/kbuild"
	"kintsugi/kbuild/compile"
)

// modules are the largest modules of a distribution's kernel.
var modules = []string{"amdgpu", "nouveau", "xfs", "btrfs"}

func (b *bench) differ(ctx context.Context) error {
	fmt.Printf("\ndiffer, in process: read and compare two objects, %d rounds, load average %s\n", b.rounds, load())
	fmt.Println("  ms: median, smallest, largest")
	fmt.Printf("  %-30s %8s %10s  %22s %9s %9s %9s\n", "", "MB", "relocs", "ms", "processor", "ns/reloc", "objects/s")
	for _, name := range modules {
		data, err := b.module(name)
		if err != nil {
			return err
		}
		r, err := b.compare(name+".ko and itself", data, data)
		if err != nil {
			return err
		}
		if !r.Empty() || r.Refused() {
			fmt.Printf("  WRONG: %s.ko differs from itself\n", name)
		}
	}
	fmt.Printf("  (to reach: any module below 300 ms)\n")
	for _, e := range edits {
		original, patched, err := b.pair(ctx, e)
		if err != nil {
			return err
		}
		r, err := b.compare(e.file, original, patched)
		if err != nil {
			return err
		}
		if r.Empty() || r.Refused() {
			fmt.Printf("  WRONG: the change of %s was not found\n", e.file)
		}
	}
	fmt.Printf("  (to reach: a typical pair below 10 ms)\n")
	return nil
}

// compare measures the differ on one pair and prints a line. It counts the relocations of both
// objects.
func (b *bench) compare(name string, original, patched []byte) (*elfdiff.Result, error) {
	var times, processor samples
	var r *elfdiff.Result
	for range b.rounds + 1 { // the first one warms up
		begin, used := time.Now(), processorTime()
		var err error
		if r, err = diff(original, patched); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		times.add(time.Since(begin))
		processor.add(processorTime() - used)
	}
	times, processor = times[1:], processor[1:]
	relocs := relocations(r.Orig.File) + relocations(r.Patched.File)
	ms := times.median()
	fmt.Printf("  %-30s %8.1f %10d  %s %9.1f %9.0f %9.1f\n", name, float64(len(original)+len(patched))/1e6, relocs,
		times.format("%6.1f"), processor.median(), ms*1e6/float64(relocs), 2000/ms)
	return r, nil
}

func diff(original, patched []byte) (*elfdiff.Result, error) {
	a, err := elfobj.Read(original)
	if err != nil {
		return nil, err
	}
	b, err := elfobj.Read(patched)
	if err != nil {
		return nil, err
	}
	return elfdiff.Diff(a, b)
}

func relocations(f *elfobj.File) int {
	n := 0
	for _, s := range f.Sections {
		n += len(s.Relocs)
	}
	return n
}

// pair compiles the two objects of an edit like a build.
func (b *bench) pair(ctx context.Context, e edit) (original, patched []byte, err error) {
	text, _, err := e.patch(b.target.Source)
	if err != nil {
		return nil, nil, err
	}
	p, err := patchfile.Parse("bench.patch", text)
	if err != nil {
		return nil, nil, err
	}
	changes, err := patchfile.Apply(os.DirFS(b.target.Source), []*patchfile.Patch{p}, patchfile.Options{})
	if err != nil {
		return nil, nil, err
	}
	unit, err := b.unit(ctx, e.file)
	if err != nil {
		return nil, nil, err
	}
	overlay := map[string][]byte{e.file: changes.Changes[0].Pinned}
	work, err := os.MkdirTemp(b.work, "pair-")
	if err != nil {
		return nil, nil, err
	}
	pairs, err := (&compile.Compiler{Tree: b.tree}).Compile(ctx, []kbuild.Unit{unit}, overlay, work)
	if err != nil {
		return nil, nil, err
	}
	return pairs[0].Original, pairs[0].Patched, nil
}

// module reads an unpacked module of the target.
func (b *bench) module(name string) ([]byte, error) {
	found := ""
	err := filepath.WalkDir(filepath.Join(b.target.Modules, "kernel"), func(path string, _ fs.DirEntry, err error) error {
		if kofile.Is(path) && kofile.Name(path) == name {
			found = path
			return fs.SkipAll
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if found == "" {
		return nil, fmt.Errorf("the target has no module %s", name)
	}
	return kofile.Read(found)
}
