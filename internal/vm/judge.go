package vm

import (
	"fmt"
	"strings"
	"time"

	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// judge decides from what a VM left behind whether the test passed. It is an
// error where the guest's init never ran: that says nothing about the module.
func judge(out *outcome, limit time.Duration) (*Result, error) {
	result := out.result()
	result.Test = report.Test{Phases: phases(out.messages)}
	if len(result.Steps) == 0 {
		return result, notStarted(out, limit)
	}
	result.Test.Reason, result.Hints = verdict(out, limit)
	result.Test.OK = result.Test.Reason == ""
	return result, nil
}

// verdict returns why the test failed, the most telling reason first: what
// the kernel said, what init found, what the probe said, and last that
// nothing was said at all.
func verdict(out *outcome, limit time.Duration) (reason string, hints []string) {
	if found := findSigns(string(out.console)); len(found) > 0 {
		return "the kernel said: " + found[0].text, nil
	}
	for _, m := range out.messages {
		if m.Failure != nil {
			return m.Failure.Text, m.Failure.Hints
		}
	}
	for _, phase := range phases(out.messages) {
		if phase.Status != 0 {
			return fmt.Sprintf("probe %s: exit status %d", phase.Name, phase.Status), nil
		}
	}
	return unfinished(out, limit), nil
}

func unfinished(out *outcome, limit time.Duration) string {
	last := out.messages[len(out.messages)-1]
	step := steps(out.messages)
	name := step[len(step)-1].Name
	switch {
	case out.flood:
		return fmt.Sprintf("the console has no end; it was in step %s", name)
	case last.Done && last.Taint&badTaint != 0:
		return fmt.Sprintf("the kernel is tainted: /proc/sys/kernel/tainted is %d", last.Taint)
	case last.Done:
		return ""
	case out.timeout:
		return fmt.Sprintf("not done after %s: still in step %s", limit, name)
	}
	return fmt.Sprintf("the VM ended in step %s", name)
}

// badTaint are the flags of Documentation/admin-guide/tainted-kernels.rst that
// say the kernel is broken, in case the console does not show why: bad page,
// died, warned, soft lockup.
const badTaint = 1<<5 | 1<<7 | 1<<9 | 1<<14

// notStarted is the error for a kernel that did not come as far as init.
func notStarted(out *outcome, limit time.Duration) error {
	e := fault.Environmentf("the VM ended before its init ran")
	if out.late {
		limit = startLimit
	}
	if out.timeout || out.late {
		e = fault.Environmentf("the VM did not reach its init within %s", limit)
	}
	said := strings.TrimSpace(string(out.console))
	lines := strings.Split(said, "\n")
	if found := findSigns(said); len(found) > 0 {
		lines = lines[:found[0].line+1]
	}
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return e.Hint("the kernel's last words: %s", last)
	}
	return e.Hint("the kernel said nothing: is this image bootable, and an x86-64 one?")
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

func steps(messages []message) []Step {
	var list []Step
	for _, m := range messages {
		if m.Step != "" {
			list = append(list, Step{Name: m.Step, Elapsed: m.Elapsed})
		}
	}
	return list
}
