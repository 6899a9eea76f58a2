package kbuild

import (
	"context"
	"os"
	"path/filepath"

	"kintsugi/internal/fault"
)

// CompileReadingKeys is Compile for code that reads static keys where the
// kernel has jump labels: no site has to be set up, so that the key can come
// later than the code. Either of the two branches is taken as it would be
// (see the table in include/linux/jump_label.h: a site jumps where the key's
// state and the branch it was compiled for are not the same).
func (t *Tree) CompileReadingKeys(ctx context.Context, u Unit, overlay map[string][]byte, work string) (Pair, error) {
	const header = "arch/x86/include/asm/jump_label.h"
	text, err := os.ReadFile(filepath.Join(t.Dir, header))
	if err != nil {
		return Pair{}, fault.Environmentf("source tree: %w", err)
	}
	if _, changed := overlay[header]; changed {
		return Pair{}, fault.Inputf("the patch changes %s, which says how static keys are read", header)
	}
	common := map[string][]byte{header: append(text, readKeys...)}
	pairs, err := t.compileBoth(ctx, []Unit{u}, common, overlay, work)
	if err != nil {
		return Pair{}, err
	}
	return pairs[0], nil
}

// readKeys stands at the end of the header, so that no line before it moves.
// A key is enabled while its count is not zero (static_key_count).
const readKeys = `
#ifndef __ASSEMBLY__
static __always_inline bool kintsugi_static_branch(struct static_key * const key, const bool branch)
{
	return (*(const volatile int *)&key->enabled.counter != 0) != branch;
}
#define arch_static_branch(key, branch) kintsugi_static_branch(key, branch)
#define arch_static_branch_jump(key, branch) kintsugi_static_branch(key, branch)
#endif
`
