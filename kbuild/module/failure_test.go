package module

import (
	"strings"
	"testing"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
)

func TestLinkFailure(t *testing.T) {
	for _, c := range []struct {
		output, want string
		class        fault.Class
	}{
		{"ld: b.o:(.data.x+0x0): multiple definition of `kintsugi_patch'; a.o:(.data+0x0): first defined here",
			"the patch defines kintsugi_patch, but", fault.Input},
		{"ld.lld: error: duplicate symbol: kintsugi_patch\n>>> defined at a.c", "the patch defines kintsugi_patch, but",
			fault.Input},
		{"ld: cannot find -lx", "ld: cannot find -lx", fault.Environment},
	} {
		err := linkFailure(t.TempDir(), &command.Error{Cmd: &command.Cmd{Path: "make"}, Output: []byte(c.output)})
		if fault.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v of class %v", c.output, err, fault.ClassOf(err))
		}
	}
}
