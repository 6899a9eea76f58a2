package klp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"kintsugi/internal/arch"
	"kintsugi/internal/baseproof"
	"kintsugi/internal/diag"
	"kintsugi/internal/extract"
	"kintsugi/internal/fault"
	"kintsugi/internal/kimage"
	"kintsugi/internal/report"
)

// Kernel is the kernel that references are resolved against. Several goroutines
// may use it at once.
type Kernel struct {
	Image   *kimage.Image
	Exports map[string]Export
	// ReadModule returns a shipped module of the kernel, unpacked, or
	// fs.ErrNotExist if there is none of that name. nil: the modules are unknown.
	ReadModule func(name string) ([]byte, error)

	mu      sync.Mutex
	modules map[string]*Owner // and vmlinux
}

// OpenKernel opens a kernel by its unpacked image and its Module.symvers. The
// caller must close the image.
func OpenKernel(vmlinux, symvers string) (*Kernel, error) {
	data, err := os.ReadFile(symvers)
	if err != nil {
		return nil, fault.Environmentf("exports of the target: %w", err)
	}
	exports, err := ReadSymvers(data)
	if err != nil {
		return nil, fault.Environmentf("%s: %w", symvers, err)
	}
	image, err := kimage.OpenFile(vmlinux)
	if err != nil {
		return nil, fault.Environmentf("image of the target: %w", err)
	}
	return &Kernel{Image: image, Exports: exports}, nil
}

// Arch is the kernel's architecture. It is empty for an unknown machine.
func (k *Kernel) Arch() *arch.Arch {
	a, err := arch.ByMachine(k.Image.Machine)
	if err != nil {
		return &arch.Arch{Machine: k.Image.Machine}
	}
	return a
}

// Owner is a part of a kernel whose code can be patched: vmlinux or a shipped
// module.
type Owner struct {
	Name  string
	Image *kimage.Image

	kernel *Kernel
	needs  []string          // modules that are loaded before this one
	added  map[string]string // what a patch exports: modules by symbol

	readSites sync.Once
	sites     []uint64 // see traced
}

// Owner opens a part of the kernel by its name. The error is fs.ErrNotExist if the
// kernel does not have the module.
func (k *Kernel) Owner(name string) (*Owner, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if o := k.modules[name]; o != nil {
		return o, nil
	}
	o, err := k.open(name)
	if err != nil {
		return nil, err
	}
	if k.modules == nil {
		k.modules = map[string]*Owner{}
	}
	k.modules[name] = o
	return o, nil
}

func (k *Kernel) open(name string) (*Owner, error) {
	if name == Vmlinux {
		return &Owner{Name: Vmlinux, Image: k.Image, kernel: k}, nil
	}
	if k.ReadModule == nil {
		return nil, fault.Inputf("module %s: the target has no modules", name).
			Hint("add the target again with --modules and its folder lib/modules/RELEASE")
	}
	ko, err := k.ReadModule(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Inputf("module %s: %w", name, fs.ErrNotExist).
			Hint("is it in another package of the kernel, or built into the image?")
	}
	if err != nil {
		return nil, err
	}
	image, err := kimage.ParseModule(ko)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", name, err)
	}
	if image.Machine != k.Image.Machine {
		return nil, fault.Inputf("module %s is for %v, the kernel for %v", name, image.Machine, k.Image.Machine)
	}
	o := &Owner{Name: name, Image: image, kernel: k}
	for _, d := range parseModinfo(image.Section(modinfoSection)).depends() {
		o.needs = append(o.needs, moduleName(d))
	}
	return o, nil
}

// moduleName is the kernel's name for the module of a file.
func moduleName(file string) string { return strings.ReplaceAll(path.Base(file), "-", "_") }

// WithExports is o in a kernel where a patch exports more symbols: added has
// the module that defines each.
func (o *Owner) WithExports(added map[string]string) *Owner {
	return &Owner{Name: o.Name, Image: o.Image, kernel: o.kernel, needs: o.needs, added: added}
}

// exporter is the exporter of a symbol, vmlinux or a module. It is empty if
// neither the kernel nor the patch exports the symbol.
func (o *Owner) exporter(name string) string {
	if e, ok := o.kernel.Exports[name]; ok {
		return e.Owner()
	}
	return o.added[name]
}

// what is the name of o in messages.
func (o *Owner) what() string {
	if o.Name == Vmlinux {
		return "the kernel image"
	}
	return "the module " + o.Name
}

// position is the position at which the livepatch core finds the i-th symbol of o.
// A module's init code is freed after it has run, with its symbols. If one of these
// symbols has the same name and comes before the i-th, no position is right both
// while the module is being loaded and afterwards (layout_symtab,
// kernel/module/kallsyms.c).
func (o *Owner) position(i int) (uint64, *report.Diagnostic) {
	name := o.Image.Symbols[i].Name
	pos := position(o.table(), i)
	for _, earlier := range defined(o.table(), name) {
		if earlier == i || o.Name == Vmlinux {
			break
		}
		if o.dropped(earlier) {
			return 0, new(report.Found(report.Diagnostic{Code: diag.AmbiguousSymbol, Symbol: name,
				Message: fmt.Sprintf("%s has another position in the module %s once its init code has run and is freed", name,
					o.Name),
				Hint: "Make the change in functions whose names occur once in the module."}))
		}
	}
	return pos, nil
}

