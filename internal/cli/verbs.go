package cli

import "github.com/spf13/cobra"

// verbs lists the verbs in the order of the help text. A verb is one file with
// one function that returns its cobra command. It follows these rules:
//
//   - RunE takes its context from cmd.Context(), which ends on Ctrl-C.
//   - A verb that has a result calls a.reporting(cmd), which adds --json, and
//     passes the result to a.print: a value for JSON, and its text.
//   - RunE returns its error. internal/fault has classed the error, and the
//     class is the exit code. Only a.print writes to stdout.
//   - Long steps are reported to a.display.Step (a target.Progress). log/slog
//     writes to the same display.
//   - Errors of cobra about flags and arguments are bad usage already. A verb
//     classes its own with fault.Inputf.
//   - Args is wants(LEAST, MOST, "WHAT..."), so that all verbs report missing
//     arguments in the same words.
//   - a.targetFlag(cmd) adds -t and the completion of target names.
var verbs = []func(*app) *cobra.Command{
	targetVerb,
	toolchainVerb,
	buildVerb,
	checkVerb,
	diffVerb,
	inspectVerb,
	testVerb,
	loadVerb,
	unloadVerb,
	listVerb,
	statusVerb,
	cleanVerb,
}
