package cage

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/internal/fault"
)

// Launcher has the needs of a compiler launcher: its own cache, or the machines that
// it sends work to.
type Launcher struct {
	Network  bool
	Read     []string // folders at their own paths
	Writable []string // folders at their own paths
	Env      []string // NAME=VALUE
}

// known are the launchers with special needs.
var known = []struct {
	name    string
	prefix  string // of its environment variables
	dir     string // variable that names its folder
	folders []string
	network bool
}{
	{name: "ccache", prefix: "CCACHE_", dir: "CCACHE_DIR", folders: []string{"$HOME/.ccache", "$XDG_CACHE_HOME/ccache",
		"$HOME/.cache/ccache"}},
	{name: "distcc", prefix: "DISTCC_", dir: "DISTCC_DIR", folders: []string{"$HOME/.distcc"}, network: true},
}

// LauncherOf returns the needs of the launcher with these words, by its own environment
// variables and defaults. It creates missing folders.
func LauncherOf(words []string) (Launcher, error) {
	var l Launcher
	if len(words) == 0 {
		return l, nil
	}
	if dir := filepath.Dir(words[0]); filepath.IsAbs(dir) && dir != "/" {
		l.Read = append(l.Read, dir)
	}
	for _, k := range known {
		if !runs(words, k.name) {
			continue
		}
		dir := folder(os.Getenv(k.dir), k.folders)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return l, fault.Environmentf("%s: %w", k.name, err).Hint("set %s to a folder of yours", k.dir)
		}
		l.Network = l.Network || k.network
		l.Writable = append(l.Writable, dir)
		for _, kv := range os.Environ() {
			if strings.HasPrefix(kv, k.prefix) && !strings.HasPrefix(kv, k.dir+"=") {
				l.Env = append(l.Env, kv)
			}
		}
		l.Env = append(l.Env, k.dir+"="+dir)
	}
	return l, nil
}

// runs reports whether the launcher is the program, or runs it.
func runs(words []string, program string) bool {
	words = slices.Concat(words, strings.Fields(os.Getenv("CCACHE_PREFIX")))
	return slices.ContainsFunc(words, func(w string) bool { return filepath.Base(w) == program })
}

// folder is the folder that the user has chosen, else the first existing default, else
// the last default.
func folder(chosen string, defaults []string) string {
	if chosen != "" {
		return chosen
	}
	for _, dir := range defaults {
		dir = os.ExpandEnv(dir)
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	return os.ExpandEnv(defaults[len(defaults)-1])
}
