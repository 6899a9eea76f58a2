package builder

import (
	"kintsugi/kbuild"
	compiler "kintsugi/kbuild/compile"
	"kintsugi/kbuild/nonunit"
	planner "kintsugi/kbuild/plan"
)

// kernelBuild is tools for a real source tree.
type kernelBuild struct {
	planner.Planner
	compiler.Compiler
	nonunit.Checker
}

func toolsOf(t *kbuild.Tree) tools {
	return &kernelBuild{planner.Planner{Tree: t}, compiler.Compiler{Tree: t}, nonunit.Checker{Tree: t}}
}
