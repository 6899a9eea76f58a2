package compile

import (
	"context"
	"os"
	"path/filepath"

	"kintsugi/internal/fault"
	"kintsugi/kbuild"
)

// CompileReadingKeys is Compile for code that reads its static keys instead of using jump labels.
// Then no jump label site needs to be set up, and the key can be loaded later than the code. Both
// kinds of branches keep their meaning: a site jumps if the key's state differs from the branch
// that it was compiled for (table in include/linux/jump_label.h).
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

// readKeys is appended to the header, so that no line before it moves. A key is enabled if its
// count is not zero (static_key_count).
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
