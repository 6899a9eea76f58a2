package vm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"kintsugi/internal/arch"
	"kintsugi/internal/command"
	"kintsugi/internal/fault"
)

// outcome is the output of a VM.
type outcome struct {
	accel    string
	console  []byte
	messages []message
	timeout  bool // killed because its time was over
	late     bool // killed because its init did not start within startLimit
	flood    bool // killed because its console was endless
}

func (o *outcome) result() *Result {
	if o == nil {
		return nil
	}
	return &Result{Console: string(o.console), Accel: o.accel}
}

// boot runs the VM to its end with the first accelerator that works. The last
// accelerator is tried twice: a guest that does not reach init shows nothing about
// the module, and an emulated machine on a busy host can miss its timers and hang.
func (t *test) boot(ctx context.Context, dir, initramfs string) (out *outcome, err error) {
	attempts := append(slices.Clone(t.accels), t.accels[len(t.accels)-1])
	for i, accel := range attempts {
		out, err = t.qemu(ctx, accel, serialFiles(dir, i), initramfs)
		if ctx.Err() != nil || len(out.messages) > 0 {
			break
		}
		slog.Debug("the VM did not reach its init", "accel", accel, "error", err)
	}
	return out, err
}

// startLimit is the time in which a guest must reach its init, else it is started
// again. An idle machine needs three seconds.
const startLimit = 90 * time.Second

func isEmpty(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Size() == 0
}

// accelerators returns the accelerators to try on this host, in order.
func accelerators(machine *arch.Arch) []string {
	if hasKVM(machine) {
		return []string{"kvm", "tcg"}
	}
	return []string{"tcg"}
}

// hasKVM reports whether to try KVM. With /dev/kvm but without the CPU's extension,
// virtualization is nested in a way that boots some kernels and hangs with others.
func hasKVM(machine *arch.Arch) bool {
	cpuinfo, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !hasFlag(string(cpuinfo), machine.QEMU.KVM) {
		return false
	}
	file, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	const getAPIVersion = 0xAE00 // KVM_GET_API_VERSION of include/uapi/linux/kvm.h; always 12
	version, err := unix.IoctlRetInt(int(file.Fd()), getAPIVersion)
	return err == nil && version == 12
}

// hasFlag reports whether a line "flags : ..." of /proc/cpuinfo has one of the flags.
func hasFlag(cpuinfo string, flags []string) bool {
	for line := range strings.Lines(cpuinfo) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) != "flags" {
			continue
		}
		for _, flag := range strings.Fields(value) {
			if slices.Contains(flags, flag) {
				return true
			}
		}
	}
	return false
}

// kvmSilence is the time in which a guest on KVM must begin to print. A working guest
// does so within a second.
const kvmSilence = 15 * time.Second

// serial are the files of the host for the guest's two serial ports.
type serial struct{ console, channel string }

// serialFiles returns the files of one attempt, numbered from 0.
func serialFiles(dir string, attempt int) serial {
	number := strconv.Itoa(attempt)
	return serial{console: filepath.Join(dir, "console."+number), channel: filepath.Join(dir, "channel."+number)}
}

// qemu runs a VM. The error is nil if the guest ran, with any result.
func (t *test) qemu(ctx context.Context, accel string, files serial, initramfs string) (*outcome, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	console := &console{path: files.console, tee: t.Console, stop: stop}
	var late atomic.Bool
	defer time.AfterFunc(startLimit, func() {
		if isEmpty(files.channel) {
			late.Store(true)
			stop()
		}
	}).Stop()
	if accel == "kvm" {
		console.silence = kvmSilence
	}
	watched := make(chan struct{})
	exited, exit := context.WithCancel(context.Background())
	go func() { console.watch(exited); close(watched) }()

	cmd := &command.Cmd{Path: t.QEMU, Args: t.arguments(accel, initramfs, files)}
	_, err := cmd.Run(ctx)
	exit()
	<-watched
	out := &outcome{accel: accel, console: console.text, timeout: errors.Is(err, context.DeadlineExceeded),
		flood: console.flood, late: late.Load()}
	messages, readErr := readMessages(files.channel)
	if readErr != nil {
		return out, readErr
	}
	out.messages = messages
	if err != nil && ctx.Err() == nil {
		return out, fault.Environmentf("VM: %w", qemuError(err))
	}
	return out, nil // judge knows why it was killed
}

// qemuError is err with QEMU's last message.
func qemuError(err error) error {
	var failed *command.Error
	if !errors.As(err, &failed) {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(failed.Output)), "\n")
	return fmt.Errorf("%w: %s", err, lines[len(lines)-1])
}

// kernelArguments:
//   - a panic ends the VM at once, and an oops is a panic, since nothing after it proves anything;
//   - every message of the guest's init reaches the kernel log unthrottled;
//   - the console shows notices and above, which is what livepatch prints, without the hardware's own news;
//   - a stall is a panic, but only after a long time: an emulated CPU on a busy host can stop for seconds.
const kernelArguments = "printk.devkmsg=on loglevel=6 panic=-1 oops=panic " +
	"softlockup_panic=1 watchdog_thresh=30 hung_task_panic=1 " +
	"sysctl.kernel.panic_on_rcu_stall=1 rcupdate.rcu_cpu_stall_timeout=60"

// arguments is QEMU's command line: no disk, no network, two serial ports
// that are files on the host.
//
// Two CPUs: transitions of tasks that run on another CPU are part of the test.
func (t *test) arguments(accel, initramfs string, files serial) []string {
	machine := t.machine.QEMU
	cpu := t.CPU
	switch {
	case cpu != "":
	case accel == "kvm":
		cpu = "host"
	default:
		cpu = machine.CPU
	}
	if accel == "tcg" {
		accel = machine.Emulation
	}
	kernel := strings.Join([]string{"console=" + machine.Console, kernelArguments, machine.Append, t.KernelArgs}, " ")
	return []string{
		"-machine", machine.Machine, "-accel", accel, "-cpu", cpu, "-smp", "2", "-m", strconv.Itoa(t.MemoryMB),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-serial", "file:" + files.console, "-serial", "file:" + files.channel,
		"-kernel", t.Image, "-initrd", initramfs, "-append", strings.TrimSpace(kernel),
	}
}
