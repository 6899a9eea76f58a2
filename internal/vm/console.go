package vm

import (
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"time"
)

// console follows the file that QEMU writes the guest's first serial port to.
type console struct {
	path    string
	tee     io.Writer     // gets the console as it grows, optional
	stop    func()        // ends the VM
	silence time.Duration // the guest must print something in this time; zero is no limit

	text  []byte
	flood bool // the guest printed more than maxConsole
}

// maxConsole is above the console of any sane test. A guest that prints more is
// stopped.
const maxConsole = 16 << 20

// watch reads the console until exited ends, and then the rest.
func (c *console) watch(exited context.Context) {
	begun := time.Now()
	for exited.Err() == nil {
		c.read()
		if c.silence > 0 && len(c.text) == 0 && time.Since(begun) > c.silence {
			c.stop()
		}
		select {
		case <-exited.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	c.read()
}

// read reads the new part of the file. A missing file counts as empty.
func (c *console) read() {
	file, err := os.Open(c.path)
	if err != nil {
		return
	}
	defer file.Close()
	old := len(c.text)
	news, _ := io.ReadAll(io.NewSectionReader(file, int64(old), int64(maxConsole-old)))
	c.text = append(c.text, news...)
	if c.tee != nil && len(news) > 0 {
		c.tee.Write(news) // a closed tee does not stop the test
	}
	if len(c.text) == maxConsole && !c.flood {
		c.flood = true
		c.stop()
	}
}

// prefix matches the time and the caller that printk prints before a message.
var prefix = regexp.MustCompile(`^(\[[^\]]*\]\s*)+`)

// signs are beginnings of kernel messages about a fault. They match only at the
// start of a message, since the words can occur in other messages.
var signs = regexp.MustCompile(`^(` + strings.Join([]string{
	`WARNING: CPU: \d+ PID: \d+ at `, // __warn, kernel/panic.c
	// the unwinders, arch/*/kernel/unwind_*.c
	`WARNING: (kernel stack (regs|frame pointer) at|stack (recursion|going in the wrong direction)|` +
		`can't (access|dereference) )`,
	`BUG: `,
	`kernel BUG at `,
	`Oops: `, `[\w ]*: [0-9a-f]{4} \[#\d+\]`, // "invalid opcode: 0000 [#1] PREEMPT SMP"
	`general protection`,
	`Kernel panic`,
	`Call Trace:`,
	`(rcu: )?INFO: rcu_\w+ (self-)?detected`,
	`INFO: task .* blocked for more than`,
	`INFO: (possible|inconsistent|trying to register)`,
	`watchdog: (BUG|Watchdog detected)`,
	`NMI watchdog: Watchdog detected`,
	`(UBSAN|KASAN|KCSAN|KFENCE): `,
	`Unable to handle kernel`,
	`unchecked MSR access error`,
	`traps: PANIC`,
	`list_(add|del) corruption`,
	`refcount_t: `,
	`livepatch: .*(WARNING|failed to)`,
}, "|") + `)`)

// sign is a kernel message about a fault.
type sign struct {
	line int // from 0
	text string
}

// frame matches the line before a splat: of WARN and BUG (kernel/panic.c), or of lockdep
// and RCU, which print a line of equals signs (kernel/locking/lockdep.c).
var frame = regexp.MustCompile(`^(-+\[ cut here \]-+|=+)$`)

// framed is how many lines behind a frame "WARNING: " is the kernel's own: WARN prints
// its text in between. Elsewhere a message of a driver can have the word.
const framed = 5

// findSigns returns the kernel messages about faults on a console, in their order.
func findSigns(console string) []sign {
	var found []sign
	last := -framed - 1 // the line of the last frame
	for n, line := range strings.Split(console, "\n") {
		text := prefix.ReplaceAllString(strings.TrimRight(line, "\r"), "")
		switch {
		case frame.MatchString(text):
			last = n
		case signs.MatchString(text), n-last <= framed && strings.HasPrefix(text, "WARNING: "):
			found = append(found, sign{line: n, text: text})
		}
	}
	return found
}