// dropped reports whether the i-th symbol is not among those that a module keeps
// after its init code has run (is_core_symbol, kernel/module/kallsyms.c).
func (o *Owner) dropped(i int) bool {
	s := o.Image.Symbols[i]
	code := s.Type == 't' || s.Type == 'T'
	return o.Image.Init(s.Addr) || s.Type == 'a' || s.Type == 'A' || !o.kernel.Image.HasData && !code
}

// moduleReference is the reference of code of the module o to e: to a symbol of
// the module itself, to an export, or to a symbol of the kernel that is not
// exported.
func (o *Owner) moduleReference(e *extract.External, proof *baseproof.Proof) (*report.Reference, *report.Diagnostic) {
	_, isProven := proven(e, proof)
	if !isProven && e.Old == nil && !o.HasGlobal(e.Name) {
		return o.imported(e.Name, report.ByName)
	}
	i, how, d := o.find(e, proof)
	if d != nil {
		return nil, d
	}
	if s := o.Image.Symbols[i]; s.Type == kimage.Import {
		return o.imported(s.Name, how)
	}
	return o.reference(i, how)
}

// reference is a livepatch reference to the i-th symbol of a module.
func (o *Owner) reference(i int, how report.How) (*report.Reference, *report.Diagnostic) {
	if d := o.checkInit(i); d != nil {
		return nil, d
	}
	if o.dropped(i) {
		return nil, notProven(o.Image.Symbols[i].Name, "the kernel does not keep its symbol")
	}
	pos, d := o.position(i)
	if d != nil {
		return nil, d
	}
	return &report.Reference{Symbol: o.Image.Symbols[i].Name, Object: o.Name, SymPos: pos, Kind: report.Livepatch,
		How: how}, nil
}

// imported is a reference of the module o to an export. An export of vmlinux is a
// plain symbol. An export of another module is a livepatch symbol, as the
// livepatch can be loaded before that module.
func (o *Owner) imported(name string, how report.How) (*report.Reference, *report.Diagnostic) {
	exporter := o.exporter(name)
	switch exporter {
	case Vmlinux:
		return &report.Reference{Symbol: name, Object: Vmlinux, Kind: report.Export, How: how}, nil
	case "":
		return o.unexported(name)
	}
	if !o.DependsOn(exporter) {
		return nil, new(report.Found(report.Diagnostic{Code: diag.ModuleDependency, Symbol: name,
			Message: fmt.Sprintf("%s is exported by the module %s, which %s does not depend on: it may not be loaded", name,
				exporter, o.Name),
			Hint: "Use an export of the kernel itself, or of a module that " + o.Name + " depends on."}))
	}
	other, err := o.kernel.Owner(exporter)
	if err != nil {
		return nil, notProven(name, err.Error())
	}
	for _, i := range other.Image.Lookup(name) {
		if s := other.Image.Symbols[i]; global(s.Type) && s.Type != kimage.Import {
			return other.reference(i, how)
		}
	}
	return nil, notProven(name, "the module "+exporter+" does not have it")
}

// unexported is a reference of a module's new code to a global symbol of the
// kernel that is not exported.
func (o *Owner) unexported(name string) (*report.Reference, *report.Diagnostic) {
	vmlinux := &Owner{Name: Vmlinux, Image: o.kernel.Image, kernel: o.kernel}
	matches := byName(vmlinux.table(), &extract.External{Name: name})
	if len(matches) == 0 {
		return nil, notProven(name, fmt.Sprintf("neither %s nor the kernel image has a global symbol of that name, and no "+
			"module exports it", o.what()))
	}
	if d := vmlinux.checkInit(matches[0]); d != nil {
		return nil, d
	}
	if len(matches) > 1 {
		return nil, new(report.Found(report.Diagnostic{Code: diag.AmbiguousSymbol, Symbol: name,
			Message: fmt.Sprintf("%d global symbols of the kernel image are called %s", len(matches), name)}))
	}
	return reference(vmlinux.table(), matches[0], report.ByName, o.kernel.Exports), nil
}

// Globals are the links by which C code refers to global symbols of vmlinux by
// their own names. ok is false if the kernel lacks one of them.
func (k *Kernel) Globals(names []string) (links Links, ok bool) {
	vmlinux := &Owner{Name: Vmlinux, Image: k.Image, kernel: k}
	links = Links{}
	for _, name := range names {
		ref, d := vmlinux.unexported(name)
		if d != nil {
			return nil, false
		}
		if ref.Kind != report.Export {
			links[name] = Link{Symbol: Symbol{Object: Vmlinux, Name: name, Pos: ref.SymPos}, Awaits: Vmlinux}
		}
	}
	return links, true
}

// Lacks reports whether a symbol that code of the module o refers to is not a
// symbol of vmlinux: it has no address before its module is loaded.
func (o *Owner) Lacks(name string) bool {
	exporter := o.exporter(name)
	return o.HasGlobal(name) || exporter != "" && exporter != Vmlinux
}

// DependsOn reports whether the module name is loaded whenever o is.
func (o *Owner) DependsOn(name string) bool { return o.dependsOn(name, map[string]bool{}) }

func (o *Owner) dependsOn(name string, seen map[string]bool) bool {
	if slices.Contains(o.needs, name) {
		return true
	}
	for _, n := range o.needs {
		if seen[n] {
			continue
		}
		seen[n] = true
		if other, err := o.kernel.Owner(n); err == nil && other.dependsOn(name, seen) {
			return true
		}
	}
	return false
}
