package disasm

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"kintsugi/elfdiff"
	"kintsugi/internal/debuginfo"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/objmodel"
)

var update = flag.Bool("update", false, "write what is printed into testdata")

// TestGolden compares the functions of two assembly files. C would give other code with each
// version of the compiler.
func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			for _, f := range archive.Files {
				files[f.Name] = f.Data
			}
			result := diffAssembly(t, files["old.s"], files["new.s"])
			unified, wide := printed(t, result)
			if *update {
				archive.Files = append(archive.Files[:2], txtar.File{Name: "unified", Data: unified},
					txtar.File{Name: "130 columns", Data: wide})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(files["unified"]), string(unified)); d != "" {
				t.Error("unified (-want +got):\n" + d)
			}
			if d := cmp.Diff(string(files["130 columns"]), string(wide)); d != "" {
				t.Error("side by side (-want +got):\n" + d)
			}
		})
	}
}

// printed returns every function of the patched object beside its original, in both forms.
func printed(t *testing.T, r *elfdiff.Result) (unified, wide []byte) {
	var a, b bytes.Buffer
	for _, f := range r.Patched.Functions() {
		rows := compareAtom(t, r, f)
		Unified(&a, rows)
		SideBySide(&b, rows, 130)
	}
	return a.Bytes(), b.Bytes()
}

func compareAtom(t *testing.T, r *elfdiff.Result, f *objmodel.Atom) []Row {
	t.Helper()
	if r.Pairs.Twin(f) == nil {
		t.Fatalf("%s is new", f)
	}
	twin := r.Pairs.Twin
	return Compare(Function(r.Orig, twin(f), lineTable(t, r.Orig), twin),
		Function(r.Patched, f, lineTable(t, r.Patched), twin))
}

func lineTable(t *testing.T, o *objmodel.Object) *debuginfo.Lines {
	t.Helper()
	lines, err := debuginfo.ReadLines(o.File)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func diffAssembly(t *testing.T, old, new []byte) *elfdiff.Result {
	t.Helper()
	r, err := elfdiff.Diff(assemble(t, old), assemble(t, new))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// assemble runs gas. The folder has a fixed name, because debug info contains it.
func assemble(t *testing.T, source []byte) *elfobj.File {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.s"), source, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("as", "--debug-prefix-map", dir+"=/src", "-o", "a.o", "a.s")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("as: %v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "a.o"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := elfobj.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
