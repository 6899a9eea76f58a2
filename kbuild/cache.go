package kbuild

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// cacheFormat counts up with every change of what cached values mean.
const cacheFormat = 3

// Cache keeps kbuild's answers about one tree. The tree never changes, and every
// tree has a folder of its own. The zero value keeps nothing.
type Cache struct{ dir string }

// Cache is the cache of the tree.
func (t *Tree) Cache() Cache { return Cache{t.CacheDir} }

// Keeps reports whether there is a folder to keep anything in.
func (c Cache) Keeps() bool { return c.dir != "" }

// Path is where the cache has its file of a name.
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

// StoreFile writes a file of the cache so that others see all of it or
// nothing. A cache that cannot be written costs time only.
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

// Keys names the files of answers about single sources.
type Keys struct {
	dir, cc string
	Config  string // sha256 of the configuration
}

// Keys reads the tree's configuration.
func (t *Tree) Keys() Keys {
	conf, _ := os.ReadFile(filepath.Join(t.Dir, "include/config/auto.conf"))
	return Keys{t.Dir, t.CC, fmt.Sprintf("%x", sha256.Sum256(conf))}
}

// key is all that an answer of kbuild about one source depends on.
type key struct {
	Dir    string // the tree
	CC     string // the compiler's name, part of the command
	Config string // sha256 of include/config/auto.conf
	Source string
}

// Unit is the name of the file for a source.
func (k Keys) Unit(source string) string {
	text, _ := json.Marshal(key{k.dir, k.cc, k.Config, source})
	return fmt.Sprintf("unit-%x.json", sha256.Sum256(text))
}
