package kbuild

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// answer is a value to be cached.
type answer struct{ Object string }

func TestCache(t *testing.T) {
	tree := &Tree{Dir: t.TempDir(), CC: "gcc", CacheDir: filepath.Join(t.TempDir(), "new")}
	load := func(tree *Tree) (a answer, ok bool) {
		ok = tree.Cache().Load(tree.Keys().Unit("fs/a.c"), &a)
		return a, ok
	}
	if _, ok := load(tree); ok {
		t.Error("an empty cache returns a value")
	}
	tree.Cache().Store(tree.Keys().Unit("fs/a.c"), answer{"fs/a.o"})
	if got, ok := load(tree); !ok || got.Object != "fs/a.o" {
		t.Fatalf("the cache returns %v, %v", got, ok)
	}
	for name, other := range map[string]*Tree{
		"compiler": {Dir: tree.Dir, CC: "gcc-13", CacheDir: tree.CacheDir},
		"tree":     {Dir: t.TempDir(), CC: "gcc", CacheDir: tree.CacheDir},
		"cache":    {Dir: tree.Dir, CC: "gcc"},
	} {
		if _, ok := load(other); ok {
			t.Errorf("another %s gets the same answer", name)
		}
	}
	if err := os.MkdirAll(filepath.Join(tree.Dir, "include/config"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree.Dir, "include/config/auto.conf"), []byte("CONFIG_A=y\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := load(tree); ok {
		t.Error("another configuration gets the same answer")
	}
}

func TestCacheDamaged(t *testing.T) {
	cache := (&Tree{CacheDir: t.TempDir()}).Cache()
	cache.Store("a.json", answer{"fs/a.o"})
	if err := os.WriteFile(cache.Path("a.json"), []byte(`{"Object":"fs/`), 0o644); err != nil {
		t.Fatal(err)
	}
	if cache.Load("a.json", &answer{}) {
		t.Error("a truncated value is accepted")
	}
}

// TestCacheTwoWriters checks that readers get only complete values.
func TestCacheTwoWriters(t *testing.T) {
	tree := &Tree{CacheDir: t.TempDir()}
	cache := tree.Cache()
	cache.Store("a.json", answer{"fs/a.o"})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for range 50 {
				cache.Store("a.json", answer{"fs/a.o"})
			}
		})
		group.Go(func() {
			for range 50 {
				var got answer
				if !cache.Load("a.json", &got) || got.Object != "fs/a.o" {
					t.Error("a reader got no value")
				}
			}
		})
	}
	group.Wait()
	if entries, err := os.ReadDir(tree.CacheDir); err != nil || len(entries) != 1 {
		t.Errorf("the cache has %d files, %v", len(entries), err)
	}
}
