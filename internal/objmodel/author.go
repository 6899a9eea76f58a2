package objmodel

import "strings"

// The sections that the macros of templates/include write. They are no part of
// a kernel or module. Those that begin with .kpatch are kpatch's own names.
const (
	IgnoredFunctions = ".kpatch.ignore.functions"
	IgnoredSections  = ".kpatch.ignore.sections"
	Forced           = ".kpatch.force"
	States           = ".kintsugi.states"
	// of the header of kernels since 6.19: the symbols' names give the kind
	callbackPointers = ".discard.klp_callback_ptrs"
)

var callbackKinds = []string{"pre_patch", "post_patch", "pre_unpatch", "post_unpatch"}

// CallbackKind is the kind of callback that a pointer in a section, under the
// name of a symbol, is for; empty if it is for none.
func CallbackKind(section, symbol string) string {
	for _, kind := range callbackKinds {
		named := section == callbackPointers && strings.HasPrefix(symbol, "__klp_"+kind+"_")
		if section == ".kpatch.callbacks."+kind || named {
			return kind
		}
	}
	return ""
}

// IsMacro reports whether a section is written by a macro by which the author
// of the patch directs how the livepatch is made.
func IsMacro(section string) bool {
	switch section {
	case IgnoredFunctions, IgnoredSections, Forced, States, callbackPointers:
		return true
	}
	return CallbackKind(section, "") != ""
}
