package kimage

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// tokenTable is kallsyms_token_table and kallsyms_token_index: the text of each byte of
// a compressed name.
type tokenTable struct {
	start, end int // offsets of the first table, and past the second
	token      [256]string
}

// digits are ten tokens that every kernel has in a row: a byte that occurs in names always
// represents itself.
var digits = []byte("0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00")

// maxRuns limits the runs of digits that are checked. Kernels have about ten, in character set
// tables.
const maxRuns = 1000

// tokenTables yields everything in data that is a token table with its index.
func tokenTables(data []byte, align int) iter.Seq[*tokenTable] {
	return func(yield func(*tokenTable) bool) {
		at := 0
		for range maxRuns {
			i := bytes.Index(data[at:], digits)
			if i < 0 {
				return
			}
			at += i + len(digits)
			if t := readTokens(data, at-len(digits), align); t != nil && !yield(t) {
				return
			}
		}
	}
}

// readTokens reads the token table whose token for '0' is at zero. The index after the table
// determines its start. The result is nil if index and strings do not agree.
func readTokens(data []byte, zero, align int) *tokenTable {
	end := skipStrings(data, zero, 256-'0')
	index := alignUp(end, align)
	if end < 0 || index+512 > len(data) {
		return nil
	}
	offset := func(i int) int { return int(binary.LittleEndian.Uint16(data[index+2*i:])) }
	t := &tokenTable{start: zero - offset('0'), end: index + 512}
	if t.start < 0 || t.start%align != 0 {
		return nil
	}
	at := t.start
	for i := range t.token {
		n := bytes.IndexByte(data[at:end], 0)
		if n < 0 || n >= maxName || at-t.start != offset(i) || !printable(data[at:at+n]) {
			return nil
		}
		t.token[i] = string(data[at : at+n])
		at += n + 1
	}
	return t
}

// skipStrings returns the offset after the n NUL-terminated strings at off, or -1 if there are
// fewer or longer strings.
func skipStrings(data []byte, off, n int) int {
	for range n {
		i := bytes.IndexByte(data[off:min(len(data), off+maxName)], 0)
		if i < 0 {
			return -1
		}
		off += i + 1
	}
	return off
}

func alignUp(n, align int) int { return (n + align - 1) &^ (align - 1) }
