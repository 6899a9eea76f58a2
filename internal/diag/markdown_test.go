package diag

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:generate go test -run TestDocument -update

var update = flag.Bool("update", false, "write docs/diagnostics.md")

const document = "../../docs/diagnostics.md"

func TestDocument(t *testing.T) {
	want := Markdown()
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("docs/diagnostics.md is not what the table says (go generate ./internal/diag):\n%s", d)
	}
}
