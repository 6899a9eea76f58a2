package vm

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// judge decides by the output of a VM whether the test passed. It is an error if the
// guest's init never ran, since that shows nothing about the module.
func (t *test) judge(out *outcome) (*Result, error) {
	result := out.result()
	steps := steps(out.messages)
	if len(steps) == 0 {
		return result, notStarted(out, t.Timeout)
	}
	seen := lastFacts(out.messages)
	r := &result.Test
	*r = report.Test{
		Phases: phases(out.messages), Accelerator: out.accel, Order: string(t.Order), Steps: steps,
		Modules: append(seen.Modules, t.missing...), Objects: t.objects(seen.Objects),
		Functions: seen.Functions, Cycles: seen.Cycles,
	}
	if len(r.Functions) > 0 {
		r.Exercised = report.Exercise(r.Functions)
	}
	r.Verdict = report.Failed
	if r.Reason, result.Hints = failed(out, t.Timeout, r); r.Reason == "" {
		r.Verdict = report.NotProven
		if r.Reason, result.Hints = t.unproven(r); r.Reason == "" {
			r.Verdict, r.OK = report.OK, true
		}
	}
	if !r.OK {
		r.Console = lastPart(result.Console)
	}
	return result, nil
}

// maxKept limits the part of the console in a report, in bytes.
const maxKept = 64 << 10

// lastPart is the end of a console, beginning with a whole line.
func lastPart(console string) string {
	if len(console) <= maxKept {
		return console
	}
	_, end, _ := strings.Cut(console[len(console)-maxKept:], "\n")
	return end
}

// failed returns the reason why the test failed. Reasons are tried in this order:
// messages of the kernel, findings of init, the probe's status, a guest that did not
// finish, and leaked memory.
func failed(out *outcome, limit time.Duration, r *report.Test) (reason string, hints []string) {
	if found := findSigns(string(out.console)); len(found) > 0 {
		return "the kernel printed: " + found[0].text, nil
	}
	for _, m := range out.messages {
		if m.Failure != nil {
			return m.Failure.Text, m.Failure.Hints
		}
	}
	for _, phase := range r.Phases {
		if phase.Status != 0 {
			return fmt.Sprintf("probe %s: exit status %d", phase.Name, phase.Status), nil
		}
	}
	if reason := unfinished(out, limit); reason != "" {
		return reason, nil
	}
	return leaked(r.Cycles), nil
}

func unfinished(out *outcome, limit time.Duration) string {
	last := out.messages[len(out.messages)-1]
	step := steps(out.messages)
	name := step[len(step)-1].Name
	switch {
	case out.flood:
		return fmt.Sprintf("the console is endless; the VM was in step %s", name)
	case last.Done && last.Taint&badTaint != 0:
		return fmt.Sprintf("the kernel is tainted: /proc/sys/kernel/tainted is %d", last.Taint)
	case last.Done:
		return ""
	case out.timeout:
		return fmt.Sprintf("not done after %s: still in step %s", limit, name)
	}
	return fmt.Sprintf("the VM ended in step %s", name)
}

// badTaint are the flags of Documentation/admin-guide/tainted-kernels.rst for a
// broken kernel, in case the console does not show the fault: bad page, died,
// warned, soft lockup.
const badTaint = 1<<5 | 1<<7 | 1<<9 | 1<<14

// Limits for the growth of the kernel's memory, in kB: its variation without a leak,
// and the memory that the kernel itself keeps of each cycle.
const (
	growthKB      = 2 << 10
	cycleGrowthKB = 16
)

// leaked reports memory that grows with the cycles. The memory of the load varies up
// and down; a leak grows in every part of the cycles.
func leaked(c *report.TestCycles) string {
	if c == nil || len(c.MemoryKB) <= parts {
		return "" // too few cycles to distinguish a leak from variation
	}
	for i, now := range c.MemoryKB[1:] {
		if now <= c.MemoryKB[i] {
			return ""
		}
	}
	growth := c.MemoryKB[len(c.MemoryKB)-1] - c.MemoryKB[0]
	if growth <= growthKB+int64(c.Done)*cycleGrowthKB {
		return ""
	}
	return fmt.Sprintf("the memory of the kernel grew by %d kB over %d cycles", growth, c.Done)
}

