package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"kintsugi/kbuild"
)

// originals keeps what compiling the pristine source of units gave: the tree
// never changes, so the command determines all. Files are whole or absent, and
// any number of processes may use them at once.
type originals struct {
	cache  kbuild.Cache
	tree   string
	config string
}

// record is what is known of a unit's pristine source.
type record struct {
	Sum  [32]byte // of the preprocessed text without line markers
	Deps []string // every file it is made of
}

// mostOriginals limits what is kept on disk, in bytes: two thirds of a
// distribution's kernel.
const mostOriginals = 1 << 30

const originalsDir = "originals"

func openOriginals(t *kbuild.Tree) originals {
	return originals{cache: t.Cache(), tree: t.Dir, config: t.Keys().Config}
}

// file names what is kept of u. Everything that the compiler's output depends
// on is in the sum: command, configuration and, by its path, the tree.
func (o originals) file(u *kbuild.Unit, suffix string) string {
	text, _ := json.Marshal(struct {
		Dir, Config    string
		Compile, Needs []string
	}{o.tree, o.config, compilerRun(u, "root", "object").Args, u.Needs})
	sum := sha256.Sum256(text)
	name := hex.EncodeToString(sum[:])
	return filepath.Join(originalsDir, name[:2], name[2:]+suffix)
}

func (o originals) load(u *kbuild.Unit) *record {
	var r record
	data := o.read(o.file(u, ".deps"))
	if data == nil || json.Unmarshal(data, &r) != nil {
		return nil
	}
	return &r
}

func (o originals) store(u *kbuild.Unit, r *record) {
	if data, err := json.Marshal(r); err == nil {
		o.write(o.file(u, ".deps"), data)
	}
}

// object is the object before objtool, nil if it is not kept.
func (o originals) object(u *kbuild.Unit) []byte { return o.read(o.file(u, ".o")) }

func (o originals) storeObject(u *kbuild.Unit, object []byte) { o.write(o.file(u, ".o"), object) }

var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(256<<20))
)

// read returns the contents of a kept file, and marks it as used.
func (o originals) read(name string) []byte {
	if !o.cache.Keeps() {
		return nil
	}
	file := o.cache.Path(name)
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

func (o originals) write(name string, data []byte) {
	if !o.cache.Keeps() {
		return
	}
	sum := sha256.Sum256(data)
	o.cache.StoreFile(name, packer.EncodeAll(append(sum[:], data...), nil))
}

// prune removes what has not been used for longest, if too much is kept.
func (o originals) prune() {
	if o.cache.Keeps() {
		pruneDir(o.cache.Path(originalsDir), mostOriginals)
	}
}

// keptFile is a file of the cache.
type keptFile struct {
	path string
	info fs.FileInfo
}

// pruneDir leaves three quarters of most bytes below dir, if there are more
// than most. Others may do the same at once.
func pruneDir(dir string, most int64) {
	files, total := keptFiles(dir)
	if total <= most {
		return
	}
	slices.SortFunc(files, func(a, b keptFile) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, f := range files {
		if total <= most*3/4 {
			return
		}
		if strings.HasPrefix(filepath.Base(f.path), ".tmp-") && time.Since(f.info.ModTime()) < time.Hour {
			continue // another process is writing it
		}
		if os.Remove(f.path) == nil {
			total -= f.info.Size()
		}
	}
}

func keptFiles(dir string) (files []keptFile, total int64) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // gone by now
		}
		if info, err := d.Info(); err == nil {
			files = append(files, keptFile{path, info})
			total += info.Size()
		}
		return nil
	})
	return files, total
}
