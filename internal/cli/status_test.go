package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/livepatch"
)

func TestPatchText(t *testing.T) {
	no := false
	patch := livepatch.Patch{Name: "livepatch_fix", State: livepatch.Enabling,
		Objects: []livepatch.Object{
			{Name: "vmlinux", Functions: []livepatch.Function{{Name: "meminfo_proc_show"}, {Name: "user_read", SymPos: 2}}},
			{Name: "ext4", Patched: &no, Functions: []livepatch.Function{{Name: "ext4_fill_super"}}}},
		Blockers: []livepatch.Task{{PID: 7, Comm: "a\x1b[2J", Stack: []string{"schedule", "read"}}}}
	var one, all strings.Builder
	writePatch(&one, &patch)
	writePatches(&all, []livepatch.Patch{patch, {Name: "old", State: livepatch.Inactive}})
	if diff := cmp.Diff(`livepatch_fix  enabling
  vmlinux/meminfo_proc_show,0
  vmlinux/user_read,2
  ext4/ext4_fill_super,0       not patched: the module is not loaded
  waits for pid 7 (a\x1b[2J) in schedule < read
`, one.String()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`livepatch_fix  enabling  3 functions
old            inactive  no functions
`, all.String()); diff != "" {
		t.Error(diff)
	}
}
