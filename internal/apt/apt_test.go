package apt

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompareVersions(t *testing.T) {
	ascending := []string{"1.0~rc1-1", "1.0-1~bpo1", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0a-1", "1.0+deb12-1", "1.9-1",
		"1.10-1", "6.1.9-1", "6.1.176-1",
		"6.1.192-1", "6.1.192-2", "6.12.117-1~deb12u1", "6.12.117-1", "1:0.1-1"}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := CompareVersions(a, b); got != want {
				t.Errorf("CompareVersions(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestParseURIs(t *testing.T) {
	data, err := os.ReadFile("testdata/print-uris.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseURIs(string(data))
	want := []Package{
		{"linux-source-6.1", "6.1.192-2", "linux-source-6.1_6.1.192-2_all.deb", 139331676,
			"ae95fe63d4c553f8d0e6c86cb1ab566f3894a43743eb19ab585cd97d82f26514"},
		{"linux-image-6.12.117+deb12-amd64", "6.12.117-1~deb12u1",
			"linux-image-6.12.117+deb12-amd64_6.12.117-1~deb12u1_amd64.deb", 107179464,
			"803d36a7cda13355ae8152122470288b2636f19f1cb58162dd9d8b408af9b1b4"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, bad := range []string{
		"'http://x/a_1_all.deb' ../a_1_all.deb 1 SHA256:00", "'http://x/a_1_all.deb' a_1_all.deb x SHA256:00",
		"'http://x/a_1_all.deb' a_1_all.deb 1 MD5Sum:00",
	} {
		if _, err := parseURIs(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestStatus(t *testing.T) {
	var got []int64
	s := &status{total: 1000, progress: func(_ string, done, total int64) { got = append(got, done, total) }}
	for _, piece := range []string{"dlstatus:1:0.0000:Retr", "ieving file 1 of 2\nGet:1 http://x\ndlstatus:2:50.5:x\n",
		"dlstatus:bad\n"} {
		if _, err := s.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int64{0, 1000, 505, 1000}; !slices.Equal(got, want) {
		t.Errorf("progress %v, want %v", got, want)
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestHostMirror(t *testing.T) {
	public := mirror{"http://deb.debian.org/debian", "http://deb.debian.org/debian-security"}
	const bookworm = "ID=debian\nVERSION_CODENAME=bookworm\n"
	for _, c := range []struct {
		name, release, list, deb822 string
		want                        mirror
	}{
		{"one-line", bookworm, "# deb http://old/debian bookworm main\ndeb [arch=amd64] http://near/debian/ bookworm main\n" +
			"deb http://near/security bookworm-security main\ndeb-src http://src/debian bookworm main\n", "",
			mirror{"http://near/debian", "http://near/security"}},
		{"deb822", bookworm, "", "Types: deb deb-src\n# a comment\nURIs: http://near/debian\nSuites: bookworm " +
			"bookworm-updates\nComponents: main\n\n" +
			"Types: deb\nURIs: http://near/security\nSuites: bookworm-security\n",
			mirror{"http://near/debian", "http://near/security"}},
		{"disabled", bookworm, "", "Enabled: no\nTypes: deb\nURIs: http://near/debian\nSuites: bookworm\n", public},
		{"other suites", bookworm, "deb http://vendor/apt stable main\n", "", public},
		{"quoted", bookworm, "deb http://near/\"x bookworm main\n", "", public},
		{"other distribution", "ID=ubuntu\nVERSION_CODENAME=noble\n", "deb http://near/ubuntu noble main\n", "", public},
		{"none", "", "", "", public},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "etc/os-release", c.release)
			write(t, root, "etc/apt/sources.list", c.list)
			write(t, root, "etc/apt/sources.list.d/debian.sources", c.deb822)
			if got := hostMirror(root); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

// Only a suite whose signatures may be old is taken without their date.
func TestSources(t *testing.T) {
	if _, err := os.Stat(keyring); err != nil {
		t.Skip("debian-archive-keyring is not installed")
	}
	m := mirror{"http://near/debian", "http://near/security"}
	for _, s := range suites {
		text, err := s.sources(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
			if !strings.Contains(line, "signed-by="+keyring) || strings.Contains(line, "check-valid-until=no") == s.Expires {
				t.Errorf("%s: %q", s.Name, line)
			}
		}
		if got := strings.Contains(text, "http://near/security"); got != (s.Security != "") {
			t.Errorf("%s: security archive: %v", s.Name, got)
		}
	}
}
