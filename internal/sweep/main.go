// Sweep runs kintsugi over real changes and counts what becomes of them: each
// C file that differs between the two oldest releases of one series that
// Debian offers, and that is built with the older one's kernel, is a patch
// for that kernel; or all files that differ in one directory are.
//
//	sweep [-n N|all] [-seed S] [-series 6.1] [-units builtin|modules|all] [-by file|directory]
//	      [-only TEXT] [-build] [-boot K] [-json] [-o DIR]
//
// It prints a line for each change as it comes and a table at the end, and
// exits with 1 where a change failed for another reason than that it does not
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
	number int // of changes; less than 0 means all
	seed   int64
	units  string // which units the C files must be part of
	by     string // what makes a patch
	only   string
	build  bool
	boot   int
	jobs   int
	json   bool
	out    string // where patches, reports and modules stay; empty: nowhere
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
	flags.StringVar(&o.series, "series", "6.1", "of Debian's kernels")
	flags.StringVar(&number, "n", number, "how many changes, or all")
	flags.Int64Var(&o.seed, "seed", 1, "which sample of them, and of the modules to boot")
	flags.StringVar(&o.units, "units", unitsAll, "files of which units: builtin, modules or all")
	flags.StringVar(&o.by, "by", byFile, "what makes a patch: a file or a directory")
	flags.StringVar(&o.only, "only", "", "changes whose path has this in it")
	flags.BoolVar(&o.build, "build", false, "build the modules, not just check")
	flags.IntVar(&o.boot, "boot", 0, "load and unload so many modules in QEMU (with -build)")
	flags.IntVar(&o.jobs, "j", 2, "changes at once")
	flags.BoolVar(&o.json, "json", false, "print JSON")
	flags.StringVar(&o.out, "o", "", "keep patches, reports and modules in this folder")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	n, err := strconv.Atoi(number)
	switch {
	case !slices.Contains([]string{unitsBuiltin, unitsModules, unitsAll}, o.units),
		!slices.Contains([]string{byFile, byDir}, o.by):
		err = errors.New("-units wants builtin, modules or all, -by file or directory")
	case number == "all":
		n, err = -1, nil
	case err != nil || n < 1:
		err = errors.New("-n wants a number or all")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		return o, err
	}
	o.number, o.build = n, o.build || o.boot > 0
	return o, nil
}
