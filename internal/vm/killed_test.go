package vm

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kintsugi/internal/testenv"
)

// TestKilled: QEMU goes with a kintsugi that is killed in a way that it
// cannot notice. The test runs itself as that kintsugi.
func TestKilled(t *testing.T) {
	pidFile := os.Getenv("KINTSUGI_KILLED_PID")
	if pidFile != "" {
		cfg := fakeConfig(t, "echo $$ >"+pidFile+"; exec sleep 600")
		Run(context.Background(), cfg)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	pidFile = filepath.Join(t.TempDir(), "pid")
	cmd := exec.Command(self, "-test.run", "^TestKilled$")
	cmd.Env = append(os.Environ(), "KINTSUGI_KILLED_PID="+pidFile, "TMPDIR="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := waitForPID(t, pidFile)
	cmd.Process.Kill()
	cmd.Wait() // it was killed
	awaitEnd(t, pid)
}

// waitForPID is the number in a file that a script writes. It waits for the line's end.
func waitForPID(t *testing.T, name string) int {
	t.Helper()
	var line string
	testenv.Await(t, "started", func() bool {
		text, err := os.ReadFile(name)
		line = string(text)
		return err == nil && strings.HasSuffix(line, "\n")
	})
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
