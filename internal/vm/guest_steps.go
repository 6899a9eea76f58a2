package vm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"kintsugi/internal/livepatch"
)

// The names of the phases, which are the probe's first argument.
const (
	before   = "before"
	after    = "after"
	reverted = "reverted"
)

type step struct {
	name string
	run  func() error
}

// steps returns the steps of the guest in order.
func (g *guest) steps(ctx context.Context) []step {
	first := &g.plan.Livepatches[0]
	steps := []step{
		{"shell", g.installShell},
		{"modules", g.loadModules},
		{before, func() error { return g.probe(before, before, first.Name) }},
	}
	if g.plan.Order == LivepatchFirst {
		steps = append(steps, step{"modules out", g.unloadModules})
	}
	steps = append(steps, step{"load", func() error { return g.load(ctx, first) }})
	if g.plan.Order == LivepatchFirst {
		steps = append(steps, step{"modules in", g.reloadModules})
	}
	steps = append(steps, g.look(first, after)...)
	if g.plan.Order == ModulesFirst && g.plan.patches() {
		steps = append(steps, step{"modules out", g.unloadModules}, step{"modules in", g.reloadModules})
		steps = append(steps, g.look(first, "after reload")...)
	}
	steps = append(steps, g.newer(ctx)...)
	last := &g.plan.Livepatches[g.plan.back()]
	steps = append(steps,
		step{"disable", func() error { return g.disable(ctx, last.Name) }},
		step{"unload", func() error { return g.unload(ctx, last) }},
		step{reverted, func() error { return g.probe(reverted, reverted, last.Name) }},
	)
	if g.plan.Cycles > 0 {
		steps = append(steps, step{"cycles", func() error { return g.cycles(ctx, first) }})
	}
	return steps
}

// look checks that everything is patched, runs the probe, and checks again, since
// the probe can load modules.
func (g *guest) look(l *planLivepatch, phase string) []step {
	return []step{
		{"objects", func() error { return g.checkObjects(l.Name) }},
		{phase, func() error {
			probe := g.probe(phase, after, l.Name)
			if err := g.checkObjects(l.Name); err != nil {
				return err
			}
			return probe
		}},
	}
}

// newer loads each newer livepatch over the one before, and returns to plan.back.
func (g *guest) newer(ctx context.Context) []step {
	var up, down []step
	list := g.plan.Livepatches
	for i := 1; i < len(list); i++ {
		older, newer := &list[i-1], &list[i]
		up = append(up, step{"load " + newer.Name, func() error { return g.load(ctx, newer) }})
		up = append(up, g.look(newer, "after "+newer.Name)...)
		if i <= g.plan.back() {
			continue
		}
		back := []step{{"back to " + older.Name, func() error { return g.back(ctx, older, newer) }}}
		down = append(append(back, g.look(older, "after back to "+older.Name)...), down...)
	}
	return append(up, down...)
}

// load loads the livepatch and counts calls of its functions from then on.
func (g *guest) load(ctx context.Context, l *planLivepatch) error {
	name, err := g.host.Insert(ctx, l.Path)
	if err != nil {
		return err
	}
	g.startCounting(l)
	_, err = g.host.AwaitEnabled(ctx, name)
	return err
}

// disable ends the counting and disables the livepatch.
func (g *guest) disable(ctx context.Context, name string) error {
	g.stopCounting(name)
	g.sendFacts()
	return g.host.Disable(ctx, name)
}

// back returns from newer to older. If newer has replaced older, the kernel cannot
// enable older again: older must be unloaded, and loaded over newer.
func (g *guest) back(ctx context.Context, older, newer *planLivepatch) error {
	patch, err := g.host.Status(older.Name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if patch == nil || patch.State == livepatch.Inactive {
		if err := g.remove(ctx, older.Name); err != nil {
			return err
		}
		if err := g.load(ctx, older); err != nil {
			return err
		}
	}
	return g.remove(ctx, newer.Name)
}

// unload unloads the livepatch, and checks that a module stays loaded if and only if
// it is pinned.
func (g *guest) unload(ctx context.Context, l *planLivepatch) error {
	stays, err := g.host.Unload(ctx, l.Name)
	if err == nil && stays != l.Pinned {
		return fmt.Errorf("pinned is %v in the file of %s, and %v in the kernel", l.Pinned, l.Name, stays)
	}
	return err
}

// remove unloads a livepatch, which may have been replaced.
func (g *guest) remove(ctx context.Context, name string) error {
	g.stopCounting(name)
	g.sendFacts()
	_, err := g.host.Unload(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// checkObjects asks the kernel which objects of the livepatch are patched. An
// object that is loaded and not patched is an error.
func (g *guest) checkObjects(name string) error {
	patch, err := g.host.Status(name)
	if err != nil {
		return err
	}
	for _, o := range patch.Objects {
		if o.Patched != nil && !*o.Patched && isLoaded(o.Name) {
			err = errors.Join(err, fmt.Errorf("%s is loaded, and livepatch %s has not patched it", o.Name, name))
		}
		g.noteObject(name, o)
	}
	g.sendFacts()
	return err
}
