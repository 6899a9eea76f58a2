package target

import (
	"regexp"
	"slices"
	"strings"

	"kintsugi/internal/apt"
	"kintsugi/internal/arch"
	"kintsugi/internal/fault"
)

// kernel is a release that Debian offers with its source.
type kernel struct {
	Release   string // 6.1.0-56-amd64
	Version   string // of the source package: 6.1.192-2
	ImageVers string // of the image package; differs if it was rebuilt
	Series    string // 6.1
	Flavour   string // amd64, cloud-amd64
	Suite     string // that offers it
	Parts     string // packages of the image if that is a meta package, separated by blanks
	HasSource bool   // linux-source-SERIES of that version is offered
}

// flavours are Debian's kernels of a version. The first is the plain one, which is
// meant if none is named.
var flavours = arch.OfTargets().Debian.Flavours

// imageName matches image packages, but not -dbg, -unsigned and meta packages, whose
// names have no third number.
var imageName = regexp.MustCompile(`^linux-image-(([0-9]+\.[0-9]+)\.[0-9][^-]*(?:-[0-9]+)?-(` +
	alternatives(flavours) + `))$`)

func alternatives(words []string) string {
	quoted := make([]string, 0, len(words))
	for _, w := range words {
		quoted = append(quoted, regexp.QuoteMeta(w))
	}
	return strings.Join(quoted, "|")
}

// sourceName matches packages of the kernel's source.
var sourceName = regexp.MustCompile(`^linux-source-([0-9]+\.[0-9]+)$`)

// offers pairs the records of image packages with those of source packages, newest
// first. A source version belongs to exactly one image release.
func offers(records []apt.Record) []kernel {
	sources := map[string]bool{}
	for _, r := range records {
		if m := sourceName.FindStringSubmatch(r["Package"]); m != nil {
			sources[m[1]+" "+r["Version"]] = true
		}
	}
	var kernels []kernel
	for _, r := range records {
		m := imageName.FindStringSubmatch(r["Package"])
		if m == nil {
			continue
		}
		version := builtFrom(r)
		k := kernel{Release: m[1], Version: version, ImageVers: r["Version"], Series: m[2],
			Flavour: m[3], Parts: imageParts(r, m[1]), HasSource: sources[m[2]+" "+version]}
		if !slices.Contains(kernels, k) {
			kernels = append(kernels, k)
		}
	}
	slices.SortStableFunc(kernels, func(a, b kernel) int {
		if c := apt.CompareVersions(b.Version, a.Version); c != 0 {
			return c
		}
		return apt.CompareVersions(b.Release, a.Release)
	})
	return kernels
}

// imageParts are the packages of the kernel if its image is a meta package, as since
// 6.19.
func imageParts(image apt.Record, release string) string {
	var parts []string
	for _, name := range apt.Dependencies(image["Depends"]) {
		if strings.HasPrefix(name, "linux-") && strings.HasSuffix(name, "-"+release) {
			parts = append(parts, name)
		}
	}
	return strings.Join(parts, " ")
}

// builtFrom is the version of a signed image's source package: "Built-Using: linux (=
// 6.1.192-2)". Older images lack the field and have that version themselves.
func builtFrom(image apt.Record) string {
	field := image["Built-Using"]
	if strings.HasPrefix(field, "linux") {
		if _, rest, ok := strings.Cut(field, "(= "); ok {
			version, _, _ := strings.Cut(rest, ")")
			return version
		}
	}
	return image["Version"]
}

// choose returns the newest kernel that want names: a release with or without
// the architecture (6.1.0-56, 6.1.0-56-cloud), a package version (6.1.192-2), an
// upstream version (6.1.192), a series (6.1) or a flavour of the usual series
// (cloud). The empty want is the usual series.
func choose(kernels []kernel, usual, want string) (kernel, error) {
	if want == "" {
		want = usual
	}
	for _, k := range kernels {
		if k.HasSource && k.named(want, usual) {
			return k, nil
		}
	}
	if i := slices.IndexFunc(kernels, func(k kernel) bool { return k.named(want, usual) }); i >= 0 {
		return kernel{}, offering(kernels, fault.Inputf("the source of %s, linux-source-%s=%s, is no longer offered",
			kernels[i].Release, kernels[i].Series, kernels[i].Version))
	}
	return kernel{}, offering(kernels, fault.Inputf("no kernel %s among those that Debian offers", want))
}

// offering adds the offered kernels to an error.
func offering(kernels []kernel, err *fault.Error) *fault.Error {
	var offered []string
	for _, k := range kernels {
		if k.HasSource {
			offered = append(offered, k.Release)
		}
	}
	if offered == nil {
		return err.Hint("add a kernel of your own with --source, --config, --headers and --image")
	}
	return err.Hint("on offer: %s", strings.Join(offered, ", "))
}

// named reports whether want means k. A kernel of another flavour than the plain one
// is only meant by a release or a flavour.
func (k kernel) named(want, usual string) bool {
	short := strings.TrimSuffix(k.Flavour, "-"+flavours[0])
	switch {
	case want == k.Release || want == strings.TrimSuffix(k.Release, "-"+flavours[0]):
		return true
	case k.Flavour != flavours[0]:
		return (want == short || want == k.Flavour) && k.Series == usual
	}
	upstream, _ := apt.CutRevision(k.Version)
	return slices.Contains([]string{k.Version, upstream, k.Series}, want)
}

// usualSeries is the series of the kernel that the suite installs, which its
// meta package depends on: "linux-image-6.1.0-56-amd64 (= 6.1.192-2)".
func usualSeries(meta []apt.Record) (string, error) {
	for _, r := range meta {
		for _, name := range apt.Dependencies(r["Depends"]) {
			if m := imageName.FindStringSubmatch(name); m != nil {
				return m[2], nil
			}
		}
	}
	return "", fault.Environmentf("Debian's archive offers no linux-image-%s", flavours[0]).
		Hint("see the warnings of apt-get update above; -v shows all of its output").
		Hint("add a kernel of your own with --source, --config, --headers and --image")
}

// packageNames are the packages of k, each with its version. headers is the record of
// linux-headers-RELEASE, whose dependencies name the common headers and the kbuild
// scripts.
func (k kernel) packageNames(headers apt.Record) ([]string, error) {
	names := []string{
		"linux-image-" + k.Release + "=" + k.ImageVers,
		"linux-source-" + k.Series + "=" + k.Version,
		"linux-headers-" + k.Release + "=" + k.Version,
	}
	for _, part := range strings.Fields(k.Parts) {
		names = append(names, part+"="+k.ImageVers)
	}
	var common, kbuild string
	for _, name := range apt.Dependencies(headers["Depends"]) {
		switch {
		case strings.HasPrefix(name, "linux-headers-"):
			common = name
		case strings.HasPrefix(name, "linux-kbuild-"):
			kbuild = name
		}
	}
	if common == "" || kbuild == "" {
		return nil, fault.Environmentf("linux-headers-%s does not depend on common headers and kbuild scripts: %q",
			k.Release, headers["Depends"])
	}
	// The kbuild scripts are the same for all releases of a series (the headers depend
	// on ">= version"), and the archive keeps only the newest.
	return append(names, common+"="+k.Version, kbuild), nil
}
