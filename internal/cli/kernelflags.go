package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kintsugi/internal/fault"
	"kintsugi/internal/target"
)

// kernelChoice is which kernel to patch: a target by its name, or one made of
// files that are given with the patches.
type kernelChoice struct {
	name  *string
	files target.LocalSpec
}

// kernelHelp belongs into the help of verbs with kernelFlags.
const kernelHelp = `
A kernel that was not added can be given by its files: -s, -c and -v. What of
them is not given is taken from the folder that the kernel was built in. The
target that is made of them is found again the next time.

-v FILE means --vmlinux where FILE is a kernel's image; else -v is --verbose.
`

// kernelFlags gives cmd the flag -t, and those for a kernel that was not added.
// Their letters are kpatch-build's.
func (a *app) kernelFlags(cmd *cobra.Command) *kernelChoice {
	k := &kernelChoice{name: a.targetFlag(cmd)}
	flags := cmd.Flags()
	flags.StringVarP(&k.files.Source, "source", "s", "", "patch a kernel of this source tree or tarball")
	flags.StringVarP(&k.files.Config, "config", "c", "", "the configuration of that kernel (default: of its build)")
	flags.StringVar(&k.files.Image, "vmlinux", "", "the image of that kernel, vmlinux or bzImage (default: of its build)")
	return k
}

func (a *app) openKernel(ctx context.Context, k *kernelChoice) (*target.Target, error) {
	if k.files == (target.LocalSpec{}) {
		return openTarget(*k.name)
	}
	if *k.name != "" {
		return nil, fault.Inputf("-t and -s, -c, -v exclude each other: the kernel is a target or made of files")
	}
	store, err := target.DefaultStore()
	if err != nil {
		return nil, err
	}
	return store.AddAdHoc(ctx, k.files, a.display.Step)
}

// kernelVerbs are the verbs with kernelFlags.
var kernelVerbs = []string{"build", "check"}

// kpatchNames are long names of kpatch-build for flags that have others here.
var kpatchNames = map[string]string{"--sourcedir": "--source", "--non-replace": "--no-replace"}

// kpatchArgs puts our flags in the place of kpatch-build's. Its -v names a
// kernel's image: a letter cannot be both a switch and a flag with a value, so
// this is done to the words of the command line.
func kpatchArgs(args []string) []string {
	verb := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if verb < 0 || !slices.Contains(kernelVerbs, args[verb]) {
		return args
	}
	args = slices.Clone(args)
	for i := verb + 1; i < len(args) && args[i] != "--"; i++ {
		if name, _, _ := strings.Cut(args[i], "="); kpatchNames[name] != "" {
			args[i] = kpatchNames[name] + strings.TrimPrefix(args[i], name)
		}
		switch path, joined := strings.CutPrefix(args[i], "-v"); {
		case args[i] == "-v" && i+1 < len(args) && isImage(args[i+1]):
			args[i] = "--vmlinux"
			i++
		case joined && isImage(strings.TrimPrefix(path, "=")):
			args[i] = "--vmlinux=" + strings.TrimPrefix(path, "=")
		}
	}
	return args
}

// isImage tells whether a word names a kernel's image: by what is in the file,
// or by its usual name where there is none.
func isImage(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		base := filepath.Base(path)
		return base == "vmlinux" || base == "bzImage" || strings.HasPrefix(base, "vmlinux-") || strings.HasPrefix(base, "vmlinuz-")
	}
	defer f.Close()
	head := make([]byte, 0x206) // up to the magic of a bzImage's setup header
	n, _ := f.ReadAt(head, 0)
	return strings.HasPrefix(string(head[:n]), "\x7fELF") || strings.HasSuffix(string(head[:n]), "HdrS")
}
