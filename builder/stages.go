package builder

import (
	"context"
	"os"
	"path/filepath"
	"sort"
	"strconv"

	"kintsugi/elfdiff"
	"kintsugi/internal/baseproof"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/fault"
	"kintsugi/internal/kimage"
	"kintsugi/internal/klp"
	"kintsugi/internal/patchfile"
	"kintsugi/internal/report"
	"kintsugi/kbuild"
)

// unit is one translation unit on its way through the stages.
type unit struct {
	kbuild.Pair
	changes map[string]*patchfile.Change // by path

	orig    *elfdiff.Object
	proof   *baseproof.Proof
	diff    *elfdiff.Result
	extract *elfdiff.Extract
	targets map[*elfdiff.Function]klp.Target // where each replaced function is
	names   []string                         // namespaces to import
}

// parse reads the patches and applies them to the pristine tree in memory.
func (r *run) parse() (*patchfile.Result, error) {
	defer r.timed("parse")()
	var patches []*patchfile.Patch
	for _, path := range r.opts.Patches {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fault.Inputf("patch: %w", err)
		}
		p, err := patchfile.Parse(filepath.Base(path), data)
		if err != nil {
			return nil, err
		}
		patches = append(patches, p)
		files := p.Paths()
		sort.Strings(files)
		r.rep.Patches = append(r.rep.Patches, report.Patch{Path: p.Name, SHA256: p.SHA256, Files: files})
	}
	tree, err := os.OpenRoot(r.opts.Target.Source)
	if err != nil {
		return nil, fault.Environmentf("source of target %s: %w", r.opts.Target.Name, err)
	}
	defer tree.Close()
	changes, err := patchfile.Apply(tree.FS(), patches)
	if err != nil {
		return nil, err
	}
	r.rep.Diagnostics = append(r.rep.Diagnostics, patchfile.Diagnose(patches, sourceArch)...)
	for _, o := range changes.Offsets {
		r.rep.Diagnostics = append(r.rep.Diagnostics, o.Diagnostic())
	}
	return changes, r.barrier()
}

// sourceArch is the directory below arch/ that belongs to x86_64, the only
// architecture that targets have so far.
const sourceArch = "x86"

// open reads the shipped image and the exports of the target.
func (r *run) open() error {
	defer r.timed("open")()
	t := r.opts.Target
	image, err := kimage.OpenFile(t.Vmlinux)
	if err != nil {
		return fault.Environmentf("image of target %s: %w", t.Name, err)
	}
	r.kernel.Image = image
	symvers, err := os.ReadFile(t.Symvers)
	if err != nil {
		return fault.Environmentf("exports of target %s: %w", t.Name, err)
	}
	r.kernel.Exports, err = klp.ReadSymvers(symvers)
	if err != nil {
		return fault.Environmentf("exports of target %s: %w", t.Name, err)
	}
	return nil
}

func (r *run) tree() *kbuild.Tree {
	t := r.opts.Target
	return &kbuild.Tree{Dir: t.Source, CC: t.CC, CacheDir: filepath.Join(t.Dir, "units"), Jobs: r.opts.Jobs}
}

// plan finds the translation units that the changed files reach.
func (r *run) plan(ctx context.Context, changes *patchfile.Result) ([]kbuild.Unit, error) {
	defer r.timed("plan")()
	units, diags, err := r.tree().Plan(ctx, changedPaths(changes))
	if err != nil {
		return nil, err
	}
	if len(units) == 0 {
		notInKernel(diags)
	}
	r.rep.Diagnostics = append(r.rep.Diagnostics, diags...)
	for _, u := range units {
		r.rep.Units = append(r.rep.Units, report.Unit{Source: u.Source, Object: u.Object, Owner: u.Owner()})
		if !u.Builtin() {
			r.refuse("module-code", u.Source, "only code that is built into vmlinux can be patched",
				"%s belongs to the module %s", u.Source, u.Owner())
		}
	}
	if err := r.barrier(); err != nil {
		return nil, err
	}
	if len(units) == 0 {
		return nil, r.unreached(nil, changes, report.Error)
	}
	return units, nil
}

