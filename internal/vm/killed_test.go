package vm

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKilled: QEMU goes with a kintsugi that is killed in a way that it
// cannot notice. The test runs itself as that kintsugi.
func TestKilled(t *testing.T) {
	pidFile := os.Getenv("KINTSUGI_KILLED_PID")
	if pidFile != "" {
		cfg := fakeConfig(t, "echo $$ >"+pidFile+".new; mv "+pidFile+".new "+pidFile+"; exec sleep 600")
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
	if !endsSoon(pid) {
		t.Errorf("process %d outlived the test", pid)
	}
}

func waitForPID(t *testing.T, name string) int {
	t.Helper()
	for range 500 {
		if text, err := os.ReadFile(name); err == nil {
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the VM did not start")
	return 0
}
