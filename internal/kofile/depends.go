package kofile

import (
	"bytes"
	"debug/elf"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"kintsugi/internal/fault"
)

// Dependencies are the modules that .modinfo of a module names.
type Dependencies struct {
	Needs   []string // depends: the module uses their exports
	Before  []string // softdep pre: loaded first if possible
	After   []string // softdep post: loaded afterwards if possible
	Aliases []string // names by which others request the module
}

// ReadDependencies reads .modinfo of an unpacked module.
func ReadDependencies(ko []byte) (*Dependencies, error) {
	file, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, fault.Inputf("not a kernel module: %w", err)
	}
	section := file.Section(".modinfo")
	if section == nil {
		return nil, fault.Inputf("not a kernel module: no .modinfo")
	}
	info, err := section.Data()
	if err != nil {
		return nil, fault.Inputf(".modinfo: %w", err)
	}
	d := &Dependencies{}
	for _, entry := range strings.Split(string(info), "\x00") {
		switch key, value, _ := strings.Cut(entry, "="); key {
		case "depends":
			d.Needs = append(d.Needs, strings.FieldsFunc(value, func(r rune) bool { return r == ',' })...)
		case "softdep":
			d.soft(value)
		case "alias":
			d.Aliases = append(d.Aliases, value)
		}
	}
	return d, nil
}

// soft reads "pre: a b post: c" (MODULE_SOFTDEP, include/linux/module.h).
func (d *Dependencies) soft(text string) {
	list := &d.Before
	for _, word := range strings.Fields(text) {
		switch word {
		case "pre:":
			list = &d.Before
		case "post:":
			list = &d.After
		default:
			*list = append(*list, word)
		}
	}
}

// LoadOrder returns the named modules and those that they need, each after its dependencies. It
// omits soft dependencies that the folder does not have. If a needed module is missing, the error
// wraps fs.ErrNotExist.
func (d *Dir) LoadOrder(names ...string) ([]string, error) {
	o := &order{dir: d, seen: map[string]bool{}}
	for _, name := range names {
		if err := o.add(name); err != nil {
			return nil, err
		}
	}
	return o.list, nil
}

type order struct {
	dir  *Dir
	seen map[string]bool // including those in progress: ends cycles
	list []string
}

func (o *order) add(name string) error {
	name = strings.ReplaceAll(name, "-", "_")
	if o.seen[name] {
		return nil
	}
	o.seen[name] = true
	ko, err := o.dir.Read(name)
	if err != nil {
		return err
	}
	needs, err := ReadDependencies(ko)
	if err != nil {
		return err
	}
	if err := o.soft(needs.Before); err != nil {
		return err
	}
	for _, n := range needs.Needs {
		if err := o.add(n); err != nil {
			return err
		}
	}
	o.list = append(o.list, name)
	return o.soft(needs.After)
}

// soft adds those of the modules, by name or alias, that the folder has.
func (o *order) soft(names []string) error {
	for _, name := range names {
		found, err := o.dir.named(name)
		if err != nil {
			return err
		}
		for _, n := range found {
			if err := o.add(n); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// named returns the module called name, or else those that have it as an alias. It reads only files
// whose name begins like the alias, because unpacking all modules of a kernel would take minutes.
// Aliases of algorithms begin with crypto- (MODULE_ALIAS_CRYPTO, include/linux/crypto.h), but file
// names do not.
func (d *Dir) named(name string) ([]string, error) {
	files, err := d.find()
	if err != nil {
		return nil, err
	}
	name = strings.ReplaceAll(name, "-", "_")
	if _, ok := files[name]; ok {
		return []string{name}, nil
	}
	var found []string
	stem := strings.TrimPrefix(name, "crypto_")
	for _, n := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(n, stem) {
			continue
		}
		ko, err := Read(files[n])
		if err != nil {
			return nil, err
		}
		has, err := ReadDependencies(ko)
		if err == nil && slices.ContainsFunc(has.Aliases, func(a string) bool {
			return strings.ReplaceAll(a, "-", "_") == name
		}) {
			found = append(found, n)
		}
	}
	return found, nil
}
