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

// kernelChoice is the kernel to patch: a target by its name, or the files of a
// kernel, given with the patches.
type kernelChoice struct {
	name  *string
	files target.LocalSpec
}

// kernelHelp is part of the help of each verb with kernelFlags.
const kernelHelp = `
To build for a kernel that is not a target, pass -s, -c and -v. Files that are
left out are taken from the folder that the kernel was built in. Kintsugi makes a
target of the files, and uses it again the next time.

If FILE is a kernel image, -v FILE means --vmlinux FILE; else -v is --verbose.
`

// kernelFlags gives cmd the flag -t, and the flags for the files of a kernel
// that is not a target. Their letters are kpatch-build's.
func (a *app) kernelFlags(cmd *cobra.Command) *kernelChoice {
	k := &kernelChoice{name: a.targetFlag(cmd)}
	flags := cmd.Flags()
	flags.StringVarP(&k.files.Source, "source", "s", "", "patch the kernel of the source tree or tarball `PATH`")
	flags.StringVarP(&k.files.Config, "config", "c", "", "use `FILE` as that kernel's configuration")
	flags.StringVar(&k.files.Image, "vmlinux", "", "use `FILE` as that kernel's image, vmlinux or bzImage")
	return k
}

func (a *app) openKernel(ctx context.Context, k *kernelChoice) (*target.Target, error) {
	if k.files == (target.LocalSpec{}) {
		return openTarget(*k.name)
	}
	if *k.name != "" {
		return nil, fault.Inputf("-t cannot be combined with -s, -c and -v: the kernel is a target or given by its files")
	}
	store, err := target.DefaultStore()
	if err != nil {
		return nil, err
	}
	return store.AddAdHoc(ctx, k.files, a.display.Step)
}

// kernelVerbs are the verbs with kernelFlags.
var kernelVerbs = []string{"build", "check"}

// kpatchNames maps long flags of kpatch-build to those of kintsugi, where they differ.
var kpatchNames = map[string]string{"--sourcedir": "--source", "--non-replace": "--no-replace"}

// kpatchArgs replaces the flags of kpatch-build by those of kintsugi. The -v of
// kpatch-build takes a kernel image. pflag knows no letter that is a switch and
// a flag with a value, so kpatchArgs edits the words of the command line.
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

// isImage reports whether path names a kernel image: by the content of the
// file, or by the usual names if there is no such file.
func isImage(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		base := filepath.Base(path)
		return base == "vmlinux" || base == "bzImage" ||
			strings.HasPrefix(base, "vmlinux-") || strings.HasPrefix(base, "vmlinuz-")
	}
	defer f.Close()
	head := make([]byte, 0x206) // up to the magic of a bzImage's setup header
	n, _ := f.ReadAt(head, 0)
	return strings.HasPrefix(string(head[:n]), "\x7fELF") || strings.HasSuffix(string(head[:n]), "HdrS")
}
