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

// originals caches the results of compiling the pristine source of units. The tree never changes,
// so the command determines the result. Files are complete or absent, and any number of processes
// may use them at once.
type originals struct {
	cache  kbuild.Cache
	tree   string
	config string
}

// record describes a unit's pristine source.
type record struct {
	Sum  [32]byte // hash of the preprocessed text without line markers
	Deps []string // every file that the text is made of
}

// mostOriginals limits the cache on disk, in bytes. Two thirds of a distribution's kernel fit.
const mostOriginals = 1 << 30

const originalsDir = "originals"

func openOriginals(t *kbuild.Tree) originals {
	return originals{cache: t.Cache(), tree: t.Dir, config: t.Keys().Config}
}

// file returns the name of a cached file of u. It contains a hash of everything that the compiler's
// output depends on: the command, the configuration and the tree (by path).
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

// object returns the object before objtool, or nil if it is not cached.
func (o originals) object(u *kbuild.Unit) []byte { return o.read(o.file(u, ".o")) }

func (o originals) storeObject(u *kbuild.Unit, object []byte) { o.write(o.file(u, ".o"), object) }

var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(256<<20))
)

// read returns the contents of a cached file, and marks the file as used.
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
	_ = os.Chtimes(file, now, now) // if this fails, prune only removes the wrong files first
	return data[sha256.Size:]
}

func (o originals) write(name string, data []byte) {
	if !o.cache.Keeps() {
		return
	}
	sum := sha256.Sum256(data)
	o.cache.StoreFile(name, packer.EncodeAll(append(sum[:], data...), nil))
}

// prune removes the files that were unused for longest, if the cache is too large.
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

// pruneDir shrinks dir to three quarters of most bytes, if it has more than most. Other processes
// may prune at the same time.
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
