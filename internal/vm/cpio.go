package vm

import (
	"fmt"
	"io"
	"path"
	"strings"
)

// cpioWriter writes a cpio archive in the "newc" form, which the kernel unpacks as
// its first file system (Documentation/driver-api/early-userspace/buffer-format.rst).
// Owners and times are zero, so that the same files give the same bytes.
type cpioWriter struct {
	w    io.Writer
	ino  int
	size int64 // bytes written, for the padding to four
	dirs map[string]bool
	err  error // the first error; later writes do nothing
}

func newCpioWriter(w io.Writer) *cpioWriter {
	return &cpioWriter{w: w, dirs: map[string]bool{"/": true}}
}

// Modes of the entries, as in stat(2).
const (
	modeDir  = 0o040755
	modeFile = 0o100755
	modeChar = 0o020600
)

// maxFile is the limit of the format's 32-bit size field.
const maxFile = 1<<32 - 1

// Dir adds a folder and its parents, each only once.
func (c *cpioWriter) Dir(name string) {
	if c.dirs[name] {
		return
	}
	c.Dir(path.Dir(name))
	c.dirs[name] = true
	c.header(name, modeDir, 0, 0, 0)
}

// Char adds a character device.
func (c *cpioWriter) Char(name string, major, minor uint32) {
	c.Dir(path.Dir(name))
	c.header(name, modeChar, 0, major, minor)
}

// File adds an executable file of exactly size bytes.
func (c *cpioWriter) File(name string, r io.Reader, size int64) {
	if size > maxFile && c.err == nil {
		c.err = fmt.Errorf("%s: %d bytes do not fit into a cpio archive", name, size)
	}
	c.Dir(path.Dir(name))
	c.header(name, modeFile, size, 0, 0)
	if c.err != nil {
		return
	}
	n, err := io.Copy(c.w, io.LimitReader(r, size))
	if err == nil && n < size {
		err = fmt.Errorf("%s: %w", name, io.ErrUnexpectedEOF)
	}
	c.size, c.err = c.size+n, err
	c.pad()
}

// Close writes the end mark.
func (c *cpioWriter) Close() error {
	c.header("/TRAILER!!!", 0, 0, 0, 0)
	return c.err
}

// header writes magic, ino, mode, uid, gid, nlink, mtime, filesize, dev major
// and minor, rdev major and minor, namesize with the NUL, check; then the name.
func (c *cpioWriter) header(name string, mode uint32, size int64, rmajor, rminor uint32) {
	name = strings.TrimPrefix(name, "/")
	c.ino++
	c.write(fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		c.ino, mode, 0, 0, 1, 0, size, 0, 0, rmajor, rminor, len(name)+1, 0, name))
	c.pad()
}

func (c *cpioWriter) pad() { c.write("\x00\x00\x00"[:(4-c.size%4)%4]) }

func (c *cpioWriter) write(s string) {
	if c.err == nil {
		_, c.err = io.WriteString(c.w, s)
		c.size += int64(len(s))
	}
}
