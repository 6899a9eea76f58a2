package builder

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"kintsugi/elfdiff"
	"kintsugi/internal/baseproof"
	"kintsugi/internal/diag"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
)

// readKeys deals with jump labels whose static key is in a module, which may
// come after the livepatch, or would be in the livepatch: the kernel would want
// to set them up when it has no address for one or the other. The unit is
// compiled once more, original and patched, to read its keys instead.
//
// The unit stays what it was where that does not do: where the compiler made
// functions of the source in another way, so that not all is there that
// changes in the running kernel, or something that the code needs is not
// proven. Then diff says what stands against the jump labels.
func (r *run) readKeys(ctx context.Context, u *unit, shared sharedNames) error {
	elsewhere := u.owner.Lacks
	if u.owner.Name == klp.Vmlinux {
		elsewhere = nil
	}
	labels := u.diff.LateLabels(elsewhere)
	if len(labels) == 0 || refusedBesides(u.diff, diag.ModuleStaticKey) {
		return nil
	}
	v, err := r.keyReader(ctx, u, shared)
	if err != nil || v == nil {
		slog.Debug("keys cannot be read", "unit", u.Unit.Source, "error", err)
		return ctx.Err()
	}
	for _, d := range u.diff.Diagnostics {
		if d.Code == diag.DebugSiteDropped {
			v.diff.Diagnostics = append(v.diff.Diagnostics, d)
		}
	}
	u.orig, u.proof, u.diff, u.reads = v.orig, v.proof, v.diff, true
	for _, f := range u.diff.Functions {
		if keys := labels[f.Name]; len(keys) > 0 {
			u.diff.Diagnostics = append(u.diff.Diagnostics, report.Diagnostic{Code: diag.KeysRead, Severity: diag.Note, Symbol: f.Name,
				Message: f.Name + " reads its static keys and has no jump labels, as these are not the kernel's own: " + keyNames(keys)})
		}
	}
	return nil
}

// keyNames tells of keys in the words of the source.
func keyNames(keys []string) string {
	var names []string
	for _, k := range keys {
		if tracepoint, ok := strings.CutPrefix(k, "__tracepoint_"); ok {
			k = "tracepoint " + tracepoint
		} else if strings.HasPrefix(k, "__UNIQUE_ID_ddebug") {
			k = "debug messages"
		}
		names = append(names, k)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// refusedBesides reports whether anything else than code stands against d.
func refusedBesides(d *elfdiff.Result, code diag.Code) bool {
	return slices.ContainsFunc(d.Diagnostics, func(d report.Diagnostic) bool { return d.Severity == diag.Error && d.Code != code })
}

// keyReader is u compiled to read static keys; nil where that cannot take u's
// place.
func (r *run) keyReader(ctx context.Context, u *unit, shared sharedNames) (*unit, error) {
	pair, err := r.tree().CompileReadingKeys(ctx, u.Unit, r.overlay, filepath.Join(r.work, "keys", u.owner.Name, u.Unit.Object))
	if err != nil {
		return nil, err
	}
	v := &unit{Pair: pair, owner: u.owner}
	if v.orig, err = load(pair.Original); err != nil {
		return nil, err
	}
	patched, err := load(pair.Patched)
	if err != nil {
		return nil, err
	}
	twins, err := elfdiff.Twins(u.orig, v.orig)
	if err != nil {
		return nil, err
	}
	v.proof = baseproof.Prove(v.orig, u.owner.Image)
	v.proof.AdoptTwins(u.proof, twins)
	v.diff = elfdiff.DiffObjects(v.orig, patched)
	v.diff.Kernels = u.orig
	if v.diff.Refused() || !v.diff.Covers(u.diff) {
		return nil, nil
	}
	return v, v.resolvable(shared)
}

// resolvable is the first reason that the unit's code cannot be bound to the
// kernel's.
func (u *unit) resolvable(shared sharedNames) error {
	for _, f := range u.diff.Functions {
		if !f.Patch {
			continue
		}
		if _, d := u.owner.Replaced(f, u.proof); d != nil {
			return errors.New(d.Message)
		}
	}
	x, err := u.diff.Extract("")
	if err != nil {
		return err
	}
	if d := u.owner.Resolve(x, u.proof, shared.naming(u.owner)).Diagnostics; len(d) > 0 {
		return errors.New(d[0].Message)
	}
	return nil
}
