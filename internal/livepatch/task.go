package livepatch

import (
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Task is a thread that a transition waits for.
type Task struct {
	PID   int      `json:"pid"` // of the thread
	Comm  string   `json:"comm"`
	Stack []string `json:"stack,omitempty"` // kernel functions, innermost first; needs root
}

func (t Task) String() string {
	if len(t.Stack) == 0 {
		return fmt.Sprintf("pid %d (%s)", t.PID, t.Comm)
	}
	return fmt.Sprintf("pid %d (%s) in %s", t.PID, t.Comm, strings.Join(t.Stack, " < "))
}

// maxStacks limits the tasks whose stacks are read: each read stops the task for a
// moment, and the first few stacks usually show the cause.
const maxStacks = 16

// blockers returns the tasks that have not switched yet, by pid. The kernel's
// idle tasks are not in /proc, so the list may be empty during a transition.
//
// /proc/PID/patch_state is -1 outside transitions, 0 for unpatched, 1 for
// patched (enum in include/linux/livepatch.h).
func (h *Host) blockers(toPatched bool) []Task {
	behind := "1"
	if toPatched {
		behind = "0"
	}
	files, _ := filepath.Glob(h.path("proc/[0-9]*/task/[0-9]*/patch_state")) // the pattern is well formed
	var tasks []Task
	for _, file := range files {
		if state, err := readValue(file); err != nil || state != behind {
			continue
		}
		if task, ok := readTask(filepath.Dir(file), len(tasks) < maxStacks); ok {
			tasks = append(tasks, task)
		}
	}
	sort.Slice(tasks, func(i, j int) bool { return tasks[i].PID < tasks[j].PID })
	return tasks
}

func readTask(dir string, withStack bool) (Task, bool) {
	pid, err := strconv.Atoi(filepath.Base(dir))
	if err != nil {
		return Task{}, false
	}
	comm, _ := readValue(filepath.Join(dir, "comm")) // a task without a name is listed too
	task := Task{PID: pid, Comm: comm}
	if withStack {
		text, _ := readValue(filepath.Join(dir, "stack")) // only root can read it
		task.Stack = parseStack(text)
	}
	return task, true
}

// parseStack returns the functions of /proc/PID/stack, whose lines are
// "[<0>] function+0x12/0x34".
func parseStack(text string) []string {
	var functions []string
	for _, line := range strings.Split(text, "\n") {
		_, function, ok := strings.Cut(line, "] ")
		if !ok {
			continue
		}
		function, _, _ = strings.Cut(strings.TrimSpace(function), "+")
		functions = append(functions, function)
	}
	return functions
}

// goneWhileRead reports whether a file of sysfs or proc vanished after it was opened.
func goneWhileRead(err error) bool {
	return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ESRCH)
}
