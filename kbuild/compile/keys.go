package compile

import (
	"context"
	"os"
	"path/filepath"

	"kintsugi/internal/fault"
	"kintsugi/kbuild"
)

// CompileReadingKeys is Compile for code that reads static keys where the
// kernel has jump labels: no site must be set up, so that the key can be loaded
// later than the code. Each of the two branches is taken as it would be (see
// the table in include/linux/jump_label.h: a site jumps where the key's state
// and the branch it was compiled for differ).
func (c *Compiler) CompileReadingKeys(ctx context.Context, u kbuild.Unit, changed map[string][]byte, work string) (
	kbuild.Pair, error) {
	header := c.Tree.Arch.Kbuild.JumpLabels
	if header == "" {
		return kbuild.Pair{}, fault.Environmentf("jump labels of %s are not known", c.Tree.Arch.Name)
	}
	text, err := os.ReadFile(filepath.Join(c.Tree.Dir, header))
	if err != nil {
		return kbuild.Pair{}, fault.Environmentf("source tree: %w", err)
	}
	if _, ok := changed[header]; ok {
		return kbuild.Pair{}, fault.Inputf("the patch changes %s, which defines how static keys are read", header)
	}
	common := map[string][]byte{header: append(text, readKeys...)}
	pairs, err := c.compileBoth(ctx, []kbuild.Unit{u}, common, changed, work)
	if err != nil {
		return kbuild.Pair{}, err
	}
	return pairs[0], nil
}

// readKeys is added at the end of the header, so that no line before it moves.
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
