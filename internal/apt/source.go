package apt

import (
	"context"
	"errors"
	"strings"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
)

// packagingSuffix ends the names of files with a source package's packaging.
const packagingSuffix = ".debian.tar.xz"

// IsPackaging reports whether p is the packaging of a source package, not a package.
func (p Package) IsPackaging() bool { return strings.HasSuffix(p.File, packagingSuffix) }

// Packaging fetches the packaging of a source package: NAME_VERSION.debian.tar.xz, which
// has the patches but not the upstream tarball. Only the client of a suite with Sources
// knows source packages.
func (a *Client) Packaging(ctx context.Context, name, version string) (Package, error) {
	args := []string{"--diff-only", "source", name + "=" + version}
	listed, err := a.uris(ctx, args)
	if err != nil {
		return Package{}, err
	}
	if len(listed) != 1 || !listed[0].IsPackaging() {
		return Package{}, fault.Environmentf("the source package %s %s has no file *%s", name, version, packagingSuffix)
	}
	p := listed[0]
	if ok, err := a.complete(p); ok || err != nil {
		return p, err
	}
	_, err = a.command("apt-get", append([]string{"--download-only"}, args...)...).Run(ctx)
	var failed *command.Error
	if errors.As(err, &failed) && strings.Contains(string(failed.Output), "404") {
		return Package{}, fault.Environmentf("the archive lists %s but does not have it", p.File)
	}
	if err != nil {
		return Package{}, failure(err)
	}
	ok, err := a.complete(p)
	if err == nil && !ok {
		err = fault.Environmentf("%s was not downloaded completely", p.File).Hint("run the command again")
	}
	return p, err
}
