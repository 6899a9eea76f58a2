package elfdiff_test

import (
	"testing"
)

// loaderMacros are expansions of the kernel's macros for sections that the module loader reads.
const loaderMacros = `
#define TAG(name, text) static const char __UNIQUE_ID_##name##1[] __attribute__((used, section(".modinfo"), aligned(1))) = "unit." #name "=" text
int __trace_bputs(u64 ip, const char *fmt);
#define trace_printk(text) do { static const char *trace_printk_fmt __attribute__((used, section("__trace_printk_fmt"))) = text; __trace_bputs(0, trace_printk_fmt); } while (0)
#define NOKPROBE(name) static u64 _kbl_addr_##name __attribute__((used, section("_kprobe_blacklist"))) = (u64)name
#define TRACE_STRING(name, text) static const char *name __attribute__((used, section("__tracepoint_str"))) = text

#define message(text) do { static const struct entry { const char *fmt, *func; } entry __attribute__((used)) = { text, __func__ }; static const struct entry *entry_ptr __attribute__((used, section(".printk_index"))) = &entry; printk(text); } while (0)
struct srcu { long *usage, a[4]; }; int srcu_read_lock(struct srcu *);
#define DEFINE_STATIC_SRCU(name) static long name##_usage[4]; static struct srcu name = { .usage = name##_usage }; struct srcu *const __srcu_struct_##name __attribute__((section("___srcu_struct_ptrs"))) = &name
#define EVAL(name) static struct { const char *text; long value; } *name __attribute__((used, section("_ftrace_eval_map"))) = (void *)8
`

// TestLoaderSections has differences in sections that the module loader reads. What belongs to code
// is included with the code; what describes the module stays unchanged.
func TestLoaderSections(t *testing.T) {
	tags := loaderMacros + `TAG(description, "one"); TAG(license, "GPL"); int f(int x) { return external(x); }`
	trace := loaderMacros + `int f(int x) { trace_printk("one"); return external(x); } int g(int x) { return external(x + 1); }`
	blacklist := loaderMacros + `int f(int x) { return external(x); } NOKPROBE(f); int g(int x) { return external(x + 1); }`
	index := loaderMacros + `int f(int x) { message("one"); return external(x); } int g(int x) { message("two"); return external(x + 1); }`
	srcu := loaderMacros + `DEFINE_STATIC_SRCU(own); int f(int x) { srcu_read_lock(&own); return external(x); } int g(int x) { return external(x + 1); }`
	texts := loaderMacros + `TRACE_STRING(first, "one"); int f(int x) { return external(x); }`
	for _, p := range []pair{
		edit("a description", tags, `"one"`, `"two"`, pair{refused: []string{"modinfo-kept"}}),
		edit("a new tag", tags, `TAG(license`, `TAG(author, "me"); TAG(license`, pair{refused: []string{"modinfo-kept"}}),
		edit("a tag gone", tags, `TAG(description, "one");`, "", pair{refused: []string{"modinfo-kept"}}),
		edit("another license", tags, `"GPL"`, `"GPL v2"`, pair{refused: []string{"unknown-section"}}),
		edit("a new format", trace, "{ return external(x + 1)", `{ trace_printk("two"); return external(x + 1)`,
			pair{functions: []string{"g"}, data: []string{"new:trace_printk_fmt"}}),
		edit("another format", trace, `"one"`, `"two"`,
			pair{functions: []string{"f"}, data: []string{"new:trace_printk_fmt"}}),
		edit("a format kept", trace, "return external(x);", "return external(x + 7);", pair{functions: []string{"f"}}),
		edit("a blacklisted function", blacklist, "return external(x);", "return external(x + 7);",
			pair{functions: []string{"f"}}),
		edit("one more on the blacklist", blacklist, "NOKPROBE(f);", "NOKPROBE(f); int g(int x); NOKPROBE(g);",
			pair{functions: []string{"g"}}),
		edit("a string of tracing without use", texts, `TRACE_STRING(first, "one");`,
			`TRACE_STRING(first, "one"); TRACE_STRING(second, "two");`, pair{}),
		edit("a string of tracing in use", texts, "int f(int x) { return",
			`TRACE_STRING(second, "two"); int f(int x) { printk(second); return`,
			pair{functions: []string{"f"}, data: []string{"new:second"}, refused: []string{"unknown-section"}}),
		edit("a message of the index", index, `message("two");`, `message("three"); message("two");`,
			pair{functions: []string{"g"}}),
		edit("another message of the index", index, `"one"`, `"three"`, pair{functions: []string{"f"}}),
		edit("a message of the index gone", index, `message("one");`, ``, pair{functions: []string{"f"}}),
		edit("a new srcu structure", srcu, "int g(int x) { return",
			"DEFINE_STATIC_SRCU(more); int g(int x) { srcu_read_lock(&more); return",
			pair{functions: []string{"g"}, data: []string{"new:more", "new:more_usage", "new:__srcu_struct_more"}}),
		edit("a new srcu structure without use", srcu, "int g(int x)", "DEFINE_STATIC_SRCU(more); int g(int x)", pair{}),
		edit("the kernel's srcu structure", srcu, "return external(x)", "return external(x + 7)",
			pair{functions: []string{"f"}}),
		edit("a new value of an event", srcu, "int g(int x)", "EVAL(state); int g(int x)",
			pair{refused: []string{"unknown-section"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}

// TestLoaderSectionsExtracted checks that the data for the module loader stays in its section.
func TestLoaderSectionsExtracted(t *testing.T) {
	source := loaderMacros + `int f(int x) { return external(x); } NOKPROBE(f); DEFINE_STATIC_SRCU(own);`
	orig, patched := swap(source, "int f(int x) { return external(x);",
		`DEFINE_STATIC_SRCU(more); int f(int x) { trace_printk("one"); srcu_read_lock(&more); return external(x + 7);`)
	x := extracted(t, diffSources(t, orig, patched))
	for _, name := range []string{"_kprobe_blacklist", "__trace_printk_fmt", "___srcu_struct_ptrs"} {
		if s := x.File.Section(name); s == nil || len(s.Data) != 8 {
			t.Errorf("section %s: %v", name, s)
		}
	}
}

// TestNotLoaded calls something in a section that is not loaded into memory.
func TestNotLoaded(t *testing.T) {
	const define = `asm(".pushsection .debug_fake,\"\",@progbits\n.globl external\nexternal: .byte 0\n.popsection");`
	source := `int f(int x) { return external(x); } int g(int x) { return external(x + 1); }`
	pair{orig: source, patched: define + source, functions: []string{"f", "g"},
		refused: []string{"unknown-section", "unknown-section"}}.run(t)
	pair{orig: define + source, patched: define + source}.run(t)
}

// TestNothingListed has a change that only init code reaches. That code has already run, so nothing
// must be included.
func TestNothingListed(t *testing.T) {
	source := `static noinline notrace int hidden(int x) { return external(x) + 1; }
int __init start(int x) { return hidden(x); }`
	edit("", source, "external(x) + 1", "external(x) + 3", pair{refused: []string{"init-code"}}).run(t)
}
