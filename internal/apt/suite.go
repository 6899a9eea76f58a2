package apt

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/fault"
)

// Suite is a suite of Debian with kernels for targets.
type Suite struct {
	Name    string
	Base    string   // the suite that it extends, with the compiler of its kernels; empty for none
	Updates []string // further suites on the mirror, trixie-updates
	// Security is the suite of the security archive, empty for none.
	Security string
	// Expires is false if the archive lets signatures expire without a new one; an
	// expired signature is then accepted.
	Expires bool
	// Sources adds the lists of source packages.
	Sources bool
}

// WithSources is the suite with the lists of source packages, which are large and rarely
// needed.
func (s Suite) WithSources() Suite {
	s.Sources = true
	return s
}

// Folder names the folder of the suite's client. The lists with source packages have one of
// their own.
func (s Suite) Folder() string {
	if s.Sources {
		return s.Name + "-source"
	}
	return s.Name
}

// suites are in the order in which kernels are searched.
var suites = []Suite{
	{Name: "bookworm", Updates: []string{"bookworm-updates"}, Security: "bookworm-security", Expires: true},
	{Name: "trixie", Updates: []string{"trixie-updates"}, Security: "trixie-security", Expires: true},
	{Name: "bullseye", Security: "bullseye-security", Expires: true},
	{Name: "trixie-backports", Base: "trixie", Expires: true},
	{Name: "forky"},
	{Name: "sid"},
}

// FindSuite returns the suite of a name.
func FindSuite(name string) (Suite, bool) {
	for _, s := range suites {
		if s.Name == name {
			return s, true
		}
	}
	return Suite{}, false
}

// Suites returns all suites: first that of this machine's Debian, if it is one, then
// the others.
func Suites() []Suite {
	release := osRelease("/")
	i := slices.IndexFunc(suites, func(s Suite) bool {
		return release["ID"] == "debian" &&
			s.Name == release["VERSION_CODENAME"]
	})
	if i < 0 {
		return slices.Clone(suites)
	}
	return append([]Suite{suites[i]}, slices.Delete(slices.Clone(suites), i, i+1)...)
}

// keyring is the keyring of debian-archive-keyring.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// mirror is the address of Debian's archive.
type mirror struct{ main, security string }

// sources is the suite's sources.list(5).
func (s Suite) sources(m mirror) (string, error) {
	if _, err := os.Stat(keyring); err != nil {
		return "", fault.Environmentf("keys of Debian's archive: %w", err).Hint("apt-get install debian-archive-keyring")
	}
	options := "signed-by=" + keyring
	if !s.Expires {
		options += " check-valid-until=no"
	}
	kinds := []string{"deb"}
	if s.Sources {
		kinds = append(kinds, "deb-src")
	}
	var text strings.Builder
	for _, kind := range kinds {
		for _, name := range append([]string{s.Name}, s.Updates...) {
			fmt.Fprintf(&text, "%s [%s] %s %s main\n", kind, options, m.main, name)
		}
		if s.Security != "" {
			fmt.Fprintf(&text, "%s [%s] %s %s main\n", kind, options, m.security, s.Security)
		}
	}
	return text.String(), nil
}

// hostMirror is the mirror of the machine at root if it is a Debian, else Debian's
// public mirror.
func hostMirror(root string) mirror {
	m := mirror{"http://deb.debian.org/debian", "http://deb.debian.org/debian-security"}
	release := osRelease(root)
	codename := release["VERSION_CODENAME"]
	if release["ID"] != "debian" || codename == "" {
		return m
	}
	for _, s := range hostSources(root) {
		switch {
		case slices.Contains(s.suites, codename):
			m.main = s.uri
		case slices.Contains(s.suites, codename+"-security"):
			m.security = s.uri
		}
	}
	return m
}

// source is an entry of a machine's apt sources.
type source struct {
	uri    string
	suites []string
}

// hostSources reads both forms of apt's sources (sources.list(5)).
func hostSources(root string) []source {
	var all []source
	etc := filepath.Join(root, "etc/apt")
	lists, _ := filepath.Glob(filepath.Join(etc, "sources.list.d/*.list")) // the pattern is well formed
	for _, file := range append([]string{filepath.Join(etc, "sources.list")}, lists...) {
		text, _ := os.ReadFile(file) // a missing or unreadable file has no sources
		for _, line := range strings.Split(string(text), "\n") {
			if s, ok := oneLine(line); ok {
				all = append(all, s)
			}
		}
	}
	files, _ := filepath.Glob(filepath.Join(etc, "sources.list.d/*.sources"))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, r := range ParseRecords(withoutComments(string(text))) {
			uris := strings.Fields(r["URIs"])
			if slices.Contains(strings.Fields(r["Types"]), "deb") && r["Enabled"] != "no" && len(uris) > 0 {
				all = append(all, source{plainURI(uris[0]), strings.Fields(r["Suites"])})
			}
		}
	}
	return slices.DeleteFunc(all, func(s source) bool { return s.uri == "" })
}

// oneLine reads a line "deb [options] URI SUITE COMPONENT...".
func oneLine(line string) (source, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
	if !ok {
		return source{}, false
	}
	if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "[") {
		_, rest, _ = strings.Cut(rest, "]")
	}
	words := strings.Fields(rest)
	if len(words) < 2 {
		return source{}, false
	}
	return source{plainURI(words[0]), words[1:2]}, true
}

// plainURI is uri if it can be written into a sources.list, else empty.
func plainURI(uri string) string {
	if strings.ContainsAny(uri, " \t\"'[]") || !strings.Contains(uri, ":") {
		return ""
	}
	return strings.TrimSuffix(uri, "/")
}

func withoutComments(text string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return strings.HasPrefix(l, "#") })
	return strings.Join(lines, "\n")
}

// osRelease reads /etc/os-release (os-release(5)). It is empty if there is none.
func osRelease(root string) map[string]string {
	values := map[string]string{}
	text, _ := os.ReadFile(filepath.Join(root, "etc/os-release"))
	for _, line := range strings.Split(string(text), "\n") {
		if name, value, ok := strings.Cut(line, "="); ok {
			values[name] = strings.Trim(value, `"'`)
		}
	}
	return values
}
