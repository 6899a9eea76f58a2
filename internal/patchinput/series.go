package patchinput

import (
	"os"
	"path/filepath"
	"strings"

	"kintsugi/internal/fault"
)

// readSeries reads the patches that the series file of dir lists.
func readSeries(dir string) ([]File, error) {
	path := filepath.Join(dir, SeriesName)
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.Inputf("series: %w", fault.WithoutCall(err))
	}
	defer file.Close()
	list, err := unpacked(path, file)
	if err != nil {
		return nil, err
	}
	names, err := parseSeries(string(list))
	if err != nil {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	if len(names) == 0 {
		return nil, fault.Inputf("%s: the series lists no patch", path)
	}
	return readNamed(dir, names)
}

// parseSeries reads a series file as quilt(1) defines it: a patch a line, with
// options of patch after the name, and comments that begin with #.
func parseSeries(text string) ([]string, error) {
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		for i, f := range fields {
			if strings.HasPrefix(f, "#") {
				fields = fields[:i]
				break
			}
		}
		if len(fields) == 0 {
			continue
		}
		for _, option := range fields[1:] {
			if option != "-p1" {
				return nil, fault.Inputf("%s: option %s", fields[0], option).
					Hint("paths of patches begin with one folder, which is removed (-p1)")
			}
		}
		names = append(names, fields[0])
	}
	return names, nil
}
