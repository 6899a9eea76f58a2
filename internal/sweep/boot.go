package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"kintsugi/internal/vm"
)

// boot is the result of a module's test in QEMU.
type boot struct {
	OK      bool    `json:"ok"`
	Reason  string  `json:"reason,omitempty"`
	Seconds float64 `json:"seconds"`
}

// bootSome loads and unloads a sample of the built modules.
func (s *sweep) bootSome(ctx context.Context, outcomes []*outcome, out io.Writer) {
	built := map[string]*outcome{}
	var files []string
	for _, o := range outcomes {
		if o.module != "" {
			built[o.Name] = o
			files = append(files, o.Name)
		}
	}
	var group errgroup.Group
	group.SetLimit(max(1, s.opts.jobs))
	for _, file := range sample(files, s.opts.boot, s.opts.seed) {
		group.Go(func() error {
			o := built[file]
			o.Boot = s.boot(ctx, o)
			fmt.Fprintln(out, o.bootLine())
			return nil
		})
	}
	_ = group.Wait()
}

// boot uses this program itself as the guest's init, so it must be static.
func (s *sweep) boot(ctx context.Context, o *outcome) *boot {
	begin := time.Now()
	result, err := vm.Run(ctx, vm.Config{Image: s.target.Image, Modules: s.target.Modules, Module: o.module})
	b := &boot{Seconds: time.Since(begin).Seconds()}
	if result != nil {
		b.OK, b.Reason = err == nil && result.Test.OK, result.Test.Reason
		_ = os.WriteFile(s.folder(o.Name)+".console", []byte(result.Console), 0o644) // for the user
	}
	if err != nil {
		b.Reason = err.Error()
	}
	return b
}
