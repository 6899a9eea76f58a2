package patchfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"kintsugi/internal/fault"
)

// MaxSize limits a patch, in bytes. A whole kernel release is larger, but
// is no livepatch.
const MaxSize = 64 << 20

// Parse reads a patch: the output of git diff or git format-patch (also
// several mails in one mbox), of diff -u, or a quilt patch. One leading
// directory is stripped from paths, as patch -p1 does.
//
// Every error is a fault.Input.
func Parse(name string, data []byte) (*Patch, error) {
	files, err := parseText(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	sum := sha256.Sum256(data)
	return &Patch{Name: name, SHA256: hex.EncodeToString(sum[:]), Files: files}, nil
}

func parseText(data []byte) ([]*File, error) {
	switch {
	case len(data) > MaxSize:
		return nil, fault.Inputf("patch of more than %d MiB", MaxSize>>20)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, fault.Inputf("empty patch")
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return nil, fault.Inputf("text in UTF-16: it begins with that byte order mark").
			Hint("convert it: iconv -f UTF-16 -t UTF-8")
	case bytes.IndexByte(data, 0) >= 0:
		return nil, fault.Inputf("binary data in the patch").Hint("a patch is text: a unified diff, or a mail with one")
	}
	text := string(data)
	// lost in transport; the diff marks a missing newline of the file by a line of its own
	if !strings.HasSuffix(text, "\n") {
		text = strings.TrimSuffix(text, "\r")
		if lines := splitLines(text); len(lines) > 1 && strings.HasSuffix(lines[len(lines)-2], "\r\n") {
			text += "\r"
		}
		text += "\n"
	}
	sections, err := split(text)
	if err != nil {
		return nil, err
	}
	if len(sections) == 0 {
		return nil, fault.Inputf("no change in the patch").Hint("expected a unified diff, as git diff and diff -u write it")
	}
	var files []*File
	for _, s := range sections {
		f, err := parseSection(s)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", s.line, err)
		}
		files = append(files, f)
	}
	return files, nil
}

func parseSection(s section) (*File, error) {
	parsed, _, err := gitdiff.Parse(strings.NewReader(s.text))
	switch {
	case err != nil:
		return nil, fault.Inputf("%s", libraryPrefix.ReplaceAllString(err.Error(), ""))
	case len(parsed) != 1:
		return nil, fault.Inputf("unreadable file header")
	}
	g := parsed[0]
	other := ""
	if !strings.HasPrefix(s.text, "diff --git ") {
		other = plainNames(g, s.text)
	}
	f := &File{Path: g.NewName, OldPath: g.OldName, Action: actionOf(g), Line: s.line, Hunks: hunksOf(g)}
	if f.Action == Modify && checkPath(other) == nil {
		f.Other = other
	}
	switch f.Action {
	case New:
		f.OldPath = ""
	case Delete:
		f.Path = g.OldName
	}
	if err := checkFile(f, g); err != nil {
		return nil, err
	}
	f.Kind = max(Classify(f.Path), Classify(f.OldPath), Classify(f.Other))
	return f, nil
}

// libraryPrefix matches a line number that counts from the section's start.
var libraryPrefix = regexp.MustCompile(`^gitdiff: line \d+: `)

// plainNames sets the names of a section without a git header, like the library but
// without the first directory: the new name, or the old name if the new name only has
// a longer end, such as ".new". It returns the other name, empty if both are the same.
func plainNames(g *gitdiff.File, text string) (other string) {
	lines := strings.SplitN(text, "\n", 3)
	oldName, newName := trimName(lines[0][len("--- "):]), trimName(lines[1][len("+++ "):])
	name := strip(newName)
	switch {
	case isDevNull(oldName) && isDevNull(newName):
		name = ""
	case isDevNull(oldName):
	case isDevNull(newName):
		name = strip(oldName)
	case strings.HasPrefix(name, strip(oldName)):
		name, other = strip(oldName), name
	default:
		other = strip(oldName)
	}
	g.OldName, g.NewName = name, name
	if other == name {
		return ""
	}
	return other
}

// strip removes the first directory of a path.
func strip(path string) string {
	if _, rest, found := strings.Cut(path, "/"); found {
		return strings.TrimLeft(rest, "/")
	}
	return path
}

