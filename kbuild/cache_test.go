package kbuild

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCache(t *testing.T) {
	tree := &Tree{Dir: t.TempDir(), CC: "gcc", CacheDir: filepath.Join(t.TempDir(), "new")}
	want := placement{Object: "fs/a.o", Kind: Module, Command: "gcc -c", Needs: []string{"fs/a.h"}}
	if _, ok := tree.unitCache().load("fs/a.c"); ok {
		t.Error("an empty cache has something")
	}
	tree.unitCache().store("fs/a.c", want)
	got, ok := tree.unitCache().load("fs/a.c")
	if !ok {
		t.Fatal("the cache has lost its value")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, other := range map[string]*Tree{
		"compiler": {Dir: tree.Dir, CC: "gcc-13", CacheDir: tree.CacheDir},
		"tree":     {Dir: t.TempDir(), CC: "gcc", CacheDir: tree.CacheDir},
	} {
		if _, ok := other.unitCache().load("fs/a.c"); ok {
			t.Errorf("another %s gets the same answer", name)
		}
	}
	write(t, filepath.Join(tree.Dir, "include/config/auto.conf"), "CONFIG_A=y\n")
	if _, ok := tree.unitCache().load("fs/a.c"); ok {
		t.Error("another configuration gets the same answer")
	}
}

func TestCacheDamaged(t *testing.T) {
	tree := &Tree{Dir: t.TempDir(), CC: "gcc", CacheDir: t.TempDir()}
	cache := tree.unitCache()
	cache.store("fs/a.c", placement{Object: "fs/a.o"})
	if err := os.WriteFile(tree.cacheFile(cache.key("fs/a.c").file()), []byte(`{"Object":"fs/`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := cache.load("fs/a.c"); ok {
		t.Error("half a value is taken for a value")
	}
}

// TestCacheTwoWriters has a reader see nothing but whole values.
func TestCacheTwoWriters(t *testing.T) {
	tree := &Tree{Dir: t.TempDir(), CC: "gcc", CacheDir: t.TempDir()}
	cache := tree.unitCache()
	cache.store("fs/a.c", placement{Object: "fs/a.o"})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for range 50 {
				cache.store("fs/a.c", placement{Object: "fs/a.o"})
			}
		})
		group.Go(func() {
			for range 50 {
				if p, ok := cache.load("fs/a.c"); !ok || p.Object != "fs/a.o" {
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
