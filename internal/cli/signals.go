package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that ends with the first Ctrl-C (or SIGTERM, or
// the terminal's end), so that children are killed and work directories
// removed. The second one ends the process at once.
func interruptible() (context.Context, context.CancelFunc) {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop)
	// A pipe whose reader has gone is an error of the write (EPIPE), not a
	// death in the middle of the work. Not ignored, which children would inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return ctx, stop
}
