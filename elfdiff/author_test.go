package elfdiff_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kintsugi/elfdiff"
	"kintsugi/internal/elfobj"
	"kintsugi/internal/extract"
	"kintsugi/internal/objmodel"
	"kintsugi/templates"
)

var includes = regexp.MustCompile(`(?m)^#include .*$`)

// authorHeaders returns the author headers without the kernel's headers that they need.
func authorHeaders() string {
	text := "#define __PASTE(a, b) a##b\n#define PASTE(a, b) __PASTE(a, b)\n#define __UNIQUE_ID(name) " +
		"PASTE(PASTE(__UNIQUE_ID_, name), __COUNTER__)\n" +
		"#define LINUX_VERSION_CODE 1\n#define KERNEL_VERSION(a, b, c) 2\nstruct klp_object { const char *name; };\n"
	headers := templates.Headers()
	for _, name := range []string{"kintsugi.h", "kpatch-macros.h"} {
		text += includes.ReplaceAllString(string(headers[name]), "")
	}
	return text
}

// said lists the callbacks, states and notes of r in short lines.
func said(r *elfdiff.Result) []string {
	list := []string{}
	for _, c := range r.Callbacks {
		list = append(list, string(c.Kind)+" "+c.Func.Name)
	}
	for _, s := range r.States {
		list = append(list, fmt.Sprintf("state %#x version %d", s.ID, s.Version))
	}
	for _, d := range r.Diagnostics {
		list = append(list, fmt.Sprintf("%s %s %s", d.Severity, d.Code, d.Symbol))
	}
	for _, f := range r.Functions {
		list = append(list, "function "+f.Name)
	}
	slices.Sort(list)
	return list
}

const authored = `
int variable = 4;
int f(int x) { return external(x); }
int g(int x) { return external(x) + 1; }
static noinline int old(void) { return external(9); }
int h(int x) { return old() + x; }
`

func TestAuthor(t *testing.T) {
	for name, c := range map[string]struct {
		from, to, more string
		want           []string
	}{
		"nothing": {"", "", "", []string{}},
		"callbacks": {"", "", `
static int begin(patch_object *obj) { return external(variable); }
static void end(patch_object *obj) { external(1); }
KPATCH_PRE_PATCH_CALLBACK(begin)
KPATCH_POST_PATCH_CALLBACK(end)
KPATCH_PRE_UNPATCH_CALLBACK(end)
KPATCH_POST_UNPATCH_CALLBACK(end);`,
			[]string{"function begin", "function end", "post_patch end", "post_unpatch end", "pre_patch begin",
				"pre_unpatch end"}},
		"two of a kind": {"", "", `
static void end(patch_object *obj) { external(1); }
KLP_POST_PATCH_CALLBACK(end); KLP_POST_PATCH_CALLBACK(end);`,
			[]string{"function end", "post_patch end", "post_patch end"}},
		"callback that is there already": {"", "", `KLP_PRE_PATCH_CALLBACK((void *)old);`,
			[]string{"error author-macro old"}},
		"callback elsewhere": {"", "", `extern int begin(struct klp_object *); KLP_PRE_PATCH_CALLBACK(begin);`,
			[]string{"error author-macro "}},
		"callback that is no function": {"", "", `KLP_PRE_PATCH_CALLBACK((void *)&variable);`,
			[]string{"error author-macro "}},
		"init callback": {"", "", `static int __init begin(patch_object *obj) { return external(3); } KLP_PRE_PATCH_CALLBACK(begin);`,
			[]string{"error author-macro begin"}},
		"states": {"", "", `KLP_STATE(0x1234567890, 7); KLP_STATE(2, 1);`,
			[]string{"state 0x1234567890 version 7", "state 0x2 version 1"}},
		"ignored function":       {"+ 1", "+ 2", `KPATCH_IGNORE_FUNCTION(g)`, []string{"note change-ignored g"}},
		"another is not ignored": {"+ 1", "+ 2", `KPATCH_IGNORE_FUNCTION(f)`, []string{"function g"}},
		"nothing to ignore":      {"", "", `KPATCH_IGNORE_FUNCTION(f)`, []string{}},
		"ignored section": {"= 4", "= 5", `KPATCH_IGNORE_SECTION(".data.variable")`,
			[]string{"note change-ignored variable"}},
		"another section": {"= 4", "= 5", `KPATCH_IGNORE_SECTION(".data.other")`, []string{"error data-changed variable"}},
		"ignored collection": {"", "",
			`static int item __attribute__((used, section("vendor_table"))) = 4; KPATCH_IGNORE_SECTION("vendor_table")`,
			[]string{"note change-ignored item"}},
		"ignored function elsewhere": {"", "", `extern int printk2(void); KPATCH_IGNORE_FUNCTION(printk2)`,
			[]string{"error author-macro printk2"}},
		"force": {"+ 1", "+ 2", `KPATCH_FORCE_UNSAFE(g)`, []string{"function g", "warning force-unsafe g"}},
		"the kernel's own header": {"", "", `static void end(struct klp_object *obj) { external(1); }
void (*__klp_post_unpatch_callback_vmlinux)(struct klp_object *) __attribute__((used, section(".discard.klp_callback_ptrs"))) = end;`,
			[]string{"function end", "post_unpatch end"}},
		"old hooks": {"", "", `static void end(void) { external(1); } static void *hook __attribute__((used, section(".kpatch.hooks.load"))) = end;`,
			[]string{"error unknown-section hook"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := diffSources(t, authorHeaders()+authored, authorHeaders()+strings.Replace(authored, c.from, c.to, 1)+c.more)
			if diff := cmp.Diff(c.want, said(r)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestCallbacksExtracted checks that callbacks get names that C can use, and that the extracted
// object contains nothing of the author's sections.
func TestCallbacksExtracted(t *testing.T) {
	r := diffSources(t, authorHeaders()+authored, authorHeaders()+authored+`
static int begin(patch_object *obj) { return external(variable); }
KPATCH_PRE_PATCH_CALLBACK(begin)
KLP_STATE(2, 1);`)
	x, err := extract.Cut(r, extract.Options{Prefix: "klp0_"})
	if err != nil {
		t.Fatal(err)
	}
	if len(x.Replacements) != 0 || len(x.Callbacks) != 1 || x.Callbacks[0].Alias != "klp0_pre_patch_begin" {
		t.Errorf("replacements %v, callbacks %v", x.Replacements, x.Callbacks)
	}
	for _, s := range x.File.Sections {
		if objmodel.IsMacro(s.Name) {
			t.Errorf("section %s", s.Name)
		}
	}
	if !slices.ContainsFunc(x.File.Symbols, func(s *elfobj.Symbol) bool {
		return s.Name == "klp0_pre_patch_begin" &&
			s.Section != nil
	}) {
		t.Error("no symbol for the callback")
	}
}
