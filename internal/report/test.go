package report

// NotProven is the verdict of a test in which nothing failed, and which does
// not show all that it must show.
const NotProven Verdict = "unproven"

// Test is what happened when the module ran in a VM. Times and counts in it
// differ from run to run.
type Test struct {
	OK          bool        `json:"ok"`
	Verdict     Verdict     `json:"verdict"`          // ok, unproven or failed
	Reason      string      `json:"reason,omitempty"` // why not OK
	Phases      []TestPhase `json:"phases"`
	Accelerator string      `json:"accelerator,omitempty"` // kvm or tcg
	Order       string      `json:"order,omitempty"`       // which is loaded first: modules or livepatch
	Steps       []TestStep  `json:"steps,omitempty"`       // in the order in which they began
	// Modules are those of the kernel that the guest was to load, in that order.
	Modules []TestModule `json:"modules,omitempty"`
	// Objects are what the livepatches patch.
	Objects []TestObject `json:"objects,omitempty"`
	// Functions are the replaced functions, with how often the new code ran.
	Functions []TestFunction `json:"functions,omitempty"`
	Exercised *Exercised     `json:"exercised,omitempty"`
	Cycles    *TestCycles    `json:"cycles,omitempty"`
	Console   string         `json:"console,omitempty"` // the end of what the kernel printed, unless OK
}

// TestPhase is one call of the probe script.
type TestPhase struct {
	Name   string `json:"name"`             // before, after, reverted
	Module string `json:"module,omitempty"` // the livepatch in effect
	Output string `json:"output"`
	Status int    `json:"status"` // the probe's exit status
}

// TestStep is one step in the guest.
type TestStep struct {
	Name    string `json:"name"`
	StartMS int64  `json:"start_ms"` // since the guest's init began
	TookMS  int64  `json:"took_ms"`
}

// TestModule is a module of the kernel that the test needs.
type TestModule struct {
	Name     string `json:"name"`
	Patched  bool   `json:"patched,omitempty"`  // the livepatch patches it; else another module needs it
	Loaded   bool   `json:"loaded"`             // it could be loaded into the guest
	Reason   string `json:"reason,omitempty"`   // why it could not
	Reloaded bool   `json:"reloaded,omitempty"` // it went and came back with the livepatch in effect
	Kept     string `json:"kept,omitempty"`     // why it could not go
}

// TestObject is vmlinux or a module, as one livepatch patches it.
type TestObject struct {
	Module  string `json:"module"` // the livepatch
	Name    string `json:"name"`
	Patched bool   `json:"patched"` // whenever the test looked with the object loaded
	Source  string `json:"source"`  // what reports it: "patched" (sysfs), or "loaded" where the kernel has no such file
	Reason  string `json:"reason,omitempty"`
	Allowed bool   `json:"allowed,omitempty"` // the object may stay unloaded
}

// TestFunction is one replaced function.
type TestFunction struct {
	Module string `json:"module"` // the livepatch
	Object string `json:"object"`
	Name   string `json:"name"`
	SymPos uint64 `json:"sympos"`
	// Runs counts calls of the new function; absent: it cannot be counted.
	Runs   *uint64 `json:"runs,omitempty"`
	Reason string  `json:"reason,omitempty"` // why it cannot be counted
}

// Exercised counts the replaced functions.
type Exercised struct {
	Ran       int `json:"ran"`       // at least once
	Uncounted int `json:"uncounted"` // nothing is known
	Replaced  int `json:"replaced"`  // all
}

// TestCycles is what loading and unloading again and again did to the guest.
type TestCycles struct {
	Asked int `json:"asked"`
	Done  int `json:"done"`
	// MemoryKB is what the kernel has allocated for itself (slabs that it cannot
	// drop, vmalloc, stacks, per-CPU memory): before the first cycle, then after
	// each of up to four parts of the cycles.
	MemoryKB []int64 `json:"memory_kb"`
	Lockdep  bool    `json:"lockdep"` // the kernel checks its locks
}

// Exercise counts functions by whether they ran.
func Exercise(functions []TestFunction) *Exercised {
	e := &Exercised{Replaced: len(functions)}
	for _, f := range functions {
		switch {
		case f.Runs == nil:
			e.Uncounted++
		case *f.Runs > 0:
			e.Ran++
		}
	}
	return e
}
