package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildProgram builds kintsugi into a folder, static as `make build` makes it:
// the command, and init of the virtual machine.
func BuildProgram(dir string) (path string, err error) {
	path = filepath.Join(dir, "kintsugi")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "kintsugi")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}