func actionOf(g *gitdiff.File) Action {
	switch {
	case g.IsNew:
		return New
	case g.IsDelete:
		return Delete
	case g.IsRename:
		return Rename
	case g.IsCopy:
		return Copy
	case len(g.TextFragments) == 0 && g.OldMode != g.NewMode:
		return Chmod
	}
	return Modify
}

func hunksOf(g *gitdiff.File) []*Hunk {
	var hunks []*Hunk
	for _, frag := range g.TextFragments {
		h := &Hunk{
			OldStart: int(frag.OldPosition), OldLines: int(frag.OldLines),
			NewStart: int(frag.NewPosition), NewLines: int(frag.NewLines),
		}
		h.Heading = strings.TrimSpace(frag.Comment)
		h.Header = fmt.Sprintf("@@ -%d,%d +%d,%d @@", h.OldStart, h.OldLines, h.NewStart, h.NewLines)
		for _, l := range frag.Lines {
			h.Lines = append(h.Lines, Line{ops[l.Op], l.Line})
		}
		hunks = append(hunks, h)
	}
	return hunks
}

var ops = map[gitdiff.LineOp]Op{gitdiff.OpContext: Context, gitdiff.OpDelete: Remove, gitdiff.OpAdd: Add}

// checkFile refuses paths that leave the tree, files that are not text files,
// and sections whose hunks are missing.
func checkFile(f *File, g *gitdiff.File) error {
	if err := checkPath(f.Path); err != nil {
		return err
	}
	if f.Action != New {
		if err := checkPath(f.OldPath); err != nil {
			return err
		}
	}
	for _, mode := range []os.FileMode{g.OldMode, g.NewMode} {
		if err := checkMode(f, mode); err != nil {
			return err
		}
	}
	switch {
	case g.IsBinary:
		return fault.Inputf("binary patch to %s", f.Path)
	case f.Action == Modify && f.Path != f.OldPath:
		return fault.Inputf("%s becomes %s without a rename", f.OldPath, f.Path).
			Hint("make the patch from two versions of one tree")
	case len(f.Hunks) == 0 && !completeWithoutHunks(f, g):
		return fault.Inputf("no hunks for %s", f.Path).
			Hint("the patch was cut short, or made with an option that omits text")
	}
	return checkHunks(f.Hunks)
}

// checkHunks refuses hunks that are not in the order of the file, and empty lines
// without a newline.
func checkHunks(hunks []*Hunk) error {
	end := 0
	for _, h := range hunks {
		if h.start() < end {
			return fault.Inputf("hunk %s overlaps the one before it", h.Header)
		}
		end = h.start() + h.OldLines
		for _, l := range h.Lines {
			if l.Text == "" {
				return fault.Inputf("hunk %s has an empty line without a newline", h.Header)
			}
		}
	}
	return nil
}

// checkMode checks git's modes: 100644 and the like for files, 120000 for symbolic
// links, 160000 for submodules; 0 if the patch names no mode.
func checkMode(f *File, mode os.FileMode) error {
	const typeMask, regular = 0o170000, 0o100000
	if t := mode & typeMask; t != 0 && t != regular {
		return fault.Inputf("%s is a symbolic link or submodule (mode %o)", f.Path, uint32(mode)).
			Hint("only regular files can be patched")
	}
	return nil
}

// completeWithoutHunks reports whether a section changes no text: the blobs that it
// names, if any, are the same or empty.
func completeWithoutHunks(f *File, g *gitdiff.File) bool {
	switch f.Action {
	case New:
		return isEmptyBlob(g.NewOIDPrefix)
	case Delete:
		return isEmptyBlob(g.OldOIDPrefix)
	case Rename, Copy:
		return g.OldOIDPrefix == g.NewOIDPrefix && (g.Score == 0 || g.Score == 100)
	case Chmod:
		return g.OldOIDPrefix == g.NewOIDPrefix
	}
	return false
}

// isEmptyBlob reports whether an abbreviated git object name is that of the empty
// file, by SHA-1 or SHA-256.
func isEmptyBlob(oid string) bool {
	return len(oid) >= 4 &&
		(strings.HasPrefix("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", oid) ||
			strings.HasPrefix("473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813", oid))
}
