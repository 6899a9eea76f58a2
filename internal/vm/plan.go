package vm

import (
	"strconv"
	"time"
)

// Files of kintsugi in the guest.
const (
	ownDir      = "/kintsugi"
	planPath    = ownDir + "/plan.json"
	probePath   = ownDir + "/probe"
	busyboxPath = "/bin/busybox"
)

func livepatchPath(i int) string { return ownDir + "/livepatch-" + strconv.Itoa(i) + ".ko" }

func kernelModulePath(name string) string { return "/modules/" + name + ".ko" }

// plan has the instructions for the guest's init.
type plan struct {
	Channel     string          `json:"channel"` // the serial port to the host
	Probe       bool            `json:"probe"`
	Order       Order           `json:"order"`
	Transition  time.Duration   `json:"transition"`
	Livepatches []planLivepatch `json:"livepatches"`
	Modules     []planModule    `json:"modules"` // in the order of loading
	Cycles      int             `json:"cycles"`
}

type planLivepatch struct {
	Name      string         `json:"name"`
	Path      string         `json:"path"`
	Replace   bool           `json:"replace"`
	Pinned    bool           `json:"pinned"` // cannot be loaded a second time
	Functions []planFunction `json:"functions"`
}

// planFunction is a replaced function, with the address of the new function.
type planFunction struct {
	Object  string `json:"object"`
	Name    string `json:"name"`
	SymPos  uint64 `json:"sympos"`
	Section string `json:"section"` // empty: unknown
	Offset  uint64 `json:"offset"`
}

type planModule struct {
	Name    string `json:"name"`
	Patched bool   `json:"patched"`
}

// patches reports whether a livepatch patches a module of the plan.
func (p *plan) patches() bool {
	for _, m := range p.Modules {
		if m.Patched {
			return true
		}
	}
	return false
}

// back is the oldest livepatch that the guest can return to. A pinned livepatch that
// was replaced stays in the kernel without effect, and cannot be loaded again.
func (p *plan) back() int {
	for i := len(p.Livepatches) - 1; i > 0; i-- {
		if p.Livepatches[i].Replace && p.Livepatches[i-1].Pinned {
			return i
		}
	}
	return 0
}
