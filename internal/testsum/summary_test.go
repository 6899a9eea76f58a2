package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pkg = `"Package":"p"`

func TestSummary(t *testing.T) {
	tests := []struct {
		name, events, want string
		ok                 bool
	}{
		{"pass", `{"Action":"run",` + pkg + `,"Test":"A"}
{"Action":"output",` + pkg + `,"Test":"A","Output":"chatter\n"}
{"Action":"pass",` + pkg + `,"Test":"A"}
{"Action":"output",` + pkg + `,"Output":"PASS\n"}
{"Action":"output",` + pkg + `,"Output":"ok  \tp\t0.1s\n"}
{"Action":"pass",` + pkg + `}`, "ok  \tp\t0.1s\n1 passed, 0 failed\n", true},

		{"fail", `{"Action":"output",` + pkg + `,"Test":"A","Output":"x.go:1: wrong\n"}
{"Action":"fail",` + pkg + `,"Test":"A"}
{"Action":"pass",` + pkg + `,"Test":"B"}
{"Action":"output",` + pkg + `,"Output":"FAIL\tp\n"}
{"Action":"fail",` + pkg + `}`, "x.go:1: wrong\nFAIL\tp\n1 passed, 1 failed\n", false},

		{"allowed skip", `{"Action":"skip",` + pkg + `,"Test":"Allowed/one"}
{"Action":"pass",` + pkg + `,"Test":"A"}
{"Action":"output","Package":"empty","Output":"?   \tempty\t[no test files]\n"}
{"Action":"skip","Package":"empty"}`, "1 passed, 0 failed, 1 skipped\n", true},

		{"silent skip", `{"Action":"output",` + pkg + `,"Test":"S","Output":"x.go:1: no gcc\n"}
{"Action":"skip",` + pkg + `,"Test":"S"}
{"Action":"pass",` + pkg + `,"Test":"A"}`, "x.go:1: no gcc\nFAIL: p S was skipped\n1 passed, 1 failed\n", false},

		{"build failure", `{"ImportPath":"p","Action":"build-output","Output":"x.go:1: syntax error\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"pass","Package":"q","Test":"A"}
{"Action":"fail",` + pkg + `,"FailedBuild":"p"}`, "x.go:1: syntax error\n1 passed, 1 failed\n", false},

		{"died", `{"Action":"pass",` + pkg + `,"Test":"A"}
{"Action":"output",` + pkg + `,"Test":"B","Output":"panic: oh\n"}
{"Action":"fail",` + pkg + `}`, "panic: oh\n1 passed, 1 failed\n", false},

		{"fuzz", `{"Action":"output",` + pkg + `,"Test":"FuzzA","Output":"fuzz: elapsed: 3s, execs: 10\n"}
{"Action":"output",` + pkg + `,"Test":"FuzzA","Output":"fuzz: elapsed: 6s, execs: 20\n"}
{"Action":"pass",` + pkg + `,"Test":"FuzzA"}`, "FuzzA: fuzz: elapsed: 6s, execs: 20\n1 passed, 0 failed\n", true},

		{"nothing", "", "FAIL: no test was run\n0 passed, 1 failed\n", false},
		{"not JSON", "go: trouble\n", "go: trouble\nFAIL: no test was run\n0 passed, 1 failed\n", false},
	}
	list := filepath.Join(t.TempDir(), "allowed")
	if err := os.WriteFile(list, []byte("# comment\n\np Allowed/one  there is no such tool\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := run([]string{list}, strings.NewReader(test.events), &out)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" || ok != test.ok {
				t.Errorf("ok %v (-want +got):\n%s", ok, diff)
			}
		})
	}
}

// Without a list every test may be skipped, but not all of them.
func TestWithoutList(t *testing.T) {
	const skip, pass = `{"Action":"skip",` + pkg + `,"Test":"S"}` + "\n", `{"Action":"pass",` + pkg + `,"Test":"A"}` + "\n"
	for events, want := range map[string]string{
		skip + pass: "1 passed, 0 failed, 1 skipped\n",
		skip:        "FAIL: no test was run\n0 passed, 1 failed, 1 skipped\n",
	} {
		var out strings.Builder
		ok, err := run(nil, strings.NewReader(events), &out)
		if err != nil || out.String() != want || ok != (events != skip) {
			t.Errorf("%v, %v:\n%s", ok, err, out.String())
		}
	}
}

func TestAllowedNeedsReason(t *testing.T) {
	if _, err := readAllowed(strings.NewReader("p Test\n")); err == nil {
		t.Error("a line without a reason is accepted")
	}
}