// changedPaths are the changed files that can be part of this kernel.
func changedPaths(changes *patchfile.Result) []string {
	var paths []string
	for _, c := range changes.Changes {
		if !patchfile.ForeignArch(c.Path, sourceArch) {
			paths = append(paths, c.Path)
		}
	}
	return paths
}

// notInKernel makes refusals of the warnings about files that this kernel
// does not have: there is nothing else in the patch.
func notInKernel(diags []report.Diagnostic) {
	for i := range diags {
		if diags[i].Code == "not-in-kernel" {
			diags[i].Severity = report.Error
		}
	}
}

// unreached says which changed files no unit was compiled from. Where no file
// at all is left to say something about, the patch changes nothing.
func (r *run) unreached(pairs []kbuild.Pair, changes *patchfile.Result, severity report.Severity) error {
	said := map[string]bool{}
	for _, d := range r.rep.Diagnostics {
		said[d.Source] = true
	}
	for _, file := range kbuild.Unreached(pairs, changedPaths(changes)) {
		if !said[file] {
			r.rep.Diagnostics = append(r.rep.Diagnostics, report.Diagnostic{Code: "not-in-kernel", Severity: severity, Source: file,
				Message: file + " is part of no unit of this kernel", Hint: "a new file needs a unit that includes it"})
		}
	}
	if err := r.barrier(); err != nil || len(pairs) > 0 {
		return err
	}
	return ErrNothing
}

// compile makes the pair of objects of every unit. Line numbers are pinned,
// so that code which only moved stays the same; where the compiler refuses the
// patched source, it is asked once more without, for the numbers that a person
// sees in the file.
func (r *run) compile(ctx context.Context, planned []kbuild.Unit, changes *patchfile.Result) ([]*unit, error) {
	defer r.timed("compile")()
	byPath := map[string]*patchfile.Change{}
	for _, c := range changes.Changes {
		byPath[c.Path] = c
	}
	pairs, err := r.tree().Compile(ctx, planned, overlay(changes, true), filepath.Join(r.work, "units"))
	if fault.CodeOf(err) == "patch-compile" {
		byPath = nil // the numbers in debug info are others
		pairs, err = r.tree().Compile(ctx, planned, overlay(changes, false), filepath.Join(r.work, "unpinned"))
	}
	if err != nil {
		return nil, err
	}
	if err := r.unreached(pairs, changes, report.Warning); err != nil {
		return nil, err
	}
	var units []*unit
	for _, p := range pairs {
		units = append(units, &unit{Pair: p, changes: byPath})
	}
	return units, nil
}

// overlay is what the patch makes of the tree: contents by path, nil for what
// is gone.
func overlay(changes *patchfile.Result, pinned bool) map[string][]byte {
	files := map[string][]byte{}
	for _, c := range changes.Changes {
		switch {
		case c.Patched == nil:
			files[c.Path] = nil
		case pinned:
			files[c.Path] = c.Pinned
		default:
			files[c.Path] = c.Patched
		}
	}
	return files
}

// prove finds every original function in the shipped image.
func (r *run) prove(units []*unit) error {
	defer r.timed("prove")()
	for i, u := range units {
		var err error
		if u.orig, err = load(u.Original); err != nil {
			return fault.Environmentf("%s: %w", u.Unit.Object, err)
		}
		u.proof = baseproof.Prove(u.orig, r.kernel.Image)
		r.rep.Units[i].Proof = u.proof.Report()
	}
	return nil
}

func load(object []byte) (*elfdiff.Object, error) {
	file, err := elfobj.Read(object)
	if err != nil {
		return nil, err
	}
	return elfdiff.Load(file)
}

