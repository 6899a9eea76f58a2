package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/diag"
)

var update = flag.Bool("update", false, "write the golden files")

// built returns a report in which everything occurs.
func built() *Report {
	r := New("v1")
	r.Verdict = OK
	r.Target = &Target{Name: "6.1.0-56-amd64", Release: "6.1.0-56-amd64", Arch: "x86_64",
		Compiler: "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"}
	r.Patches = []Patch{{Path: "fix.patch", SHA256: "00", Files: []string{"fs/proc/meminfo.c"}}}
	r.Units = []Unit{
		{Source: "fs/proc/meminfo.c", Object: "fs/proc/meminfo.o", Owner: "vmlinux", Proof: &Proof{Functions: 4, Proven: 3,
			Unproven: []Unproven{{Name: "arch_report_meminfo",
				Reason: "the image has other code under this name: overridden weak symbol"}}}},
		{Source: "net/ipv4/tcp_input.c", Object: "net/ipv4/tcp_input.o", Owner: "vmlinux",
			Proof: &Proof{Functions: 120, Proven: 120}},
	}
	r.Functions = []Function{
		{Name: "meminfo_proc_show", Object: "vmlinux", Unit: "fs/proc/meminfo.c", Status: "changed", OldSize: 1834,
			NewSize: 1850, Cause: []Cause{
				{Kind: "inline", Symbol: "show_val_kb", Source: "fs/proc/meminfo.c:34", Detail: "instruction at +0x14 changed"},
				{Kind: "string", Symbol: "meminfo_proc_show", Detail: `reference at +0x8 changed from "MemTotal" to "Memory"`}}},
		{Name: "tcp_helper", Object: "vmlinux", Unit: "net/ipv4/tcp_input.c", Status: "new", NewSize: 64, Cause: []Cause{
			{Kind: "callee", Symbol: "tcp_ack", Detail: "called by"}}},
		{Name: "user_read", Object: "vmlinux", Unit: "net/ipv4/tcp_input.c", Status: "changed", SymPos: 2, OldSize: 9,
			NewSize: 10},
	}
	r.Data = []Data{{Name: "counter", Object: "vmlinux", Unit: "fs/proc/meminfo.c", Status: "new"}}
	r.References = []Reference{
		{Symbol: "a", Object: "vmlinux", Kind: "export", How: "name"},
		{Symbol: "b", Object: "vmlinux", Kind: "klp", How: "proof"},
		{Symbol: "c", Object: "vmlinux", Kind: "klp", How: "proof"},
	}
	r.Diagnostics = []Diagnostic{{Code: "static-key", Severity: diag.Warning, Object: "vmlinux", Symbol: "tcp_ack",
		Message: "a tracepoint is dropped"}}
	r.Module = &Module{Path: "livepatch-fix.ko", Name: "livepatch_fix"}
	r.Timings = map[string]int64{"compile": 1234, "parse": 2}
	r.Test = &Test{OK: true, Phases: []TestPhase{{Name: "before", Output: "MemTotal:\t1\n"},
		{Name: "after", Output: "Memory: 1\n\nMore\n"}, {Name: "reverted"}}}
	return r
}

// refused returns a report of a refused patch. Its names contain control characters.
func refused() *Report {
	r := New("v1")
	r.Verdict = Refused
	r.Target = &Target{Release: "6.1.0-56-amd64"}
	r.Functions = []Function{{Name: "evil\x1b[2J\nok: all is well", Object: "vmlinux", Unit: "a.c", Status: "changed",
		OldSize: 1, NewSize: 2}}
	r.Diagnostics = []Diagnostic{
		{Code: "data-changed", Severity: diag.Error, Object: "vmlinux", Symbol: "table", Source: "fs/a.c:7",
			Message: "table changed its contents\nand is writable", Hint: "initialise it at load time"},
		{Code: "build-file", Severity: diag.Error, Source: "fs/Makefile", Message: "a build file changed"},
		{Code: "not-proven", Severity: diag.Note, Message: "nowhere"},
	}
	return r
}

func nothing() *Report {
	r := New("v1")
	r.Verdict = Nothing
	r.Units = []Unit{{Source: "a.c", Owner: "vmlinux", Proof: &Proof{Functions: 1, Proven: 1}}}
	return r
}

func TestText(t *testing.T) {
	failed := built()
	failed.Verdict, failed.Test = Failed,
		&Test{Reason: "probe after: exit status 1", Phases: []TestPhase{{Name: "after", Output: "no\x1b[31m", Status: 1}}}
	for name, r := range map[string]*Report{
		"built": built(), "refused": refused(), "nothing": nothing(), "test-failed": failed, "test-unproven": unproven(),
	} {
		var b strings.Builder
		r.WriteText(&b, TextOptions{Timings: name == "built"})
		golden(t, name, b.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", path, diff)
	}
}
