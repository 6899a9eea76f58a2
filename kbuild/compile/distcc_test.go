package compile

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kintsugi/internal/testenv"
	"kintsugi/kbuild"
)

// TestDistcc compiles through a distcc server on this machine. The server's log proves that it
// compiled; a fallback to the local compiler is not allowed.
func TestDistcc(t *testing.T) {
	for _, name := range []string{"distcc", "distccd"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed")
		}
	}
	tree, unit := smallTree(t)
	overlay := map[string][]byte{"drivers/x/value.h": []byte("#define VALUE 7\n")}
	compile := func() []kbuild.Pair {
		pairs, _, err := (&Compiler{tree}).CompileHeaders(context.Background(), []kbuild.Unit{unit}, overlay, t.TempDir())
		if err != nil || len(pairs) != 1 {
			t.Fatal(pairs, err)
		}
		return pairs
	}
	want := compile()
	log := startDistccd(t)
	tree.Launcher = []string{"distcc"}
	got := compile()
	if !SameCode(want[0].Original, got[0].Original) || !SameCode(want[0].Patched, got[0].Patched) {
		t.Error("the server compiles to other code")
	}
	if n, text := compiledBy(t, log); n != 2 {
		t.Errorf("the server compiled %d files, want 2:\n%s", n, text)
	}
}

// compiledBy counts the files that a server has logged as compiled. The server logs after it
// answers.
func compiledBy(t *testing.T, log string) (n int, text []byte) {
	t.Helper()
	testenv.Await(t, "written to the server's log", func() bool {
		var err error
		if text, err = os.ReadFile(log); err != nil {
			t.Fatal(err)
		}
		n = strings.Count(string(text), "COMPILE_OK")
		return n >= 2
	})
	return n, text
}

// startDistccd starts a server, configures distcc for it, and returns its log.
func startDistccd(t *testing.T) string {
	t.Helper()
	port := freePort(t)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	server := exec.Command("distccd", "--daemon", "--no-detach", "--listen", "127.0.0.1", "--allow", "127.0.0.1",
		"--port", fmt.Sprint(port), "--jobs", "2", "--log-stderr", "--log-level", "info")
	server.Stderr = log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt) // the server then ends its children
		_ = server.Wait()
	})
	testenv.Await(t, "answered by distccd", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	t.Setenv("DISTCC_HOSTS", fmt.Sprintf("127.0.0.1:%d/2", port))
	t.Setenv("DISTCC_FALLBACK", "0")
	t.Setenv("DISTCC_DIR", t.TempDir())
	return log.Name()
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