// objects returns the objects, and marks those that may stay unloaded.
func (t *test) objects(seen []report.TestObject) []report.TestObject {
	for i := range seen {
		o := &seen[i]
		o.Allowed = !o.Patched && slices.Contains(t.AllowUnloaded, o.Name)
		for _, m := range t.missing {
			if m.Name == o.Name && !o.Patched {
				o.Reason = m.Reason
			}
		}
	}
	return seen
}

// unproven returns the gaps of a test without a failure.
func (t *test) unproven(r *report.Test) (reason string, hints []string) {
	var missing []string
	for _, o := range r.Objects {
		if !o.Patched && !o.Allowed {
			missing = append(missing, fmt.Sprintf("%s was not patched: %s", o.Name, o.Reason))
		}
	}
	switch {
	case len(missing) > 0:
		return strings.Join(missing, "; "), t.unloadedHints(r)
	case !slices.ContainsFunc(r.Objects, func(o report.TestObject) bool { return o.Patched }):
		return "the kernel has reported no object as patched", nil
	}
	if kept := t.kept(r); kept != "" {
		return kept, nil
	}
	if t.RequireExercised {
		return idle(r), nil
	}
	return "", nil
}

func (t *test) unloadedHints(r *report.Test) []string {
	var hints []string
	for _, o := range r.Objects {
		if !o.Patched && !o.Allowed && o.Name != "vmlinux" {
			hints = append(hints, fmt.Sprintf("--allow-unloaded %s tests without that module", o.Name))
		}
	}
	if t.Modules == "" {
		hints = append(hints, "the target has no modules: add it again with --modules")
	}
	return hints
}

// kept names modules that were not loaded after the livepatch although the order
// requires that.
func (t *test) kept(r *report.Test) string {
	var list []string
	for _, m := range r.Modules {
		if t.Order == LivepatchFirst && m.Kept != "" {
			list = append(list, fmt.Sprintf("%s was not loaded after the livepatch: %s", m.Name, m.Kept))
		}
	}
	return strings.Join(list, "; ")
}

// idle names the functions of loaded objects that did not run or could not be
// counted.
func idle(r *report.Test) string {
	absent := map[string]bool{}
	for _, o := range r.Objects {
		absent[o.Name] = o.Allowed
	}
	var list []string
	for _, f := range r.Functions {
		if !absent[f.Object] && (f.Runs == nil || *f.Runs == 0) {
			list = append(list, f.Object+"/"+f.Name)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d replaced functions did not run: %s", len(list), len(r.Functions),
		strings.Join(list, ", "))
}

// notStarted is the error for a kernel that did not reach init.
func notStarted(out *outcome, limit time.Duration) error {
	e := fault.Environmentf("the VM ended before its init ran")
	if out.late {
		limit = startLimit
	}
	if out.timeout || out.late {
		e = fault.Environmentf("the VM did not reach its init within %s", limit)
	}
	printed := strings.TrimSpace(string(out.console))
	lines := strings.Split(printed, "\n")
	if found := findSigns(printed); len(found) > 0 {
		lines = lines[:found[0].line+1]
	}
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return e.Hint("the kernel's last message: %s", last)
	}
	return e.Hint("the kernel printed nothing: is this image bootable, and for the module's machine?")
}

func phases(messages []message) []report.TestPhase {
	list := []report.TestPhase{}
	for _, m := range messages {
		if m.Phase != nil {
			list = append(list, *m.Phase)
		}
	}
	return list
}

// steps returns the steps with their times. A step ends where the next
// begins, or the sequence.
func steps(messages []message) []report.TestStep {
	var list []report.TestStep
	for _, m := range messages {
		if m.Step == "" && !m.Done {
			continue
		}
		now := m.Elapsed.Milliseconds()
		if n := len(list); n > 0 {
			list[n-1].TookMS = max(0, now-list[n-1].StartMS)
		}
		if m.Step != "" {
			list = append(list, report.TestStep{Name: m.Step, StartMS: now})
		}
	}
	return list
}
