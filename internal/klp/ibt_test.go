package klp

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kintsugi/internal/extract"
	"kintsugi/internal/kimage"
	"kintsugi/internal/report"
)

// sealedSource has the list of a linked kernel, with its marks, and of a module.
const sealedSource = `
__attribute__((noinline)) static int bare(int x) { return x + 1; }
int sealed(int x) { return bare(x) + 2; }
int open(int x) { return x + 3; }
int variable = 1;
asm(".pushsection .ibt_endbr_seal,\"a\"\n__ibt_endbr_seal:\n.long sealed - .\n__ibt_endbr_seal_end:\n.popsection");
asm(".pushsection .text\n_etext: nop\n.popsection");
`

func TestSealed(t *testing.T) {
	im := compileImage(t, sealedSource)
	k := &Kernel{Image: im}
	k.modules = map[string]*Owner{"other": {Name: "other", Image: im, kernel: k}}
	for _, object := range []string{Vmlinux, "other"} {
		for _, c := range []struct {
			name    string
			refused bool
		}{{"sealed", true}, {"bare", true}, {"open", false}, {"variable", false}, {"_etext", false}} {
			ref := &report.Reference{Symbol: c.name, Object: object}
			d := k.checkSealed(&extract.External{Name: c.name, TakenBy: "f"}, ref)
			if (d != nil) != c.refused || d != nil && d.Code != "sealed-function" {
				t.Errorf("a pointer to %s of %s: %+v, want refused %t", c.name, object, d, c.refused)
			}
			if d := k.checkSealed(&extract.External{Name: c.name}, ref); d != nil {
				t.Errorf("a call of %s: %+v", c.name, d)
			}
		}
	}
}

// TestNothingSealed has a kernel without indirect branch tracking.
func TestNothingSealed(t *testing.T) {
	k := &Kernel{Image: compileImage(t, `int plain(int x) { return x; }`)}
	if d := k.checkSealed(&extract.External{Name: "plain", TakenBy: "f"},
		&report.Reference{Symbol: "plain", Object: Vmlinux}); d != nil {
		t.Error(d)
	}
}

// compileImage compiles C and gives it addresses.
func compileImage(t *testing.T, source string) *kimage.Image {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed")
	}
	object := filepath.Join(t.TempDir(), "unit.o")
	if err := os.WriteFile(object+".c", []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("gcc", "-O2", "-fcf-protection=branch", "-fno-PIE", "-mcmodel=kernel",
		"-fno-asynchronous-unwind-tables", "-w", "-c", "-o", object, object+".c")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	im, err := kimage.ParseModule(data)
	if err != nil {
		t.Fatal(err)
	}
	return im
}
