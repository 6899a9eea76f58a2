package cli

import "github.com/spf13/cobra"

// verbs are the verbs in the order of the help text. A verb is one file with
// one function that returns its cobra command, and follows these rules:
//
//   - RunE takes its context from cmd.Context(): it ends on Ctrl-C.
//   - A verb that has a result calls a.reporting(cmd), which adds --json, and
//     hands the result to a.print: a value for JSON, and its text.
//   - RunE returns its error, which internal/fault has classed: the class is
//     the exit code. Nothing but a.print writes to stdout.
//   - Long steps are told to a.display.Step (a target.Progress); log/slog goes
//     to the same display.
//   - What cobra finds wrong with flags and arguments is bad usage already;
//     a verb says the same of its own findings with fault.Inputf.
//   - Args is wants(LEAST, MOST, "WHAT..."), for one wording of what is missing.
//   - Completion of target names: a.targetFlag(cmd) adds -t with it.
var verbs = []func(*app) *cobra.Command{
	targetVerb,
	buildVerb,
	checkVerb,
	diffVerb,
	inspectVerb,
	testVerb,
	loadVerb,
	unloadVerb,
	listVerb,
	statusVerb,
}
