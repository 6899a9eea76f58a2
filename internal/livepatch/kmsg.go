package livepatch

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// kernelLog reads the kernel's messages since it was opened. A log that may not be
// read stays empty, since it only completes errors.
type kernelLog struct{ file *os.File }

func (h *Host) openLog() *kernelLog {
	file, err := os.OpenFile(h.path("dev/kmsg"), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return &kernelLog{}
	}
	if _, err := file.Seek(0, io.SeekEnd); err != nil {
		file.Close()
		return &kernelLog{}
	}
	return &kernelLog{file: file}
}

func (l *kernelLog) Close() {
	if l.file != nil {
		l.file.Close()
	}
}

// maxLines limits the lines of the log that are kept, newest last.
const maxLines = 20

// Lines returns the messages since the log was opened.
//
// It reads the descriptor directly: /dev/kmsg gives one record a read
// (Documentation/ABI/testing/dev-kmsg) and -EPIPE where records were
// overwritten meanwhile. Reading then continues.
func (l *kernelLog) Lines() []string {
	if l.file == nil {
		return nil
	}
	var lines []string
	buf := make([]byte, 16<<10)
	for range 10_000 {
		n, err := unix.Read(int(l.file.Fd()), buf)
		if err == unix.EPIPE || err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		lines = append(lines, messages(string(buf[:n]))...)
	}
	return lines[max(0, len(lines)-maxLines):]
}

// messages returns the texts of "priority,sequence,time,flags;text" records;
// lines that start with a space are a record's dictionary.
func messages(records string) []string {
	var texts []string
	for _, line := range strings.Split(records, "\n") {
		_, text, ok := strings.Cut(line, ";")
		if ok && !strings.HasPrefix(line, " ") {
			texts = append(texts, text)
		}
	}
	return texts
}
