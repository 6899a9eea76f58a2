package patchinput

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"kintsugi/internal/fault"
	"kintsugi/internal/patchfile"
)

func patch(n string) string {
	return "fix " + n + "\n\n--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+" + n + "\n"
}

const cover = "From 1234 Mon Sep 17 00:00:00 2001\nSubject: [PATCH v2 00/12] *** SUBJECT HERE ***\n\n" +
	"Blurb about --- a thing\n\n x.c | 2 +-\n 1 file changed\n\n-- \n2.39.5\n"

// folder writes files below a new folder and returns it.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
		t.Fatal("gzip")
	}
	return b.String()
}

func zstded(t *testing.T, text string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

func xzed(t *testing.T, text string) string {
	t.Helper()
	cmd := exec.Command("xz", "-c")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Skip("no xz")
	}
	return string(out)
}

func TestRead(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.patch": patch("a"), "b.diff": patch("b"), "note.txt": "no patch", "c.patch.gz": gzipped(t, patch("c")),
		"mails/0000-cover-letter.patch": cover, "mails/0002-two.patch": patch("2"), "mails/0001-one.patch": patch("1"),
		"quilt/series":       "# all\nlater.patch -p1 # why\n\n  sub/first.patch\n",
		"quilt/unused.patch": patch("unused"), "quilt/later.patch": patch("later"), "quilt/sub/first.patch": patch("first"),
		"z": zstded(t, patch("z")),
	})
	for _, c := range []struct {
		name  string
		args  []string
		names []string
	}{
		{"file", []string{"a.patch"}, []string{"a.patch"}},
		{"file of any name", []string{"z"}, []string{"z"}},
		{"stdin among files", []string{"b.diff", "-"}, []string{"b.diff", "stdin"}},
		{"folder", []string{"."}, []string{"a.patch", "b.diff", "c.patch.gz"}},
		{"mails", []string{"mails"}, []string{"0001-one.patch", "0002-two.patch"}},
		{"mails one by one", []string{"mails/0000-cover-letter.patch", "mails/0001-one.patch"}, []string{"0001-one.patch"}},
		{"quilt folder", []string{"quilt"}, []string{"later.patch", "first.patch"}},
		{"series", []string{"quilt/series", "a.patch"}, []string{"later.patch", "first.patch", "a.patch"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(dir)
			files, err := Read(c.args, strings.NewReader(patch("stdin")))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range files {
				names = append(names, f.Name)
				if !strings.HasPrefix(string(f.Data), "fix ") {
					t.Errorf("%s: %.40q", f.Name, f.Data)
				}
			}
			if diff := cmp.Diff(c.names, names); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadXZ(t *testing.T) {
	dir := folder(t, map[string]string{"x.patch.xz": xzed(t, patch("x"))})
	files, err := Read([]string{dir}, nil)
	if err != nil || len(files) != 1 || string(files[0].Data) != patch("x") {
		t.Errorf("%v, %v", files, err)
	}
}

func TestReadRefuses(t *testing.T) {
	outside := folder(t, map[string]string{"secret.patch": patch("secret")})
	dir := folder(t, map[string]string{
		"empty/readme": "", "escape/series": "../" + filepath.Base(outside) + "/secret.patch\n",
		"absolute/series": outside + "/secret.patch\n", "levels/series": "a.patch -p0\n", "levels/a.patch": patch("a"),
		"missing/series": "gone.patch\n", "none/series": "# nothing yet\n", "link/x": "", "cover.patch": cover,
		"cut.patch.gz": gzipped(t, patch("cut"))[:20],
	})
	if err := os.Symlink(outside+"/secret.patch", dir+"/link/a.patch"); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{
		"gone.patch":   "gone.patch: no such file",
		"empty":        "no patch in this folder",
		"escape":       "escapes",
		"absolute":     "escapes",
		"link":         "escapes",
		"levels":       "a.patch: option -p0",
		"missing":      "gone.patch: no such file",
		"none":         "the series lists no patch",
		"cover.patch":  "only a cover letter, and no patch",
		"cut.patch.gz": "unexpected EOF",
		"/dev/zero":    "not a file",
	} {
		t.Run(arg, func(t *testing.T) {
			t.Chdir(dir)
			files, err := Read([]string{arg}, nil)
			if err == nil || !strings.Contains(err.Error(), want) || fault.ClassOf(err) != fault.Input {
				t.Errorf("%v, %v (class %v), want %q", files, err, fault.ClassOf(err), want)
			}
		})
	}
}

func TestPackedBomb(t *testing.T) {
	dir := folder(t, map[string]string{"bomb.patch.zst": zstded(t, strings.Repeat("a", patchfile.MaxSize+1))})
	_, err := Read([]string{dir}, nil)
	if err == nil || !strings.Contains(err.Error(), "more than 64 MiB") {
		t.Error(err)
	}
}

func FuzzParseSeries(f *testing.F) {
	f.Add("a.patch -p1\n# b\n")
	f.Fuzz(func(t *testing.T, text string) {
		names, err := parseSeries(text)
		for _, name := range names {
			if err == nil && (name == "" || strings.ContainsAny(name, " \n") || name[0] == '#') {
				t.Errorf("%q", name)
			}
		}
	})
}
