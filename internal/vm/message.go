package vm

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// message is one line of JSON from the guest's init to the host, on the
// second serial port.
type message struct {
	Step    string            `json:"step,omitempty"`    // begins now
	Elapsed time.Duration     `json:"elapsed,omitempty"` // since init began
	Facts   *facts            `json:"facts,omitempty"`   // all facts so far
	Phase   *report.TestPhase `json:"phase,omitempty"`   // a probe that has ended
	Failure *failure          `json:"failure,omitempty"` // the error that ends the sequence
	Taint   uint64            `json:"taint,omitempty"`   // /proc/sys/kernel/tainted, at the end
	Done    bool              `json:"done,omitempty"`    // the sequence has ended, well or not
}

// facts are the guest's observations of modules, objects and functions.
type facts struct {
	Modules   []report.TestModule   `json:"modules,omitempty"`
	Objects   []report.TestObject   `json:"objects,omitempty"`
	Functions []report.TestFunction `json:"functions,omitempty"`
	Cycles    *report.TestCycles    `json:"cycles,omitempty"`
}

// lastFacts returns the latest facts, which include the earlier ones.
func lastFacts(messages []message) facts {
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Facts != nil {
			return *messages[i].Facts
		}
	}
	return facts{}
}

// failure is an error of the guest in a message.
type failure struct {
	Step  string   `json:"step"`
	Text  string   `json:"text"`
	Hints []string `json:"hints,omitempty"`
}

func newFailure(step string, err error) *failure {
	return &failure{Step: step, Text: err.Error(), Hints: fault.Hints(err)}
}

// maxChannel limits the bytes that the host reads from the channel.
const maxChannel = 8 << 20

// readMessages reads the messages. It ignores an incomplete last line, which is left
// if the guest dies while it writes.
func readMessages(name string) ([]message, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // QEMU ended before it created the file
	}
	if err != nil {
		return nil, fault.Environmentf("channel of the VM: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxChannel))
	if err != nil {
		return nil, fault.Environmentf("channel of the VM: %w", err)
	}
	return parseMessages(text), nil
}

func parseMessages(text []byte) []message {
	var messages []message
	for line := range bytes.Lines(text) {
		var m message
		if json.Unmarshal(line, &m) == nil {
			messages = append(messages, m)
		}
	}
	return messages
}
