package compile

import (
	"context"
	"path/filepath"
	"testing"

	"kintsugi/kbuild"
)

// TestSameCodePair changes constants of an enum that an exported function only passes on. The
// function's code does not change.
func TestSameCodePair(t *testing.T) {
	const (
		header   = "drivers/x/value.h"
		original = "enum mode { NONE, SOME }; int inner(enum mode m);\n"
		source   = "#include <trace/define.h>\nint shown(enum mode m) { return inner(m); }\n"
		export   = `__asm__(".section .export_symbol,\"a\"\n__export_symbol_shown: .asciz \"\"\n.previous");` + "\n"
	)
	for name, c := range map[string]struct {
		source, header string
		types          bool
		pairs          int
	}{
		"another value":               {source + export, "enum mode { SOME, NONE }; int inner(enum mode m);\n", true, 1},
		"a value more":                {source + export, "enum mode { NONE, SOME, ALL }; int inner(enum mode m);\n", true, 0},
		"a unit that exports nothing": {source, "enum mode { SOME, NONE }; int inner(enum mode m);\n", true, 0},
		"a unit without types":        {source + export, "enum mode { SOME, NONE }; int inner(enum mode m);\n", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tree, unit := smallTree(t)
			write(t, filepath.Join(tree.Dir, "fs/a.c"), c.source)
			write(t, filepath.Join(tree.Dir, header), original)
			unit.Types = c.types
			pairs, _, err := (&Compiler{tree}).CompileHeaders(context.Background(), []kbuild.Unit{unit},
				map[string][]byte{header: []byte(c.header)}, t.TempDir())
			if err != nil || len(pairs) != c.pairs {
				t.Fatalf("%d pairs, want %d; %v", len(pairs), c.pairs, err)
			}
			for _, p := range pairs {
				if !p.SameCode || !SameCode(p.Original, p.Patched) {
					t.Error("the code of the pair differs")
				}
			}
		})
	}
}
