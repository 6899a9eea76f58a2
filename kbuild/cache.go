package kbuild

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// cacheFormat is incremented whenever the meaning of cached values changes.
const cacheFormat = 3

// Cache stores kbuild's answers about one tree. The tree never changes, and every tree has its own
// folder. The zero value stores nothing.
type Cache struct{ dir string }

// Cache returns the tree's cache.
func (t *Tree) Cache() Cache { return Cache{t.CacheDir} }

// Keeps reports whether the cache stores anything.
func (c Cache) Keeps() bool { return c.dir != "" }

// Path returns the path of the cached file called name.
func (c Cache) Path(name string) string {
	return filepath.Join(c.dir, fmt.Sprintf("v%d-%s", cacheFormat, name))
}

// Load reads a cached value. A file that is missing or damaged counts as absent.
func (c Cache) Load(name string, value any) bool {
	if !c.Keeps() {
		return false
	}
	text, err := os.ReadFile(c.Path(name))
	return err == nil && json.Unmarshal(text, value) == nil
}

// Store keeps a value for Load.
func (c Cache) Store(name string, value any) {
	if text, err := json.Marshal(value); err == nil {
		c.StoreFile(name, text)
	}
}

// StoreFile writes a file of the cache atomically. Errors are ignored: without the cache, a build
// only takes longer.
func (c Cache) StoreFile(name string, data []byte) {
	to := c.Path(name)
	if !c.Keeps() || os.MkdirAll(filepath.Dir(to), 0o755) != nil {
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

// Keys are what cached answers about single sources depend on.
type Keys struct {
	dir, cc string
	Config  string // sha256 of the configuration
}

// Keys reads the tree's configuration.
func (t *Tree) Keys() Keys {
	conf, _ := os.ReadFile(filepath.Join(t.Dir, "include/config/auto.conf"))
	return Keys{t.Dir, t.CC, fmt.Sprintf("%x", sha256.Sum256(conf))}
}

// key is everything that kbuild's answer about one source depends on.
type key struct {
	Dir    string // the tree
	CC     string // the compiler's name, part of the command
	Config string // sha256 of include/config/auto.conf
	Source string
}

// Unit returns the name of the cached file for a source.
func (k Keys) Unit(source string) string {
	text, _ := json.Marshal(key{k.dir, k.cc, k.Config, source})
	return fmt.Sprintf("unit-%x.json", sha256.Sum256(text))
}
