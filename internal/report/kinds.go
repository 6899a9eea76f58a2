package report

// Status is how a function or data object in the module stands to the kernel's.
type Status string

const (
	StatusNew     Status = "new"     // the kernel has none
	StatusChanged Status = "changed" // takes the place of the kernel's
	StatusPrivate Status = "private" // data: a copy of a constant, for code of the module
)

// CauseKind is what a link in the chain to a changed line is about.
type CauseKind string

const (
	ByCode    CauseKind = "code"
	ByData    CauseKind = "data"
	ByInline  CauseKind = "inline"  // an inlined function
	ByCallee  CauseKind = "callee"  // a function that is called, and cannot be replaced by itself
	BySection CauseKind = "section" // an entry of a special section
	ByString  CauseKind = "string"
)

// ReferenceKind is who resolves a reference.
type ReferenceKind string

const (
	Livepatch ReferenceKind = "klp"    // the livepatch core, by object, name and position
	Export    ReferenceKind = "export" // the module loader, by name
)

// How is the evidence that a reference means this symbol of the kernel.
type How string

const (
	ByProof How = "proof" // a relocated field of the kernel's own code points at it
	ByName  How = "name"  // it is the only one of its name
)

// CallbackKind is a member of struct klp_callbacks (include/linux/livepatch.h).
type CallbackKind string

const (
	PrePatch    CallbackKind = "pre_patch"
	PostPatch   CallbackKind = "post_patch"
	PreUnpatch  CallbackKind = "pre_unpatch"
	PostUnpatch CallbackKind = "post_unpatch"
)
