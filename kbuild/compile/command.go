package compile

import (
	"path"
	"slices"
	"strings"

	"kintsugi/internal/command"
	"kintsugi/kbuild"
)

// caged runs the compiler in the tree's cage.
func caged(t *kbuild.Tree, cc command.Cmd) command.Cmd {
	cc.Cage = t.Cage
	return cc
}

// launch runs the compiler through the tree's launcher, and both in the cage.
func launch(t *kbuild.Tree, cc command.Cmd) command.Cmd {
	cc = caged(t, cc)
	if len(t.Launcher) == 0 {
		return cc
	}
	cc.Args = slices.Concat(t.Launcher[1:], []string{cc.Path}, cc.Args)
	cc.Path = t.Launcher[0]
	return cc
}

func objtoolRun(t *kbuild.Tree, u *kbuild.Unit, object string) command.Cmd {
	args := append(slices.Clone(u.Objtool), object)
	return command.Cmd{Dir: t.Dir, Path: "./tools/objtool/objtool", Args: args, Cage: t.Cage}
}

// compilerRun returns the compiler's run below root that makes the object of u.
func compilerRun(u *kbuild.Unit, root, object string) command.Cmd {
	words := outside(u.Compile, object, root)
	if u.Types {
		words = append(words, "-g2")
	}
	return command.Cmd{Dir: root, Env: []string{"PWD=" + root}, Path: words[0], Args: words[1:]}
}

// outside changes kbuild's command so that it writes object and object.d instead of files in the
// tree. Every function and datum gets its own section. Debug info is reduced to line tables and
// inlined functions: it never changes code, and all of it would cost a fifth of the compiler's
// time. The prefix maps keep paths of this machine out of the object; the pipe keeps them out of
// the assembler's messages.
func outside(words []string, object, root string) []string {
	var out []string
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-o" && i+1 < len(words):
			out = append(out, w, object)
			i++
		case isDepOption(w):
			out = append(out, "-Wp,-MMD,"+object+".d")
		case w == "-g" || w == "-gsplit-dwarf" || strings.HasPrefix(w, "-gz"):
		default:
			out = append(out, w)
		}
	}
	return append(out, "-pipe", "-g1", "-ffunction-sections", "-fdata-sections", "-fdebug-prefix-map="+root+"=.")
}

// isDepOption reports whether w names the file for the dependencies.
func isDepOption(w string) bool {
	return strings.HasPrefix(w, "-Wp,-MMD,") || strings.HasPrefix(w, "-Wp,-MD,")
}

// isSplit reports whether option puts every function or datum into its own section.
func isSplit(option string) bool {
	return slices.Contains([]string{"-ffunction-sections", "-fdata-sections"}, option)
}

// stage makes the compiler stop after a stage: -E or -c.
func stage(cc command.Cmd, stop string) command.Cmd {
	cc.Args = slices.DeleteFunc(cc.Args, func(w string) bool { return w == "-c" || w == "-S" || w == "-E" || w == "-P" })
	cc.Args = append([]string{stop}, cc.Args...)
	return cc
}

// preprocessorRun returns the compiler's run that only preprocesses.
func preprocessorRun(u *kbuild.Unit, root, text string) command.Cmd {
	cc := compilerRun(u, root, text)
	cc.Args = slices.DeleteFunc(cc.Args, func(w string) bool { return w == "-pipe" })
	// Paths of this run must not be in the text, because a compiler cache compares texts.
	cc.Args = append(cc.Args, "-fno-working-directory")
	return stage(cc, "-E")
}

// fromTextRun returns the compiler's run that compiles the preprocessed text.
func fromTextRun(u *kbuild.Unit, root, text, object string) command.Cmd {
	cc := compilerRun(u, root, object)
	var args []string
	for i := 0; i < len(cc.Args); i++ {
		switch w := cc.Args[i]; {
		case w == "-include" || w == "-isystem" || w == "-iquote":
			i++
		case w == "-nostdinc" || len(w) > 1 && (w[:2] == "-I" || w[:2] == "-D" || w[:2] == "-U") || isDepOption(w):
		case path.Clean(w) == u.Source && w[0] != '-':
			args = append(args, text)
		default:
			args = append(args, w)
		}
	}
	cc.Args = append(args, "-fpreprocessed")
	return cc
}
