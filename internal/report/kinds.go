package report

// Status relates a function or data object of the module to the kernel's.
type Status string

const (
	StatusNew     Status = "new"     // the kernel does not have it
	StatusChanged Status = "changed" // replaces the kernel's
	StatusPrivate Status = "private" // data: a copy of a constant for the module's code
)

// CauseKind is the kind of a link in the chain to a changed line.
type CauseKind string

// What the cause of an included function is about.
const (
	ByCode    CauseKind = "code"
	ByData    CauseKind = "data"
	ByInline  CauseKind = "inline"  // an inlined function
	ByCallee  CauseKind = "callee"  // a called function that cannot be replaced on its own
	BySection CauseKind = "section" // an entry of a special section
	ByString  CauseKind = "string"
)

// ReferenceKind names what resolves a reference.
type ReferenceKind string

const (
	Livepatch ReferenceKind = "klp"    // the livepatch core, by object, name and position
	Export    ReferenceKind = "export" // the module loader, by name
)

// How is the evidence that a reference means this symbol of the kernel.
type How string

const (
	ByProof How = "proof" // a relocated field of the kernel's own code points at it
	ByName  How = "name"  // the kernel has only one symbol with this name
)

// CallbackKind is a member of struct klp_callbacks (include/linux/livepatch.h).
type CallbackKind string

// The callbacks of struct klp_callbacks (include/linux/livepatch.h).
const (
	PrePatch    CallbackKind = "pre_patch"
	PostPatch   CallbackKind = "post_patch"
	PreUnpatch  CallbackKind = "pre_unpatch"
	PostUnpatch CallbackKind = "post_unpatch"
)
