package report

// NotProven is the verdict of a test in which nothing failed, but which does not show everything
// that it must show.
const NotProven Verdict = "unproven"

// Test is what happened when the module ran in a VM. Its times and counts differ from run to run.
type Test struct {
	OK          bool        `json:"ok"`
	Verdict     Verdict     `json:"verdict"`          // ok, unproven or failed
	Reason      string      `json:"reason,omitempty"` // why the verdict is not OK
	Phases      []TestPhase `json:"phases"`
	Accelerator string      `json:"accelerator,omitempty"` // kvm or tcg
	Order       string      `json:"order,omitempty"`       // what is loaded first: modules or livepatch
	Steps       []TestStep  `json:"steps,omitempty"`       // in the order of their start
	// Modules are the kernel's modules that the guest had to load, in this order.
	Modules []TestModule `json:"modules,omitempty"`
	// Objects are the objects that the livepatches patch.
	Objects []TestObject `json:"objects,omitempty"`
	// Functions are the replaced functions, and how often the new code ran.
	Functions []TestFunction `json:"functions,omitempty"`
	Exercised *Exercised     `json:"exercised,omitempty"`
	Cycles    *TestCycles    `json:"cycles,omitempty"`
	Console   string         `json:"console,omitempty"` // the end of the kernel's output, unless the verdict is OK
}

// TestPhase is one call of the probe script.
type TestPhase struct {
	Name   string `json:"name"`             // before, after, reverted
	Module string `json:"module,omitempty"` // livepatch in effect
	Output string `json:"output"`
	Status int    `json:"status"` // exit status of the probe
}

// TestStep is one step in the guest.
type TestStep struct {
	Name    string `json:"name"`
	StartMS int64  `json:"start_ms"` // milliseconds since the start of the guest's init
	TookMS  int64  `json:"took_ms"`
}

// TestModule is a module of the kernel that the test needs.
type TestModule struct {
	Name     string `json:"name"`
	Patched  bool   `json:"patched,omitempty"`  // the livepatch patches it; otherwise another module needs it
	Loaded   bool   `json:"loaded"`             // the guest loaded it
	Reason   string `json:"reason,omitempty"`   // why it was not loaded
	Reloaded bool   `json:"reloaded,omitempty"` // it was unloaded and loaded again with the livepatch in effect
	Kept     string `json:"kept,omitempty"`     // why it was not unloaded
}

// TestObject is vmlinux or a module, as patched by one livepatch.
type TestObject struct {
	Module  string `json:"module"` // the livepatch
	Name    string `json:"name"`
	Patched bool   `json:"patched"` // true in every check while the object was loaded
	Source  string `json:"source"`  // evidence: "patched" (sysfs), or "loaded" if the kernel has no such file
	Reason  string `json:"reason,omitempty"`
	Allowed bool   `json:"allowed,omitempty"` // the object may stay unloaded
}

// TestFunction is one replaced function.
type TestFunction struct {
	Module string `json:"module"` // the livepatch
	Object string `json:"object"`
	Name   string `json:"name"`
	SymPos uint64 `json:"sympos"`
	// Runs counts the calls of the new function. It is absent if they cannot be counted.
	Runs   *uint64 `json:"runs,omitempty"`
	Reason string  `json:"reason,omitempty"` // why the calls cannot be counted
}

// Exercised counts the replaced functions.
type Exercised struct {
	Ran       int `json:"ran"`       // functions that ran at least once
	Uncounted int `json:"uncounted"` // functions whose calls cannot be counted
	Replaced  int `json:"replaced"`  // all replaced functions
}

// TestCycles shows the effect of repeated loading and unloading on the guest.
type TestCycles struct {
	Asked int `json:"asked"`
	Done  int `json:"done"`
	// MemoryKB is the kernel's own memory in kB (slabs that it cannot drop, vmalloc, stacks,
	// per-CPU memory): before the first cycle, then after each of up to four parts of the cycles.
	MemoryKB []int64 `json:"memory_kb"`
	Lockdep  bool    `json:"lockdep"` // the kernel has lockdep
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
