package objmodel

import "strings"

// Sections that the macros of templates/include write. They are not part of a kernel or module.
// Names that begin with .kpatch are kpatch's.
const (
	IgnoredFunctions = ".kpatch.ignore.functions"
	IgnoredSections  = ".kpatch.ignore.sections"
	Forced           = ".kpatch.force"
	States           = ".kintsugi.states"
	// of the header of kernels since 6.19: the symbols' names contain the kind
	callbackPointers = ".discard.klp_callback_ptrs"
)

var callbackKinds = []string{"pre_patch", "post_patch", "pre_unpatch", "post_unpatch"}

// CallbackKind returns the kind of callback that a pointer in a section is for, or "". Some
// sections need the name of the symbol at the pointer.
func CallbackKind(section, symbol string) string {
	for _, kind := range callbackKinds {
		named := section == callbackPointers && strings.HasPrefix(symbol, "__klp_"+kind+"_")
		if section == ".kpatch.callbacks."+kind || named {
			return kind
		}
	}
	return ""
}

// IsMacro reports whether a section is written by a macro with which the author of a patch controls
// the livepatch.
func IsMacro(section string) bool {
	switch section {
	case IgnoredFunctions, IgnoredSections, Forced, States, callbackPointers:
		return true
	}
	return CallbackKind(section, "") != ""
}
