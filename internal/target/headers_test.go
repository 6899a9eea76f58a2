package target

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Both forms of Debian's headers work in the folder that they were unpacked to, from any
// directory.
func TestRelocateHeaders(t *testing.T) {
	for _, lines := range []string{"", "KBUILD_OUTPUT=/usr/src/linux-headers-7.3.4+deb13-amd64\n"} {
		root := t.TempDir()
		headers := filepath.Join(root, "linux-headers-7.3.4+deb13-amd64")
		writeFile(t, filepath.Join(headers, "Makefile"), lines+"include /usr/src/linux-headers-7.3.4+deb13-common/Makefile\n")
		writeFile(t, filepath.Join(root, "linux-headers-7.3.4+deb13-common/Makefile"),
			"$(info output is $(KBUILD_OUTPUT).)\nall: ;\n")
		if err := relocateHeaders(headers); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("make", "-s", "-C", headers)
		cmd.Dir = "/"
		out, err := cmd.CombinedOutput()
		want := "output is ."
		if lines != "" {
			want = "output is " + headers + "."
		}
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: %v: %s", lines, err, out)
		}
	}
}
