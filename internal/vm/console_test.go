package vm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFindSigns(t *testing.T) {
	bad := []string{
		"[    5.1] WARNING: CPU: 0 PID: 1 at kernel/x.c:12 f+0x1/0x2",
		"[    5.1][    T1] WARNING: CPU: 0 PID: 1 at kernel/x.c:12 f+0x1/0x2",
		"[    5.1] ------------[ cut here ]------------\n[    5.1] WARNING: kernel/x.c:12 at f+0x1/0x2, CPU#0: init/1",
		"[    5.1] ------------[ cut here ]------------\n[    5.1] a text\n[    5.1] WARNING: kernel/x.c:12 at f+0x1/0x2",
		"[    5.1] ========================================\n" +
			"[    5.1] WARNING: possible circular locking dependency detected",
		"[    5.1] =============================\n" +
			"[    5.1] WARNING: suspicious RCU usage",
		"[    5.1] WARNING: kernel stack regs at 0 in sh:1 has bad 'bp' value 0",
		"BUG: kernel NULL pointer dereference, address: 0000000000000000\r",
		"[    5.1] BUG: scheduling while atomic: init/1/0x00000002",
		"[    5.1] kernel BUG at mm/slub.c:379!",
		"[    5.1] Oops: 0002 [#1] PREEMPT SMP NOPTI",
		"[    5.1] Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI",
		"[    5.1] invalid opcode: 0000 [#1] PREEMPT SMP NOPTI",
		"[    5.1] general protection fault, probably for non-canonical address 0x1: 0000 [#1] SMP",
		"[    5.1] stack segment: 0000 [#1] SMP",
		"[    5.1] Kernel panic - not syncing: Attempted to kill init!",
		"[    5.1] Call Trace:",
		"[    5.1] rcu: INFO: rcu_preempt self-detected stall on CPU",
		"[    5.1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
		"[    5.1] INFO: task sh:42 blocked for more than 120 seconds.",
		"[    5.1] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:42]",
		"[    5.1] UBSAN: array-index-out-of-bounds in x.c:1:2",
		"[    5.1] refcount_t: underflow; use-after-free.",
		"[    5.1] list_add corruption. prev->next should be next",
	}
	for _, line := range bad {
		if len(findSigns("[ 1.0] fine\n"+line+"\nfine")) != 1 {
			t.Errorf("missed: %s", line)
		}
	}
	good := []string{
		"[    0.0] Linux version 6.1.0-56-amd64 #1 SMP PREEMPT_DYNAMIC Debian",
		"[    0.0] RAS: Correctable Errors collector initialized.",
		"[    5.1] WARNING: this text is a driver's",
		"[    5.1] x: WARNING: CPU: 0 PID: 1 at the text of a driver",
		"[    5.1] ------------[ cut here ]------------\n1\n2\n3\n4\n5\n[    5.1] WARNING: this text is a driver's",
		"[    0.0] Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on",
		"[    0.0] rcu: RCU debug extended QS entry/exit.",
		"[    0.0] rcu: INFO: nothing to worry about",
		"[    0.0] NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.",
		"[    0.0] watchdog: Delayed init of the lockup detector failed: -19",
		"[    4.0] livepatch: enabling patch 'bug_warning'",
		"[    4.0] kintsugi: load",
		"the probe says BUG: here",
	}
	for _, line := range good {
		if found := findSigns(line); len(found) > 0 {
			t.Errorf("false alarm: %s", line)
		}
	}
}

func TestFindSignsInOrder(t *testing.T) {
	got := findSigns("[ 1.0] a\n[ 2.0] WARNING: CPU: 0 PID: 1 at one\n[ 3.0] Call Trace:\n")
	want := []sign{{1, "WARNING: CPU: 0 PID: 1 at one"}, {2, "Call Trace:"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sign{})); diff != "" {
		t.Error(diff)
	}
}
