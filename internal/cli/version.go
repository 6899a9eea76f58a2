package cli

import (
	"runtime/debug"
	"strings"
)

// version is the version of this program. Reports have it too.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unversioned
	}
	return versionOf(info)
}

// unversioned is what go calls the main module of a build outside of a repository.
const unversioned = "(devel)"

// versionOf is the tag or pseudo-version that go puts into a build in a
// repository (go help buildvcs), else the commit and its day.
func versionOf(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != unversioned {
		return v
	}
	stamps := map[string]string{}
	for _, s := range info.Settings {
		stamps[s.Key] = s.Value
	}
	revision := stamps["vcs.revision"]
	if revision == "" {
		return unversioned
	}
	parts := []string{"devel"}
	if day, _, ok := strings.Cut(stamps["vcs.time"], "T"); ok {
		parts = append(parts, strings.ReplaceAll(day, "-", ""))
	}
	version := strings.Join(append(parts, revision[:min(12, len(revision))]), "-")
	if stamps["vcs.modified"] == "true" {
		version += "+dirty"
	}
	return version
}