// diff finds what changed in every unit, and refuses replacing what is not proven.
func (r *run) diff(units []*unit) error {
	defer r.timed("diff")()
	empty := true
	for _, u := range units {
		patched, err := load(u.Patched)
		if err != nil {
			return fault.Environmentf("%s (patched): %w", u.Unit.Object, err)
		}
		u.diff = elfdiff.DiffObjects(u.orig, patched)
		empty = empty && u.diff.Empty()
		u.traceCauses()
		r.diagnose(u, u.diff.Diagnostics)
	}
	if err := r.barrier(); err != nil {
		return err
	}
	if empty {
		return ErrNothing
	}
	return nil
}

// extract cuts the objects that the module is linked from.
func (r *run) extract(units []*unit) error {
	defer r.timed("extract")()
	replaced := 0
	for i, u := range units {
		x, err := u.diff.Extract("klp" + strconv.Itoa(i) + "_")
		if err != nil {
			return &fault.Error{Class: fault.Bug, Err: err}
		}
		u.extract = x
		replaced += len(x.Replacements)
	}
	if replaced == 0 {
		return ErrNothing
	}
	return nil
}

// resolve finds the kernel's own function behind each one that is replaced,
// and names every reference of the extracted objects.
func (r *run) resolve(ctx context.Context, units []*unit) error {
	defer r.timed("resolve")()
	shared := sharedSymbols(units)
	for i, u := range units {
		if u.proof.Improvable() && u.wantsProof() {
			if err := r.provePlain(ctx, u); err != nil {
				return err
			}
			r.rep.Units[i].Proof = u.proof.Report()
		}
		r.locate(u)
		res := r.kernel.Resolve(u.extract, u.proof, shared)
		u.names = res.Namespaces
		r.rep.References = append(r.rep.References, res.References...)
		r.diagnose(u, res.Diagnostics)
		r.reportContents(u)
	}
	return r.barrier()
}

// wantsProof reports whether something that the module needs of the unit has
// no proven address yet.
func (u *unit) wantsProof() bool {
	for _, rep := range u.extract.Replacements {
		if u.proof.Unproven(rep.Func.Old) != "" {
			return true
		}
	}
	for _, e := range u.extract.Externals {
		known := false
		if e.Old != nil {
			_, known = u.proof.Addr(e.Old)
		} else {
			_, known = u.proof.SymbolAddr(e.Name)
		}
		if !known {
			return true
		}
	}
	return false
}

// provePlain proves the unit once more, compiled with its functions together.
func (r *run) provePlain(ctx context.Context, u *unit) error {
	object, err := r.tree().CompilePlain(ctx, u.Unit, filepath.Join(r.work, "plain", filepath.Base(u.Unit.Object)))
	if err != nil {
		return err
	}
	plain, err := load(object)
	if err != nil {
		return fault.Environmentf("%s: %w", u.Unit.Object, err)
	}
	u.proof.Adopt(baseproof.Prove(plain, r.kernel.Image))
	return nil
}

// locate finds the function of the image behind each one that is replaced.
func (r *run) locate(u *unit) {
	u.targets = map[*elfdiff.Function]klp.Target{}
	for _, f := range u.diff.Functions {
		if !f.Patch {
			continue
		}
		t, d := r.kernel.Replaced(f, u.proof)
		if d != nil {
			r.diagnose(u, []report.Diagnostic{*d})
			continue
		}
		u.targets[f] = t
	}
}

// sharedSymbols are the global symbols that the patch adds to the kernel.
func sharedSymbols(units []*unit) map[string]bool {
	shared := map[string]bool{}
	for _, u := range units {
		for _, f := range u.diff.Functions {
			if f.Old == nil && f.New.Global() {
				shared[f.Name] = true
			}
		}
		for _, d := range u.diff.Data {
			if d.Status == "new" && d.New.Global() {
				shared[d.Name] = true
			}
		}
	}
	return shared
}
