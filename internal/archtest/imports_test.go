package archtest

import (
	"slices"
	"testing"
)

// pure are the deterministic packages: bytes in, values out. Their imports of the project must be
// pure too.
var pure = []string{
	"elfdiff", "templates",
	"internal/arch", "internal/baseproof", "internal/consent", "internal/ctext", "internal/debuginfo", "internal/diag",
	"internal/disasm", "internal/elfobj", "internal/extract", "internal/fault", "internal/includegraph",
	"internal/kconfig", "internal/makefile", "internal/objmodel",
	"internal/report", "internal/text",
	// These open files, and nothing else of the machine; see exceptions.
	"internal/kimage", "internal/klp", "internal/patchfile",
}

// environment are the packages that only other packages may import.
var environment = []string{"os", "os/exec", "os/signal", "os/user", "net", "net/http", "path/filepath", "syscall",
	"time", "log", "log/slog",
	"math/rand", "math/rand/v2", "golang.org/x/sys/unix"}

// only lists packages that few may import: which ones, and why. Tools may import all.
var only = map[string]map[string]string{
	"internal/command": {
		"kbuild/query":            "runs make, dry",
		"kbuild/catalog":          "has make go as far as it can",
		"kbuild/compile":          "runs the compiler and objtool",
		"kbuild/module":           "runs make, which runs ld",
		"kbuild/toolerr":          "explains why a command failed",
		"internal/target":         "runs dpkg-deb and tar",
		"internal/target/prepare": "runs make and the compiler",
		"internal/apt":            "runs apt",
		"internal/toolchain":      "runs dpkg-deb and tar",
		"internal/cage":           "makes the command that is run of the one that is wanted",
		"internal/vm":             "runs QEMU",
		"internal/cli":            "shows the output of a command that failed",
	},
	"os/exec": {
		"internal/command":        "is the way to run anything",
		"internal/testenv":        "builds kintsugi for tests, which are all that import it",
		"internal/testobj":        "compiles objects for tests, which are all that import it",
		"internal/cage":           "looks for programs",
		"internal/target/prepare": "looks for tools",
		"internal/vm":             "looks for QEMU; its guest's init starts the probe",
	},
	"builder": {
		"internal/cli": "its verbs build and check",
	},
	"internal/cli":            {".": "is the program"},
	"internal/target/prepare": {"internal/target": "prepares the tree of each target"},
}

// exceptions are the environmental imports that pure packages have anyway.
var exceptions = map[string]map[string]string{
	"internal/kimage": {
		"os":                    "maps the image into memory",
		"golang.org/x/sys/unix": "maps the image into memory",
	},
	"internal/klp":       {"os": "reads the target's Module.symvers"},
	"internal/patchfile": {"os": "opens the source tree as a root that no path leaves"},
}

func TestPureRooms(t *testing.T) {
	files, _ := sources(t)
	for _, s := range files {
		if !slices.Contains(pure, s.pkg) {
			continue
		}
		for _, imported := range s.imports() {
			_, excepted := exceptions[s.pkg][imported]
			if slices.Contains(environment, imported) && !excepted {
				t.Errorf("%s imports %s: %s is deterministic, bytes in and values out", s.path, imported, s.pkg)
			}
			if inProject(files, imported) && !slices.Contains(pure, imported) {
				t.Errorf("%s imports %s, which is not pure as %s is", s.path, imported, s.pkg)
			}
		}
	}
}

// elfdiff has stricter rules: neither elfdiff nor its imports have exceptions.
func TestDifferIsPure(t *testing.T) {
	files, _ := sources(t)
	seen := map[string]bool{}
	var visit func(pkg string)
	visit = func(pkg string) {
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		for _, s := range files {
			if s.pkg != pkg {
				continue
			}
			for _, imported := range s.imports() {
				if slices.Contains(environment, imported) {
					t.Errorf("elfdiff reaches %s through %s", imported, s.path)
				}
				visit(imported)
			}
		}
	}
	visit("elfdiff")
	if !seen["internal/elfobj"] {
		t.Error("elfdiff was not checked")
	}
}

func TestFewImport(t *testing.T) {
	files, _ := sources(t)
	for _, s := range files {
		if s.tool() {
			continue
		}
		for _, imported := range s.imports() {
			allowed, restricted := only[imported]
			if _, ok := allowed[s.pkg]; restricted && !ok {
				t.Errorf("%s imports %s, which only some may (see the table in this test)", s.path, imported)
			}
		}
	}
}

func inProject(files []*source, pkg string) bool {
	return slices.ContainsFunc(files, func(s *source) bool { return s.pkg == pkg })
}
