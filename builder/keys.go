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
	"kintsugi/internal/extract"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
)

// readKeys handles jump labels whose static key is in a module, which may be
// loaded after the livepatch, or would be in the livepatch itself. The kernel sets
// up jump labels before it has the addresses of such keys. So their units are
// compiled once more, original and patched, to read the keys instead.
func readKeys(ctx context.Context, s *session, units []changed, overlay map[string][]byte) ([]changed, error) {
	shared := sharedSymbols(units)
	exporters := shared.exporters()
	list := make([]changed, 0, len(units))
	for _, u := range units {
		if u.owner.Name != klp.Vmlinux {
			u.owner = u.owner.WithExports(exporters)
		}
		reader, err := withKeysRead(ctx, s, u, overlay, shared)
		if err != nil {
			return nil, err
		}
		if u.owner.Name != klp.Vmlinux {
			reader.diff = reader.diff.Late(u.owner.Lacks)
		}
		list = append(list, reader)
	}
	return list, nil
}

// withKeysRead returns u, compiled to read its static keys if it must.
//
// The original pair is kept if the recompiled unit does not cover every change,
// as the compiler may inline other functions in it, or if something that its
// code needs is not proven. The jump labels are then dropped or refused.
func withKeysRead(ctx context.Context, s *session, u changed, overlay map[string][]byte,
	shared sharedNames) (changed, error) {
	elsewhere := u.owner.Lacks
	if u.owner.Name == klp.Vmlinux {
		elsewhere = nil
	}
	labels := u.diff.LateLabels(elsewhere)
	if len(labels) == 0 || refusedBesides(u.diff, diag.ModuleStaticKey) {
		return u, nil
	}
	v, err := keyReader(ctx, s, u, overlay, shared)
	if err != nil {
		slog.Debug("keys cannot be read", "unit", u.Unit.Source, "error", err)
		return u, ctx.Err()
	}
	for _, d := range u.diff.Diagnostics {
		if d.Code == diag.DebugSiteDropped {
			v.notes = append(v.notes, d)
		}
	}
	for _, f := range v.diff.Functions {
		if keys := labels[f.Name]; len(keys) > 0 {
			v.notes = append(v.notes, report.Found(report.Diagnostic{Code: diag.KeysRead, Symbol: f.Name,
				Message: f.Name + " reads its static keys instead of using jump labels, because the keys may not be loaded yet: " +
					keyNames(keys)}))
		}
	}
	return v, nil
}

// keyNames lists keys by their names in the source.
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

// refusedBesides reports whether d has an error of another code.
func refusedBesides(d *elfdiff.Result, code diag.Code) bool {
	return slices.ContainsFunc(d.Diagnostics, func(d report.Diagnostic) bool {
		return d.Severity == diag.Error && d.Code != code
	})
}

// keyReader is u compiled to read static keys. The error is the reason why it
// cannot replace u.
func keyReader(ctx context.Context, s *session, u changed, overlay map[string][]byte,
	shared sharedNames) (changed, error) {
	work := filepath.Join(s.work, "keys", u.owner.Name, u.Unit.Object)
	pair, err := s.tools.CompileReadingKeys(ctx, u.Unit, overlay, work)
	if err != nil {
		return u, err
	}
	orig, err := load(pair.Original)
	if err != nil {
		return u, err
	}
	patched, err := load(pair.Patched)
	if err != nil {
		return u, err
	}
	diff := elfdiff.DiffObjects(orig, patched)
	if diff.Refused() || !diff.Covers(u.diff) {
		return u, errors.New("the recompiled unit does not cover every change")
	}
	v := changed{diff: diff, readsKeys: true, kernel: u.orig,
		proven: proven{compiled: compiled{Pair: pair, owner: u.owner}, orig: orig,
			proof: baseproof.Prove(orig, u.owner.Image).WithTwins(u.proof, elfdiff.Twins(u.orig, orig))}}
	return v, resolvable(v, shared)
}

// resolvable returns the first reason why the references of the unit cannot be resolved.
func resolvable(u changed, shared sharedNames) error {
	for _, f := range u.diff.Functions {
		if !f.Patch {
			continue
		}
		if _, d := u.owner.Replaced(f, u.proof); d != nil {
			return errors.New(d.Message)
		}
	}
	x, err := extract.Cut(u.diff, extract.Options{Kernel: u.kernel})
	if err != nil {
		return err
	}
	if d := u.owner.Resolve(x, u.proof, shared.naming(u.owner)).Diagnostics; len(d) > 0 {
		return errors.New(d[0].Message)
	}
	return nil
}
