package target

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"kintsugi/internal/fault"
)

// vermagicForm is the string in every module that says for which release it
// is (include/linux/vermagic.h).
var vermagicForm = regexp.MustCompile(`vermagic=([^ \x00]+) `)

// checkModules refuses a folder of modules of another release. One module
// tells for all.
func checkModules(dir, release string) error {
	path, err := firstModule(dir)
	if err != nil {
		return err
	}
	data, err := readModule(path)
	if err != nil {
		return err
	}
	m := vermagicForm.FindSubmatch(data)
	if m == nil {
		return fault.Inputf("%s: no vermagic: not a kernel module", path)
	}
	if string(m[1]) != release {
		return fault.Inputf("the image is %s, the modules are of %s", release, m[1]).Hint("found in %s", path)
	}
	return nil
}

func firstModule(dir string) (string, error) {
	found := ""
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && moduleName.MatchString(path) {
			found = path
			return fs.SkipAll
		}
		return err
	})
	if err != nil {
		return "", fault.Inputf("modules: %w", err)
	}
	if found == "" {
		return "", fault.Inputf("%s has no modules", dir).Hint("give the folder lib/modules/RELEASE")
	}
	return found, nil
}

var moduleName = regexp.MustCompile(`\.ko(\.xz|\.zst|\.gz)?$`)

// maxModule bounds what a compressed module may unpack to, in bytes.
const maxModule = 256 << 20

// readModule reads a module, unpacked where its name says that it is packed.
func readModule(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, input(err)
	}
	defer file.Close()
	r, err := unpacker(path, file)
	if err != nil {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxModule+1))
	if err == nil && len(data) > maxModule {
		err = errors.New("larger than 256 MB")
	}
	if err != nil {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	return data, nil
}

func unpacker(path string, r io.Reader) (io.Reader, error) {
	switch {
	case strings.HasSuffix(path, ".xz"):
		return xz.NewReader(r)
	case strings.HasSuffix(path, ".zst"):
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxModule))
	case strings.HasSuffix(path, ".gz"):
		return gzip.NewReader(r)
	}
	return r, nil
}
