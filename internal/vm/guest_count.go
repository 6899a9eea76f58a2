package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kintsugi/internal/report"
)

// tracefs is where mountAll mounts it.
const tracefs = "/sys/kernel/tracing"

// instance has the events of the counters only, so that they do not disturb a probe
// that traces.
const instance = tracefs + "/instances/kintsugi"

// counter counts calls of the new functions of a livepatch, by a kprobe event at
// the entry of each (Documentation/trace/kprobetrace.rst). The kernel counts every
// hit in kprobe_profile, independently of the trace buffer.
type counter struct {
	events map[int]string // event by index into facts.Functions
}

// facts are the functions before anything ran.
func (l *planLivepatch) facts() []report.TestFunction {
	var list []report.TestFunction
	for _, f := range l.Functions {
		list = append(list, report.TestFunction{
			Module: l.Name, Object: f.Object, Name: f.Name, SymPos: f.SymPos, Reason: "the livepatch was not loaded",
		})
	}
	return list
}

// startCounting begins to count. If a function cannot be counted, its fact gets the
// reason, and the test continues.
func (g *guest) startCounting(l *planLivepatch) {
	c := &counter{events: map[int]string{}}
	g.counters[l.Name] = c
	first := g.firstFunction(l.Name)
	for i, f := range l.Functions {
		fact := &g.facts.Functions[first+i]
		name := "function_" + strconv.Itoa(g.events)
		g.events++
		if err := countCalls(name, l.Name, f); err != nil {
			if fact.Runs == nil {
				fact.Reason = err.Error()
			}
			continue
		}
		c.events[first+i] = name
		if fact.Reason = ""; fact.Runs == nil {
			fact.Runs = new(uint64)
		}
	}
}

// firstFunction is the index of the livepatch's first function in the facts.
func (g *guest) firstFunction(livepatch string) int {
	for i, f := range g.facts.Functions {
		if f.Module == livepatch {
			return i
		}
	}
	return 0
}

// countCalls creates the event and enables it.
func countCalls(event, module string, f planFunction) error {
	if f.Section == "" {
		return fmt.Errorf("the address of the new function is not in the livepatch's file")
	}
	section := firstLine(filepath.Join("/sys/module", module, "sections", f.Section))
	base, err := strconv.ParseUint(strings.TrimPrefix(section, "0x"), 16, 64)
	if err != nil || base == 0 {
		return fmt.Errorf("the kernel does not show the address of the livepatch's section %s", f.Section)
	}
	if err := appendTo(tracefs+"/kprobe_events", fmt.Sprintf("p:kintsugi/%s %#x\n", event, base+f.Offset)); err != nil {
		return fmt.Errorf("the kernel refuses a kprobe there: %w", err)
	}
	os.MkdirAll(instance, 0o755) // on an error, the next write fails
	if err := appendTo(filepath.Join(instance, "events/kintsugi", event, "enable"), "1\n"); err != nil {
		dropEvent(event)
		return fmt.Errorf("the kernel refuses a kprobe there: %w", err)
	}
	return nil
}

// stopCounting adds up the calls so far, and removes the events.
func (g *guest) stopCounting(livepatch string) {
	c := g.counters[livepatch]
	if c == nil {
		return
	}
	delete(g.counters, livepatch)
	profile, _ := os.ReadFile(tracefs + "/kprobe_profile") // without it, no function ran
	hits := parseProfile(string(profile))
	for i, event := range c.events {
		*g.facts.Functions[i].Runs += hits[event]
		appendTo(filepath.Join(instance, "events/kintsugi", event, "enable"), "0\n") // on an error, dropEvent fails too
		dropEvent(event)
	}
}

func dropEvent(event string) {
	appendTo(tracefs+"/kprobe_events", "-:kintsugi/"+event+"\n") // a remaining event is harmless
}

// parseProfile reads lines of event, hits and misses. A miss is a call during the
// handling of another probe; the function ran then too.
func parseProfile(text string) map[string]uint64 {
	hits := map[string]uint64{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		counted, err := strconv.ParseUint(fields[1], 10, 64)
		missed, err2 := strconv.ParseUint(fields[2], 10, 64)
		if err == nil && err2 == nil {
			hits[fields[0]] = counted + missed
		}
	}
	return hits
}

// appendTo writes to a file of tracefs without emptying it, which would drop
// all events.
func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(text)
	return err
}
