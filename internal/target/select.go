package target

import (
	"regexp"
	"slices"
	"strings"

	"kintsugi/internal/fault"
)

// kernel is one release that Debian offers together with its source.
type kernel struct {
	Release   string // 6.1.0-56-amd64
	Version   string // of the source package: 6.1.192-2
	ImageVers string // of the image package; differs where it was rebuilt
	Series    string // 6.1
	HasSource bool   // linux-source-SERIES of that version is on offer
}

const flavour = "amd64"

// imageName matches the signed images of the plain flavour: not rt and cloud,
// not -dbg and -unsigned, not the meta packages, whose names have no third
// number.
var imageName = regexp.MustCompile(`^linux-image-(([0-9]+\.[0-9]+)\.[0-9][^-]*(?:-[0-9]+)?-` + flavour + `)$`)

// sourceName matches the packages of the kernel's source.
var sourceName = regexp.MustCompile(`^linux-source-([0-9]+\.[0-9]+)$`)

// offers pairs the records of image packages with those of source packages:
// a source version belongs to exactly one image release. Newest first.
func offers(records []record) []kernel {
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
		k := kernel{Release: m[1], Version: version, ImageVers: r["Version"], Series: m[2], HasSource: sources[m[2]+" "+version]}
		if !slices.Contains(kernels, k) {
			kernels = append(kernels, k)
		}
	}
	slices.SortStableFunc(kernels, func(a, b kernel) int {
		if c := compareVersions(b.Version, a.Version); c != 0 {
			return c
		}
		return compareVersions(b.Release, a.Release)
	})
	return kernels
}

// builtFrom is the version of the source package that a signed image was made
// from: "Built-Using: linux (= 6.1.192-2)". Older images lack the field and
// have the version themselves.
func builtFrom(image record) string {
	field := image["Built-Using"]
	if strings.HasPrefix(field, "linux") {
		if _, rest, ok := strings.Cut(field, "(= "); ok {
			version, _, _ := strings.Cut(rest, ")")
			return version
		}
	}
	return image["Version"]
}

// choose picks the newest kernel that want names: a release with or without
// the flavour (6.1.0-56), a package version (6.1.192-2), an upstream version
// (6.1.192) or a series (6.1). The empty want is series.
func choose(kernels []kernel, series, want string) (kernel, error) {
	if want == "" {
		want = series
	}
	for _, k := range kernels {
		if k.HasSource && k.named(want) {
			return k, nil
		}
	}
	var offered []string
	for _, k := range kernels {
		if k.HasSource {
			offered = append(offered, k.Release)
		}
	}
	err := fault.Inputf("no kernel %s among those that apt offers", want)
	if i := slices.IndexFunc(kernels, func(k kernel) bool { return k.named(want) }); i >= 0 {
		err = fault.Inputf("the source of %s, linux-source-%s=%s, is no longer offered", kernels[i].Release, kernels[i].Series, kernels[i].Version)
	}
	if offered == nil {
		return kernel{}, err.Hint("the apt sources of this machine must be Debian's; a kernel of your own is added with --source, --config, --headers and --image")
	}
	return kernel{}, err.Hint("on offer: %s", strings.Join(offered, ", "))
}

func (k kernel) named(want string) bool {
	upstream, _ := cutRevision(k.Version)
	return slices.Contains([]string{k.Release, strings.TrimSuffix(k.Release, "-"+flavour), k.Version, upstream, k.Series}, want)
}

// defaultSeries is the series of the kernel that the distribution installs,
// which its meta package depends on: "linux-image-6.1.0-56-amd64 (= 6.1.192-2)".
func defaultSeries(meta []record) (string, error) {
	for _, r := range meta {
		for _, name := range dependencies(r["Depends"]) {
			if m := imageName.FindStringSubmatch(name); m != nil {
				return m[2], nil
			}
		}
	}
	return "", fault.Environmentf("apt offers no linux-image-%s", flavour).
		Hint("the apt sources of this machine must be Debian's, for its amd64 architecture").
		Hint("a kernel of your own is added with --source, --config, --headers and --image")
}

// packageNames are the packages that make up k, each with its version.
// headers is the record of linux-headers-RELEASE, whose dependencies name the
// common headers and the kbuild scripts.
func (k kernel) packageNames(headers record) ([]string, error) {
	names := []string{
		"linux-image-" + k.Release + "=" + k.ImageVers,
		"linux-source-" + k.Series + "=" + k.Version,
		"linux-headers-" + k.Release + "=" + k.Version,
	}
	var common, kbuild string
	for _, name := range dependencies(headers["Depends"]) {
		switch {
		case strings.HasPrefix(name, "linux-headers-"):
			common = name
		case strings.HasPrefix(name, "linux-kbuild-"):
			kbuild = name
		}
	}
	if common == "" || kbuild == "" {
		return nil, fault.Environmentf("linux-headers-%s does not depend on common headers and kbuild scripts: %q", k.Release, headers["Depends"])
	}
	// The kbuild scripts of one series serve all its releases (the headers ask
	// for ">= version"), and the archive keeps the newest alone.
	return append(names, common+"="+k.Version, kbuild), nil
}
