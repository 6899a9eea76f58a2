package kbuild

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// originals keeps what compiling the pristine source of units gave: the tree
// never changes, so the command says all. Files are whole or not there, and
// any number of processes may use them at once.
type originals struct {
	tree   *Tree
	config string
}

// record is what is known of a unit's pristine source.
type record struct {
	Sum  [32]byte // of the preprocessed text without line markers
	Deps []string // every file it is made of
}

// mostOriginals bounds what is kept on disk, in bytes: two thirds of a
// distribution's kernel.
const mostOriginals = 1 << 30

const originalsDir = "originals"

func (t *Tree) originals() *originals {
	return &originals{tree: t, config: t.unitCache().config}
}

// file names what is kept of u. Everything that the compiler's output depends
// on is in the sum: command, configuration and, by its place, the tree.
func (o *originals) file(u *Unit, suffix string) string {
	text, _ := json.Marshal(struct {
		Dir, Config    string
		Compile, Needs []string
	}{o.tree.Dir, o.config, compiler(u, "root", "object").Args, u.needs})
	sum := sha256.Sum256(text)
	name := hex.EncodeToString(sum[:])
	return filepath.Join(originalsDir, name[:2], name[2:]+suffix)
}

func (o *originals) load(u *Unit) *record {
	var r record
	data := o.read(o.file(u, ".deps"))
	if data == nil || json.Unmarshal(data, &r) != nil {
		return nil
	}
	return &r
}

func (o *originals) store(u *Unit, r *record) {
	if data, err := json.Marshal(r); err == nil {
		o.write(o.file(u, ".deps"), data)
	}
}

// object is the object before objtool, nil where it is not kept.
func (o *originals) object(u *Unit) []byte { return o.read(o.file(u, ".o")) }

func (o *originals) storeObject(u *Unit, object []byte) { o.write(o.file(u, ".o"), object) }

var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(256<<20))
)

// read returns the contents of a kept file and marks it as used.
func (o *originals) read(name string) []byte {
	if o.tree.CacheDir == "" {
		return nil
	}
	file := o.tree.cacheFile(name)
	packed, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	data, err := unpacker.DecodeAll(packed, nil)
	if err != nil || len(data) < sha256.Size {
		return nil
	}
	if sum := sha256.Sum256(data[sha256.Size:]); string(sum[:]) != string(data[:sha256.Size]) {
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(file, now, now) // a cache that cannot be written forgets the wrong files first
	return data[sha256.Size:]
}

func (o *originals) write(name string, data []byte) {
	if o.tree.CacheDir == "" {
		return
	}
	sum := sha256.Sum256(data)
	o.tree.storeFile(name, packer.EncodeAll(append(sum[:], data...), nil))
}

// prune removes what was not used for longest, where there is too much.
func (o *originals) prune() {
	if o.tree.CacheDir != "" {
		pruneDir(o.tree.cacheFile(originalsDir), mostOriginals)
	}
}

// pruneDir leaves three quarters of most bytes below dir, if there are more
// than most. Others may do the same at once.
func pruneDir(dir string, most int64) {
	type kept struct {
		path string
		info fs.FileInfo
	}
	var files []kept
	var total int64
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // gone by now
		}
		if info, err := d.Info(); err == nil {
			files = append(files, kept{path, info})
			total += info.Size()
		}
		return nil
	})
	if total <= most {
		return
	}
	sort.Slice(files, func(i, j int) bool { return files[i].info.ModTime().Before(files[j].info.ModTime()) })
	for _, f := range files {
		if total <= most*3/4 {
			return
		}
		if strings.HasPrefix(filepath.Base(f.path), ".tmp-") && time.Since(f.info.ModTime()) < time.Hour {
			continue // somebody is writing it
		}
		if os.Remove(f.path) == nil {
			total -= f.info.Size()
		}
	}
}
