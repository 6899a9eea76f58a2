package klp

import (
	"testing"

	"kintsugi/internal/diag"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/kofile"
	"kintsugi/internal/testenv"
)

// TestVerifyModule has the good module patch one that the kernel was shipped
// with, and twins of that with one thing wrong. btrfs has two functions of the
// name fill_inode_item.
func TestVerifyModule(t *testing.T) {
	k, good := realModule(t)
	k = &Kernel{Image: k.Image, Exports: k.Exports, ReadModule: kofile.Open(testenv.Kernel(t).Modules).Read}
	btrfs := func(function, reference string) func(t *testing.T, f *elfobj.File) {
		return func(t *testing.T, f *elfobj.File) {
			rename(t, f, "some_module", "btrfs")
			rename(t, f, "some_function", function)
			section(t, f, ".klp.rela.some_module..text").Name = ".klp.rela.btrfs..text"
			symbol(t, f, ".klp.sym.some_module.of_module,0").Name = reference
		}
	}
	for _, c := range []struct {
		name string
		edit func(t *testing.T, f *elfobj.File)
		code diag.Code
		want string // empty: nothing is found
	}{
		{"good", btrfs("fill_inode_item", ".klp.sym.btrfs.btrfs_search_slot,0"), "", ""},
		{"export of a dependency", btrfs("fill_inode_item", ".klp.sym.libcrc32c.crc32c,0"), "", ""},
		{"module that need not be there", btrfs("fill_inode_item", ".klp.sym.loop.max_loop,0"), "module-dependency",
			"max_loop"},
		{"unknown function", btrfs("btrfs_no_such", ".klp.sym.btrfs.btrfs_search_slot,0"), diag.LoadRule,
			"the module btrfs has no symbol btrfs_no_such"},
		{"position beyond the last", btrfs("btrfs_search_slot", ".klp.sym.btrfs.btrfs_search_slot,0"), diag.LoadRule,
			"position 2 of symbol btrfs_search_slot"},
		{"name of several", btrfs("fill_inode_item", ".klp.sym.btrfs.fill_inode_item,0"), "ambiguous-symbol",
			"fill_inode_item"},
		{"init code", btrfs("fill_inode_item", ".klp.sym.btrfs.init_module,0"), "init-code", "init_module"},
		{"section for another", func(t *testing.T, f *elfobj.File) {
			btrfs("fill_inode_item", ".klp.sym.btrfs.btrfs_search_slot,0")(t, f)
			section(t, f, ".klp.rela.btrfs..text").Name = ".klp.rela.libcrc32c..text"
		}, diag.LoadRule, "is never applied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := elfobj.Read(good)
			if err != nil {
				t.Fatal(err)
			}
			c.edit(t, f)
			ko, err := f.Write()
			if err != nil {
				t.Fatal(err)
			}
			found := k.Verify(ko)
			if c.want != "" {
				wantFinding(t, found, c.code, c.want)
				return
			}
			for _, d := range found {
				if d.Severity != diag.Warning {
					t.Errorf("%s %s: %s", d.Severity, d.Code, d.Message)
				}
			}
		})
	}
}
