package elfdiff

import (
	"kintsugi/internal/elfobj"
	"os"
	"path/filepath"
	"testing"
)

func TestTmpLoad(t *testing.T) {
	files, _ := filepath.Glob("/tmp/x/pair/*.o")
	for _, f := range files {
		data, _ := os.ReadFile(f)
		e, err := elfobj.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Load(e)
		if err != nil {
			t.Error(f, err)
			continue
		}
		kinds := map[Kind]int{}
		lost := 0
		for _, a := range o.Atoms {
			kinds[a.Kind]++
			if a.Section.Flags&4 != 0 && len(a.Bytes()) > 0 {
				pos := 0
				b := a.Bytes()
				for pos < len(b) {
					n, _ := x86Insn(b[pos:])
					if n == 0 {
						lost++
						t.Logf("lost %s+%#x % x", a, pos, b[pos:min(pos+16, len(b))])
						break
					}
					pos += n
				}
			}
			if a.Kind == Anon {
				t.Logf("anon %s size %d refs %d users %v", a, a.Size, len(a.Refs), a.users)
			}
			if a.Kind == Entry && a.Owner == nil {
				t.Logf("unowned entry %s", a)
			}
		}
		t.Log(filepath.Base(f), kinds, "lost", lost)
	}
}
