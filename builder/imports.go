package builder

import (
	"context"
	"log/slog"
	"runtime"

	"kintsugi/internal/kofile"
	"kintsugi/kbuild"
)

// modules are the target's modules. Their imports are read on demand, and cached.
type modules struct {
	dir     *kofile.Dir
	cache   kbuild.Cache
	imports *kofile.Imports // nil: not read yet
}

// importers returns the modules that import a symbol.
func (m *modules) importers(ctx context.Context, symbol string) ([]string, error) {
	if m.imports == nil {
		imports, err := m.read(ctx)
		if err != nil {
			return nil, err
		}
		m.imports = imports
	}
	return m.imports.Of(symbol), nil
}

func (m *modules) read(ctx context.Context) (*kofile.Imports, error) {
	sum, err := m.dir.Sum()
	if err != nil {
		return nil, err
	}
	name, imports := "imports-"+sum+".json", &kofile.Imports{}
	if m.cache.Load(name, imports) {
		return imports, nil
	}
	slog.Info("reading the imports of all modules (once per target)")
	imports, err = m.dir.Imports(ctx, runtime.GOMAXPROCS(0))
	if err == nil {
		m.cache.Store(name, imports)
	}
	return imports, err
}
