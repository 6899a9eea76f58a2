package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/diag"
	"kintsugi/internal/klp"
	"kintsugi/internal/report"
)

func exampleInspection() inspection {
	crc := uint32(0xf0949581)
	return inspection{
		Module: &klp.Module{Name: "livepatch", Vermagic: "6.1.0 SMP ", License: "GPL", Livepatch: true, Depends: []string{},
			ImportNS: []string{"DMA_BUF"}, Size: 4096,
			Patch: &klp.Patch{Replace: true, States: []klp.State{{ID: 7, Version: 2}}, Objects: []klp.Object{
				{Name: "vmlinux", Functions: []klp.Function{
					{OldName: "cmdline_proc_show", NewFunc: "new_cmdline", Size: 31},
					{OldName: "user_read", SymPos: 2, NewFunc: "new\x1b[2Jread", Size: 128}}},
				{Name: "ext4", Callbacks: []string{"pre_patch", "post_unpatch"}, Functions: []klp.Function{}}}},
			References: []klp.Reference{{Symbol: "saved_command_line", Object: "vmlinux",
				Uses: []klp.Use{{Section: ".klp.rela.vmlinux..text", Relocs: 2}}}},
			Imports: []klp.Import{{Symbol: "seq_printf", CRC: &crc}, {Symbol: "unversioned"}},
		},
		Load: &loadCheck{Target: "here", Release: "6.1.0", Diagnostics: []report.Diagnostic{
			{Code: "load-rule", Severity: diag.Error, Symbol: "unversioned",
				Message: "unversioned is not exported by the kernel", Hint: "refer to it by a klp relocation"}}},
	}
}

func TestInspectText(t *testing.T) {
	var b strings.Builder
	exampleInspection().writeText(&b)
	want := `name        livepatch
vermagic    6.1.0 SMP
license     GPL
livepatch   yes
replace     yes
signed      no
size        4096 bytes
namespaces  DMA_BUF

replaced functions
  vmlinux/cmdline_proc_show  ->  new_cmdline      31  bytes
  vmlinux/user_read,2        ->  new\x1b[2Jread  128  bytes
  callbacks  ext4  pre_patch, post_unpatch
  state      7     version 2

livepatch relocations
  vmlinux/saved_command_line  2  in  .klp.rela.vmlinux..text

exported symbols
  seq_printf   0xf0949581
  unversioned

would not load on 6.1.0
  error[load-rule]: unversioned is not exported by the kernel
    hint: refer to it by a klp relocation
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestInspectTextOfOthers(t *testing.T) {
	for want, m := range map[string]*klp.Module{
		"not a livepatch: it is a plain kernel module":  {},
		"the module makes its struct klp_patch when it": {Livepatch: true},
	} {
		var b strings.Builder
		inspection{Module: m}.writeText(&b)
		if !strings.Contains(b.String(), want) || strings.Contains(b.String(), "load on") {
			t.Errorf("%s", b.String())
		}
	}
}

func TestInspectJSON(t *testing.T) {
	data, err := json.Marshal(exampleInspection())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	load := got["load"].(map[string]any)
	patch := got["patch"].(map[string]any)
	if got["name"] != "livepatch" || load["ok"] != false || patch["replace"] != true {
		t.Errorf("%s", data)
	}
}
