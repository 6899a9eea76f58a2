// Package report holds the results of a build: the value behind report.json and behind every text
// that a person reads.
package report

import "kintsugi/internal/diag"

// Schema is the version of the JSON form.
const Schema = 1

// Verdict is the outcome of a build, check or diff.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Fixed   Verdict = "fixed" // the kernel already has the change
	Refused Verdict = "refused"
	Nothing Verdict = "nothing"
	Failed  Verdict = "failed"
)

// Report is everything that one build, check or diff found. Sort sorts the lists. Except for
// Timings, nothing in it depends on time, path or machine.
type Report struct {
	Schema      int              `json:"schema"`
	Tool        Tool             `json:"tool"`
	Verdict     Verdict          `json:"verdict"`
	Target      *Target          `json:"target,omitempty"`
	Cage        string           `json:"cage,omitempty"` // cage of the compiler: bubblewrap or none
	Patches     []Patch          `json:"patches,omitempty"`
	Units       []Unit           `json:"units,omitempty"`
	Functions   []Function       `json:"functions"`
	Data        []Data           `json:"data"`
	References  []Reference      `json:"references"`
	Callbacks   []Callback       `json:"callbacks,omitempty"`
	States      []State          `json:"states,omitempty"`
	Diagnostics []Diagnostic     `json:"diagnostics"`
	Accepted    []Accepted       `json:"accepted,omitempty"`
	Module      *Module          `json:"module,omitempty"`
	Timings     map[string]int64 `json:"timings_ms,omitempty"`
	Test        *Test            `json:"test,omitempty"`
	Error       *Failure         `json:"error,omitempty"` // reason of the verdict Failed
}

// Failure is the error that ended a run.
type Failure struct {
	Message string   `json:"message"`
	Hints   []string `json:"hints,omitempty"`
}

// Tool is this program.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Target is the kernel that the module is for.
type Target struct {
	Name     string `json:"name"`
	Release  string `json:"release"` // uname -r
	Arch     string `json:"arch"`
	Compiler string `json:"compiler"` // CONFIG_CC_VERSION_TEXT
	// Toolchain compiled the kernel's files.
	Toolchain *Toolchain `json:"toolchain,omitempty"`
}

// Toolchain is the origin of the compiler and of all other tools.
type Toolchain struct {
	Name     string             `json:"name"`
	Packages []ToolchainPackage `json:"packages,omitempty"`
}

// ToolchainPackage is one Debian package of a toolchain.
type ToolchainPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// Patch is one input file.
type Patch struct {
	Path   string   `json:"path"` // base name
	SHA256 string   `json:"sha256"`
	Files  []string `json:"files"` // changed files, relative to the source tree
}

// Unit is a translation unit that was compiled twice.
type Unit struct {
	Source string `json:"source"`        // relative to the source tree
	Object string `json:"object"`        // relative to the source tree
	Owner  string `json:"owner"`         // "vmlinux" or the module's name
	New    bool   `json:"new,omitempty"` // the patch adds the file, so nothing must be proven
	Proof  *Proof `json:"proof,omitempty"`
}

// Proof counts the unit's original functions, and those that the image contains byte for byte.
type Proof struct {
	Functions int        `json:"functions"`
	Proven    int        `json:"proven"`
	Unproven  []Unproven `json:"unproven"`
}

// Unproven is a function that the image does not contain as compiled, and the reason.
type Unproven struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Function is one function in the module.
type Function struct {
	Name    string  `json:"name"`
	Object  string  `json:"object"` // "vmlinux" or a module
	Unit    string  `json:"unit"`
	Status  Status  `json:"status"` // StatusNew or StatusChanged
	SymPos  uint64  `json:"sympos"`
	OldSize uint64  `json:"old_size"` // bytes
	NewSize uint64  `json:"new_size"` // bytes
	Cause   []Cause `json:"cause"`
}

// Cause is a link in the chain from a function to the changed source line.
type Cause struct {
	Kind   CauseKind `json:"kind"`
	Symbol string    `json:"symbol,omitempty"`
	Source string    `json:"source,omitempty"` // file:line
	Detail string    `json:"detail,omitempty"`
}

// Data is a data object in the module.
type Data struct {
	Name   string `json:"name"`
	Object string `json:"object"`
	Unit   string `json:"unit"`
	Status Status `json:"status"`
}

// Reference is a symbol of the kernel that the module uses.
type Reference struct {
	Symbol string        `json:"symbol"`
	Object string        `json:"object"`
	SymPos uint64        `json:"sympos"`
	Kind   ReferenceKind `json:"kind"`
	How    How           `json:"how"`
}

// Callback is a function of the patch that the kernel calls before or after it patches an object
// (Documentation/livepatch/callbacks.rst).
type Callback struct {
	Object string       `json:"object"`
	Kind   CallbackKind `json:"kind"`
	Name   string       `json:"name"`
	Unit   string       `json:"unit"`
}

// State is a system state that the livepatch declares to change
// (Documentation/livepatch/system-state.rst).
type State struct {
	ID      uint64 `json:"id"`
	Version uint32 `json:"version"`
	Unit    string `json:"unit"`
}

// Diagnostic is one finding. A finding that refuses the patch makes the verdict Refused.
type Diagnostic struct {
	Code     diag.Code     `json:"code"`
	Severity diag.Severity `json:"severity"`
	Object   string        `json:"object,omitempty"`
	Symbol   string        `json:"symbol,omitempty"`
	Source   string        `json:"source,omitempty"`
	Message  string        `json:"message"`
	Hint     string        `json:"hint,omitempty"`
}

// Giver is the origin of a consent.
type Giver string

const (
	ByFlag  Giver = "flag"  // option --accept
	ByPatch Giver = "patch" // a trailer of the patch's description
)

// Accepted is a finding of severity consent that somebody has accepted.
type Accepted struct {
	Diagnostic
	By Giver `json:"by"`
}

// Module is the file that was built.
type Module struct {
	Path     string `json:"path"` // base name
	SHA256   string `json:"sha256"`
	Name     string `json:"name"`
	Vermagic string `json:"vermagic"`
	Signed   bool   `json:"signed"`
	Pinned   bool   `json:"pinned,omitempty"` // stays loaded until the next boot
}
