package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kintsugi/internal/fault"
)

// maxFile limits the files that are read whole: 1 GiB, far above any object or
// module.
const maxFile = 1 << 30

// readFile reads a file or pipe of the user's. A device is refused: reading it
// may never end.
func readFile(path string) ([]byte, error) {
	if err := readable(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.WithoutCall(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: larger than 1 GiB", path)
	}
	return data, err
}

// readable refuses everything but files and pipes.
func readable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fault.WithoutCall(err)
	case info.IsDir():
		return fmt.Errorf("%s: is a directory", path)
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0:
		return fmt.Errorf("%s: not a file", path)
	case info.Size() > maxFile:
		return fmt.Errorf("%s: larger than 1 GiB", path)
	}
	return nil
}

// replaceFile writes a file completely or not at all.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fault.Environmentf("output: %w", fault.WithoutCall(err))
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return fault.Environmentf("output: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fault.Environmentf("output: %w", err)
	}
	return nil
}
