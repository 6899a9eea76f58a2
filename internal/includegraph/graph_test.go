package includegraph

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClosure(t *testing.T) {
	files := map[string]string{
		"k/sched/build.c":        "#include <linux/a.h>\n # include \"rt.c\"\n",
		"k/sched/rt.c":           "#include \"deep.c\"\n",
		"k/sched/deep.c":         "",
		"lib/z/src.c":            "",
		"k/other.c":              "#include <../z/src.c>\n",
		"k/table.h":              "#include \"src.c\" /* elsewhere */\n",
		"k/no.c":                 "// include \"rt.c\"\nint rt; /* rt.c */\n",
		"include/linux/a.h":      "#include <uapi/linux/a.h>\n#include_next <b.h>\n",
		"include/uapi/linux/a.h": "",
		"k/a.h":                  "",
		"k/t.c":                  "#include \"table.h\"\n#if __has_include(\"later.h\")\n#include \"a.h\"\n#endif\n",
		"k/trace.h": "#define TRACE_SYSTEM ev\n#define TRACE_INCLUDE_FILE ../../k/part-ev\n#include " +
			"TRACE_INCLUDE(x)",
		"drivers/acpi/t.c": "#include CONFIG_TABLE\n",
	}
	has := func(file string) bool { _, ok := files[file]; return ok }
	in := Graph{}
	for file, text := range files {
		in.Add(file, Scan([]byte(text)), has)
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	read := Graph{}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]string{
		"k/sched/deep.c":         {"k/sched/build.c", "k/sched/deep.c", "k/sched/rt.c"},
		"lib/z/src.c":            {"k/other.c", "k/t.c", "k/table.h", "lib/z/src.c"},
		"drivers/rt.c":           {"drivers/rt.c"},
		"include/linux/a.h":      {"include/linux/a.h", "k/sched/build.c"},
		"include/uapi/linux/a.h": {"include/linux/a.h", "include/uapi/linux/a.h", "k/sched/build.c"},
		"k/a.h":                  {"k/a.h", "k/t.c"},
		"k/later.h":              {"k/later.h", "k/t.c"},
		"include/b.h":            {"include/b.h", "include/linux/a.h", "k/sched/build.c"},
		"include/ev.h":           {"include/ev.h", "k/trace.h"},
		"k/part-ev.h":            {"k/part-ev.h", "k/trace.h"},
	} {
		want = append(want, "drivers/acpi/t.c")
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(read.Closure(file)))); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

// TestReadDamaged checks that a graph with numbers of nonexistent files is refused.
func TestReadDamaged(t *testing.T) {
	for _, text := range []string{`{"Files":["a"],"By":{"b":[1]}}`, `{"Files":["a"],"By":{"b":[-1]}}`, `{"Files":1}`} {
		if err := json.Unmarshal([]byte(text), &Graph{}); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

// FuzzScan checks that each name that Scan returns is in the text.
func FuzzScan(f *testing.F) {
	f.Add([]byte("#include <a.h>\n/* */ # include_next \"b\"\n#define TRACE_SYSTEM x\n#include M(x)\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, name := range Scan(text) {
			written := strings.TrimSuffix(strings.TrimPrefix(name, "<"), ".h>")
			if name != anything && !strings.Contains(string(text), written) {
				t.Errorf("%q is not in %q", name, text)
			}
		}
	})
}
