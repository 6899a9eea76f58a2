package cage

import (
	"context"
	"strings"
	"sync"

	"kintsugi/internal/command"
	"kintsugi/internal/fault"
)

// Choose returns the strongest kind of cage that this machine can have for the
// programs of a root.
func Choose(ctx context.Context, root string, none bool) (Kind, error) {
	host := Cage{Root: root}.OfHost()
	switch {
	case none && host:
		return None, nil
	case none:
		return "", fault.Inputf("--no-cage: the target has a toolchain of its own, whose programs only run in its root").
			Hint("add the target with --toolchain host")
	}
	why := bubblewrapWorks(ctx)
	switch {
	case why == nil:
		return Bubblewrap, nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case host:
		return "", unavailable(why).Hint("--no-cage runs the compiler without a cage: a patch can then read files of this " +
			"machine")
	}
	return "", unavailable(why)
}

func unavailable(why error) *fault.Error {
	return fault.Environmentf("no cage for the compiler: %w", why).
		Hint("apt-get install bubblewrap").
		Hint("or allow user namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)")
}

// bubblewrapWorks returns the reason why programs cannot run under bubblewrap here. It
// tries only once in this process.
func bubblewrapWorks(ctx context.Context) error {
	tried.Do(func() {
		probe := Cage{Kind: Bubblewrap, Root: "/", Limits: DefaultLimits}
		out, err := (&command.Cmd{Path: "true", Cage: probe}).Run(context.WithoutCancel(ctx))
		if err != nil {
			failure = fault.Environmentf("%w: %s", err, strings.TrimSpace(string(out)))
		}
	})
	return failure
}

var (
	tried   sync.Once
	failure error
)
