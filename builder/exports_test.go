package builder

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/internal/baseproof"
	"kintsugi/internal/diag"
	"kintsugi/internal/kimage"
	"kintsugi/internal/klp"
	"kintsugi/internal/kofile"
	"kintsugi/internal/report"
	"kintsugi/internal/testobj"
	"kintsugi/kbuild"
)

// unitOf is a unit of an object as it is compared, with types if typed.
func unitOf(t *testing.T, object, orig, patched string, typed bool) changed {
	t.Helper()
	olds, err := testobj.Build(t, orig, "-g2").Write()
	if err != nil {
		t.Fatal(err)
	}
	news, err := testobj.Build(t, patched, "-g2").Write()
	if err != nil {
		t.Fatal(err)
	}
	units := []proven{{compiled: compiled{owner: &klp.Owner{Name: object},
		Pair: kbuild.Pair{Unit: kbuild.Unit{Source: object + ".c", Types: typed}, Original: olds, Patched: news}}}}
	if units[0].orig, err = load(olds); err != nil {
		t.Fatal(err)
	}
	units[0].proof = baseproof.Prove(units[0].orig, &kimage.Image{})
	list, err := diff(units)
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

const (
	exporting = "int shown(int a) { return external(a); } int alone(int a) { return external(a); } long setting = 1;"
	usingTwo  = "int shown(int a); int one(int a) { return shown(a) + 1; } int two(int a) { return shown(a) + 2; }"
)

// exportSession has the exports of exporting, and modules that import some.
func exportSession(t *testing.T) *session {
	ko, err := testobj.Build(t, usingTwo).Write()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]klp.Export{}
	for _, name := range []string{"shown", "setting"} {
		exports[name] = klp.Export{Name: name, Module: klp.Vmlinux}
	}
	exports["alone"] = klp.Export{Name: "alone", Module: "drivers/other"}
	kernel := &klp.Kernel{Exports: exports, ReadModule: func(name string) ([]byte, error) {
		if name != "user" {
			return nil, fs.ErrNotExist
		}
		return ko, nil
	}}
	imports := &kofile.Imports{Modules: []string{"user", "zombie"}, Users: map[string][]int{"shown": {0, 1}}}
	return &session{kernel: kernel, modules: &modules{imports: imports}}
}

// abiOf are the messages about the exports of units.
func abiOf(t *testing.T, s *session, units ...changed) []string {
	t.Helper()
	found, err := exports(t.Context(), s, units, nil)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, d := range found {
		if d.Code != diag.ExportABI || d.Severity != diag.Consent || d.Object != klp.Vmlinux || d.Source != "vmlinux.c" {
			t.Errorf("%+v", d)
		}
		list = append(list, d.Symbol+": "+d.Message)
	}
	return list
}

// TestExports changes the type of an export while its users are in the patch, in
// part, or not.
func TestExports(t *testing.T) {
	const changes = "shown: the prototype of the exported function shown changes from int shown(int) to int shown(long); "
	patched := strings.Replace(exporting, "shown(int a)", "shown(long a)", 1)
	exporter := unitOf(t, klp.Vmlinux, exporting, patched, true)
	both := strings.ReplaceAll(strings.ReplaceAll(usingTwo, "shown(int a);", "shown(long a);"), "shown(a)",
		"shown(a + 3l)")
	one := strings.Replace(usingTwo, "shown(a) + 1", "shown(a) + 5", 1)
	s := exportSession(t)
	for _, c := range []struct {
		name string
		user []changed
		want string
	}{
		{"no user", nil, "outside the patch it is used by user, zombie"},
		{"all users", []changed{unitOf(t, "user", usingTwo, both, true)},
			"the patch covers its use by user; outside the patch it is used by zombie"},
		{"one of two", []changed{unitOf(t, "user", usingTwo, one, true)},
			"outside the patch it is used by user (two), zombie"},
		{"another module", []changed{unitOf(t, "other", usingTwo, both, true)},
			"outside the patch it is used by user, zombie"},
	} {
		got := abiOf(t, s, append([]changed{exporter}, c.user...)...)
		if d := cmp.Diff([]string{changes + c.want}, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
	s.modules = nil
	want := []string{changes + "which modules use it is unknown: the target has no modules"}
	if d := cmp.Diff(want, abiOf(t, s, exporter)); d != "" {
		t.Errorf("without modules (-want +got):\n%s", d)
	}
}

// TestExportsElse has a variable, what the kernel does not export from here, and
// what stays as it is.
func TestExportsElse(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		typed          bool
		want           []string
	}{
		{"a variable", "long setting", "int setting", true, []string{"setting: the type of the exported variable setting " +
			"changes from long setting to int setting; no module of the target uses it, but others may"}},
		{"the export of another module", "alone(int a)", "alone(long a)", true, nil},
		{"a parameter renamed", "shown(int a) { return external(a)", "shown(int b) { return external(b)", true, nil},
		{"a body", "long setting", "int more; long setting", true, nil},
		{"a unit without types", "shown(int a)", "shown(long a)", false, nil},
	} {
		orig, patched := testobj.Swap(exporting, c.old, c.new)
		if d := cmp.Diff(c.want, abiOf(t, exportSession(t), unitOf(t, klp.Vmlinux, orig, patched, c.typed))); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// TestExportsUnknown has modules that cannot be read.
func TestExportsUnknown(t *testing.T) {
	s := exportSession(t)
	s.modules = &modules{dir: kofile.Open(t.TempDir() + "/absent")}
	orig, patched := testobj.Swap(exporting, "shown(int a)", "shown(long a)")
	got := abiOf(t, s, unitOf(t, klp.Vmlinux, orig, patched, true))
	if len(got) != 1 || !strings.Contains(got[0], "which modules use it is unknown: modules: ") {
		t.Errorf("%q", got)
	}
}

// TestExportsUnread has debug info that cannot be read, in a unit that exports
// something and in a unit that does not.
func TestExportsUnread(t *testing.T) {
	for source, want := range map[string][]string{
		exporting:                        {"vmlinux.c: the types of the exports of vmlinux.c cannot be compared: "},
		"int other(int a) { return a; }": nil,
	} {
		u := unitOf(t, klp.Vmlinux, source, source, true)
		info := u.diff.Patched.File.Section(".debug_info")
		info.Data = append([]byte(nil), info.Data...)
		copy(info.Data[4:], []byte{99, 0}) // a version of DWARF
		got := abiOf(t, exportSession(t), u)
		if len(got) != len(want) || len(want) > 0 && !strings.HasPrefix(got[0], want[0]) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestExportsAlone: if no code changes, no caller uses the old type.
func TestExportsAlone(t *testing.T) {
	rec := newRecord(Options{})
	d := report.Found(report.Diagnostic{Code: diag.ExportABI, Symbol: "shown"})
	if err := rec.note([]report.Diagnostic{d}, nil); err != nil {
		t.Fatal(err)
	}
	if rep, _ := rec.finish(rec.nothing()); rep.Verdict != report.Nothing || rep.Diagnostics[0].Severity != diag.Note {
		t.Errorf("%s, %+v", rep.Verdict, rep.Diagnostics)
	}
}
