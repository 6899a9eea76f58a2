package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kintsugi/internal/cage"
	"kintsugi/internal/target/prepare"
)

// machine prints the machine, the date and the tools of the run.
func (b *bench) machine(ctx context.Context) error {
	gcc, err := prepare.CompilerVersion(ctx, cage.Cage{}, b.target.CC)
	if err != nil {
		return err
	}
	version, err := exec.CommandContext(ctx, b.kintsugi, "--version").Output()
	if err != nil {
		return err
	}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return err
	}
	fmt.Printf("date     %s\n", time.Now().UTC().Format("2006-01-02 15:04 MST"))
	fmt.Printf("machine  %s, %d cores\n", first("/proc/cpuinfo", `model name\s*: (.*)`), runtime.NumCPU())
	fmt.Printf("         Linux %s, load average %s\n", unix.ByteSliceToString(uts.Release[:]), load())
	fmt.Printf("tools    %s, %s, %s\n", strings.TrimSpace(string(version)), runtime.Version(), gcc)
	fmt.Printf("target   %s (%s)\n", b.target.Name, b.target.Version)
	return nil
}

// load returns the load average of the last 1, 5 and 15 minutes.
func load() string { return first("/proc/loadavg", `^(\S+ \S+ \S+)`) }

// first returns the group of the first match in a file.
func first(file, expression string) string {
	text, _ := os.ReadFile(file)
	m := regexp.MustCompile(expression).FindSubmatch(text)
	if m == nil {
		return "unknown"
	}
	return string(m[1])
}
