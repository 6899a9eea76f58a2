// Sweep runs kintsugi on real changes and counts the results. It compares the two oldest releases
// of one series that Debian offers. Each C file that differs, and that is built with the kernel of
// the older release, is a patch for this kernel. Alternatively, all differing files of one
// directory are a patch.
//
//	sweep [-n N|all] [-seed S] [-series 6.1] [-units builtin|modules|all] [-by file|directory]
//	      [-only TEXT] [-build] [-boot K] [-json] [-o DIR]
//
// It prints a line for each change and a table at the end. It exits with 1 if a change fails for
// another reason than that it does not compile on its own, or if a module fails its boot.
// compile on its own, or where a module did not survive its boot.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"

	"kintsugi/internal/fault"
	"kintsugi/internal/vm"
)

// options are the flags.
type options struct {
	series string
	number int // number of changes; less than 0 means all
	seed   int64
	units  string // which units the C files must be part of
	by     string // what makes a patch
	only   string
	build  bool
	boot   int
	jobs   int
	json   bool
	out    string // folder for patches, reports and modules; empty: do not keep them
}

// values of the flags -units and -by
const (
	unitsBuiltin, unitsModules, unitsAll = "builtin", "modules", "all"
	byFile, byDir                        = "file", "directory"
)

func main() {
	if vm.IsGuest() {
		vm.GuestMain()
	}
	opts, err := parse(os.Args[1:])
	if err != nil {
		os.Exit(2)
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok, err := run(ctx, opts, os.Stdout)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "sweep:", err)
		os.Exit(int(fault.ClassOf(err)))
	case !ok:
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	number := "40"
	flags := flag.NewFlagSet("sweep", flag.ContinueOnError)
	flags.StringVar(&o.series, "series", "6.1", "series of Debian's kernels")
	flags.StringVar(&number, "n", number, "number of changes, or all")
	flags.Int64Var(&o.seed, "seed", 1, "seed that selects the changes, and the modules to boot")
	flags.StringVar(&o.units, "units", unitsAll, "kind of units whose files are changed: builtin, modules or all")
	flags.StringVar(&o.by, "by", byFile, "unit of a patch: file or directory")
	flags.StringVar(&o.only, "only", "", "run only changes whose path contains this")
	flags.BoolVar(&o.build, "build", false, "build the modules, instead of checking only")
	flags.IntVar(&o.boot, "boot", 0, "number of modules to load and unload in QEMU (with -build)")
	flags.IntVar(&o.jobs, "j", 2, "number of changes that run in parallel")
	flags.BoolVar(&o.json, "json", false, "print JSON")
	flags.StringVar(&o.out, "o", "", "keep patches, reports and modules in this folder")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	n, err := strconv.Atoi(number)
	switch {
	case !slices.Contains([]string{unitsBuiltin, unitsModules, unitsAll}, o.units),
		!slices.Contains([]string{byFile, byDir}, o.by):
		err = errors.New("-units must be builtin, modules or all, and -by file or directory")
	case number == "all":
		n, err = -1, nil
	case err != nil || n < 1:
		err = errors.New("-n must be a number or all")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		return o, err
	}
	o.number, o.build = n, o.build || o.boot > 0
	return o, nil
}
