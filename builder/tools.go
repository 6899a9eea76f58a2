package builder

import (
	"kintsugi/kbuild"
	"kintsugi/kbuild/compile"
	"kintsugi/kbuild/nonunit"
	"kintsugi/kbuild/plan"
)

// kernelBuild is what the stages need of the kernel's build.
type kernelBuild struct {
	plan.Planner
	compile.Compiler
	nonunit.Checker
}

// openTree returns the build of the target's tree.
func openTree(opts *Options) (*kernelBuild, error) {
	t, err := opts.Target.Tree(opts.Jobs)
	if err != nil {
		return nil, err
	}
	t.Launcher, t.Progress = opts.Launcher, opts.Progress
	return newKernelBuild(t), nil
}

func newKernelBuild(t *kbuild.Tree) *kernelBuild {
	return &kernelBuild{plan.Planner{Tree: t}, compile.Compiler{Tree: t}, nonunit.Checker{Tree: t}}
}
