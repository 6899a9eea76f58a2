package target

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/apt"
	"kintsugi/internal/fault"
)

func records(t *testing.T, name string) []apt.Record {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return apt.ParseRecords(string(data))
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
		"6.1.0-56-rt-amd64 6.1.192-2 6.1",
		"6.1.0-56-cloud-amd64 6.1.192-2 6.1",
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
	series, err := usualSeries(records(t, "apt-show-meta.txt"))
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
		"6.1.0-56-cloud-amd64": "6.1.0-56-cloud-amd64",
		"6.1.0-56-cloud":       "6.1.0-56-cloud-amd64",
		"cloud":                "6.1.0-56-cloud-amd64",
		"cloud-amd64":          "6.1.0-56-cloud-amd64",
		"6.1.0-56-rt-amd64":    "6.1.0-56-rt-amd64",
		"rt":                   "6.1.0-56-rt-amd64",
	} {
		k, err := choose(kernels, series, want)
		if err != nil || k.Release != release {
			t.Errorf("choose(%q) = %s, %v; want %s", want, k.Release, err, release)
		}
	}
	for want, text := range map[string]string{
		"6.1.0-48":       "no longer offered",
		"6.1.0-55-cloud": "no kernel",
		"6.1.0-5":        "no kernel",
		"5.10":           "no kernel",
		"amd64":          "no kernel",
	} {
		_, err := choose(kernels, series, want)
		if fault.ClassOf(err) != fault.Input || !strings.Contains(err.Error(), text) {
			t.Errorf("choose(%q): %v, want %q of class input", want, err, text)
		}
		if hints := fault.Hints(err); len(hints) != 1 || !strings.Contains(hints[0], "6.1.0-56-amd64") ||
			strings.Contains(hints[0], "6.1.0-48") {
			t.Errorf("choose(%q): hints %q should list what can be had", want, hints)
		}
	}
}

// The newest on offer is taken even where the meta package lags behind.
func TestChooseBeyondMetaPackage(t *testing.T) {
	series, err := usualSeries([]apt.Record{{"Package": "linux-image-amd64",
		"Depends": "linux-image-6.1.0-47-amd64 (= 6.1.170-3)"}})
	if err != nil {
		t.Fatal(err)
	}
	if k, err := choose(offers(records(t, "apt-show.txt")), series, ""); err != nil || k.Release != "6.1.0-56-amd64" {
		t.Errorf("got %s, %v", k.Release, err)
	}
}

func TestNotDebian(t *testing.T) {
	if _, err := usualSeries(nil); fault.ClassOf(err) != fault.Environment {
		t.Errorf("usualSeries(nil): %v", err)
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
	if _, err := (kernel{}).packageNames(apt.Record{"Depends": "gcc-12"}); err == nil {
		t.Error("headers without common headers were taken")
	}
}
