package kbuild

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// cacheKey is all that an answer of kbuild about one source depends on,
// besides the tree itself, which never changes: every tree has a CacheDir of
// its own.
type cacheKey struct {
	Dir    string // the tree
	CC     string // the compiler's name, part of the command
	Config string // sha256 of include/config/auto.conf
	Source string
}

// cacheFormat counts up with every change of what cached values mean.
const cacheFormat = 3

func (t *Tree) cacheFile(name string) string {
	return filepath.Join(t.CacheDir, fmt.Sprintf("v%d-%s", cacheFormat, name))
}

// unitCache keeps placements, one file each.
type unitCache struct {
	tree   *Tree
	config string
}

func (t *Tree) unitCache() unitCache {
	conf, _ := os.ReadFile(filepath.Join(t.Dir, "include/config/auto.conf"))
	return unitCache{t, fmt.Sprintf("%x", sha256.Sum256(conf))}
}

func (c unitCache) key(source string) cacheKey {
	return cacheKey{c.tree.Dir, c.tree.CC, c.config, source}
}

func (k cacheKey) file() string {
	text, _ := json.Marshal(k)
	return fmt.Sprintf("unit-%x.json", sha256.Sum256(text))
}

func (c unitCache) load(source string) (placement, bool) {
	var p placement
	ok := c.tree.loadCache(c.key(source).file(), &p)
	return p, ok
}

func (c unitCache) store(source string, p placement) {
	c.tree.storeCache(c.key(source).file(), p)
}

// loadCache reads a cached value; a file that is missing or damaged is as good
// as none.
func (t *Tree) loadCache(name string, value any) bool {
	if t.CacheDir == "" {
		return false
	}
	text, err := os.ReadFile(t.cacheFile(name))
	return err == nil && json.Unmarshal(text, value) == nil
}

// storeCache keeps a value for loadCache.
func (t *Tree) storeCache(name string, value any) {
	if text, err := json.Marshal(value); err == nil {
		t.storeFile(name, text)
	}
}

// storeFile writes a file of the cache so that others see all of it or
// nothing. A cache that cannot be written costs time only.
func (t *Tree) storeFile(name string, data []byte) {
	to := t.cacheFile(name)
	if t.CacheDir == "" || os.MkdirAll(filepath.Dir(to), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".tmp-*")
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err != nil || closeErr != nil || os.Rename(f.Name(), to) != nil {
		os.Remove(f.Name())
	}
}
