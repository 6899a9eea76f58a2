package target

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/fault"
)

func records(t *testing.T, name string) []record {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return parseRecords(string(data))
}

func TestOffers(t *testing.T) {
	var got []string
	for _, k := range offers(records(t, "apt-show.txt")) {
		line := k.Release + " " + k.Version + " " + k.Series
		if !k.HasSource {
			line += " no source"
		}
		got = append(got, line)
	}
	want := []string{
		"6.12.117+deb12-amd64 6.12.117-1~deb12u1 6.12",
		"6.12.115+deb12-amd64 6.12.115-2~deb12u1 6.12",
		"6.12.101+deb12-amd64 6.12.101-1~deb12u1 6.12 no source",
		"6.1.0-56-amd64 6.1.192-2 6.1",
		"6.1.0-55-amd64 6.1.192-1 6.1",
		"6.1.0-53-amd64 6.1.187-1 6.1",
		"6.1.0-50-amd64 6.1.176-1 6.1",
		"6.1.0-48-amd64 6.1.172-1 6.1 no source",
		"6.1.0-47-amd64 6.1.170-3 6.1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestChoose(t *testing.T) {
	kernels := offers(records(t, "apt-show.txt"))
	series, err := defaultSeries(records(t, "apt-show-meta.txt"))
	if err != nil || series != "6.1" {
		t.Fatalf("default series %q, %v", series, err)
	}
	for want, release := range map[string]string{
		"":                     "6.1.0-56-amd64",
		"6.1":                  "6.1.0-56-amd64",
		"6.12":                 "6.12.117+deb12-amd64",
		"6.1.0-50":             "6.1.0-50-amd64",
		"6.1.0-55-amd64":       "6.1.0-55-amd64",
		"6.12.115+deb12":       "6.12.115+deb12-amd64",
		"6.12.117+deb12-amd64": "6.12.117+deb12-amd64",
		"6.1.176-1":            "6.1.0-50-amd64",
		"6.1.192":              "6.1.0-56-amd64",
		"6.1.192-1":            "6.1.0-55-amd64",
		"6.12.117-1~deb12u1":   "6.12.117+deb12-amd64",
	} {
		k, err := choose(kernels, series, want)
		if err != nil || k.Release != release {
			t.Errorf("choose(%q) = %s, %v; want %s", want, k.Release, err, release)
		}
	}
	for want, text := range map[string]string{
		"6.1.0-48":          "no longer offered",
		"6.1.0-56-rt-amd64": "no kernel",
		"6.1.0-5":           "no kernel",
		"5.10":              "no kernel",
		"amd64":             "no kernel",
	} {
		_, err := choose(kernels, series, want)
		if fault.ClassOf(err) != fault.Input || !strings.Contains(err.Error(), text) {
			t.Errorf("choose(%q): %v, want %q of class input", want, err, text)
		}
		if hints := fault.Hints(err); len(hints) != 1 || !strings.Contains(hints[0], "6.1.0-56-amd64") || strings.Contains(hints[0], "6.1.0-48") {
			t.Errorf("choose(%q): hints %q should list what can be had", want, hints)
		}
	}
}

// The newest on offer is taken even where the meta package lags behind.
func TestChooseBeyondMetaPackage(t *testing.T) {
	series, err := defaultSeries([]record{{"Package": "linux-image-amd64", "Depends": "linux-image-6.1.0-47-amd64 (= 6.1.170-3)"}})
	if err != nil {
		t.Fatal(err)
	}
	if k, err := choose(offers(records(t, "apt-show.txt")), series, ""); err != nil || k.Release != "6.1.0-56-amd64" {
		t.Errorf("got %s, %v", k.Release, err)
	}
}

func TestNotDebian(t *testing.T) {
	if _, err := defaultSeries(nil); fault.ClassOf(err) != fault.Environment {
		t.Errorf("defaultSeries(nil): %v", err)
	}
	if _, err := choose(nil, "6.1", ""); err == nil {
		t.Error("chose a kernel from none")
	}
}

func TestPackageNames(t *testing.T) {
	kernels := offers(records(t, "apt-show.txt"))
	for _, c := range []struct {
		want, headers, cc string
		packages          []string
	}{
		{"6.1.0-56", "apt-show-headers-6.1.txt", "gcc-12", []string{
			"linux-image-6.1.0-56-amd64=6.1.192-2", "linux-source-6.1=6.1.192-2", "linux-headers-6.1.0-56-amd64=6.1.192-2",
			"linux-headers-6.1.0-56-common=6.1.192-2", "linux-kbuild-6.1"}},
		{"6.12", "apt-show-headers-6.12.txt", "gcc-12", []string{
			"linux-image-6.12.117+deb12-amd64=6.12.117-1~deb12u1", "linux-source-6.12=6.12.117-1~deb12u1",
			"linux-headers-6.12.117+deb12-amd64=6.12.117-1~deb12u1", "linux-headers-6.12.117+deb12-common=6.12.117-1~deb12u1",
			"linux-kbuild-6.12.117+deb12"}},
	} {
		k, err := choose(kernels, "", c.want)
		if err != nil {
			t.Fatal(err)
		}
		headers := records(t, c.headers)[0]
		packages, err := k.packageNames(headers)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.packages, packages); diff != "" {
			t.Error(diff)
		}
		if cc := debianCC(headers); cc != c.cc {
			t.Errorf("%s: compiler %q, want %q", c.want, cc, c.cc)
		}
	}
	if _, err := (kernel{}).packageNames(record{"Depends": "gcc-12"}); err == nil {
		t.Error("headers without common headers were taken")
	}
}

func TestCompareVersions(t *testing.T) {
	ascending := []string{"1.0~rc1-1", "1.0-1~bpo1", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0a-1", "1.0+deb12-1", "1.9-1", "1.10-1", "6.1.9-1", "6.1.176-1",
		"6.1.192-1", "6.1.192-2", "6.12.117-1~deb12u1", "6.12.117-1", "1:0.1-1"}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := compareVersions(a, b); got != want {
				t.Errorf("compareVersions(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestParseURIs(t *testing.T) {
	data, err := os.ReadFile("testdata/apt-print-uris.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseURIs(string(data))
	want := []Package{
		{"linux-source-6.1", "6.1.192-2", "linux-source-6.1_6.1.192-2_all.deb", 139331676,
			"ae95fe63d4c553f8d0e6c86cb1ab566f3894a43743eb19ab585cd97d82f26514"},
		{"linux-image-6.12.117+deb12-amd64", "6.12.117-1~deb12u1", "linux-image-6.12.117+deb12-amd64_6.12.117-1~deb12u1_amd64.deb", 107179464,
			"803d36a7cda13355ae8152122470288b2636f19f1cb58162dd9d8b408af9b1b4"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, bad := range []string{
		"'http://x/a_1_all.deb' ../a_1_all.deb 1 SHA256:00", "'http://x/a_1_all.deb' a_1_all.deb x SHA256:00", "'http://x/a_1_all.deb' a_1_all.deb 1 MD5Sum:00",
	} {
		if _, err := parseURIs(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestAptStatus(t *testing.T) {
	var got []int64
	s := &aptStatus{total: 1000, progress: func(_ string, done, total int64) { got = append(got, done, total) }}
	for _, piece := range []string{"dlstatus:1:0.0000:Retr", "ieving file 1 of 2\nGet:1 http://x\ndlstatus:2:50.5:x\n", "dlstatus:bad\n"} {
		if _, err := s.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int64{0, 1000, 505, 1000}; !slices.Equal(got, want) {
		t.Errorf("progress %v, want %v", got, want)
	}
}
