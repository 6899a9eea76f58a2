package elfdiff_test

import (
	"testing"
)

// loaderMacros are what the kernel's macros expand to, of sections that the
// module loader reads.
const loaderMacros = `
#define TAG(name, text) static const char __UNIQUE_ID_##name##1[] __attribute__((used, section(".modinfo"), aligned(1))) = "unit." #name "=" text
int __trace_bputs(u64 ip, const char *fmt);
#define trace_printk(text) do { static const char *trace_printk_fmt __attribute__((used, section("__trace_printk_fmt"))) = text; __trace_bputs(0, trace_printk_fmt); } while (0)
#define NOKPROBE(name) static u64 _kbl_addr_##name __attribute__((used, section("_kprobe_blacklist"))) = (u64)name
#define TRACE_STRING(name, text) static const char *name __attribute__((used, section("__tracepoint_str"))) = text
`

// TestLoaderSections has differences in sections that the module loader reads:
// what belongs to code goes with the code, what describes the module is kept.
func TestLoaderSections(t *testing.T) {
	tags := loaderMacros + `TAG(description, "one"); TAG(license, "GPL"); int f(int x) { return external(x); }`
	trace := loaderMacros + `int f(int x) { trace_printk("one"); return external(x); } int g(int x) { return external(x + 1); }`
	blacklist := loaderMacros + `int f(int x) { return external(x); } NOKPROBE(f); int g(int x) { return external(x + 1); }`
	texts := loaderMacros + `TRACE_STRING(first, "one"); int f(int x) { return external(x); }`
	for _, p := range []pair{
		edit("a description", tags, `"one"`, `"two"`, pair{refused: []string{"modinfo-kept"}}),
		edit("a new tag", tags, `TAG(license`, `TAG(author, "me"); TAG(license`, pair{refused: []string{"modinfo-kept"}}),
		edit("a tag gone", tags, `TAG(description, "one");`, "", pair{refused: []string{"modinfo-kept"}}),
		edit("another license", tags, `"GPL"`, `"GPL v2"`, pair{refused: []string{"unknown-section"}}),
		edit("a new format", trace, "{ return external(x + 1)", `{ trace_printk("two"); return external(x + 1)`,
			pair{functions: []string{"g"}, data: []string{"new:trace_printk_fmt"}}),
		edit("another format", trace, `"one"`, `"two"`, pair{functions: []string{"f"}, data: []string{"new:trace_printk_fmt"}}),
		edit("a format kept", trace, "return external(x);", "return external(x + 7);", pair{functions: []string{"f"}}),
		edit("a blacklisted function", blacklist, "return external(x);", "return external(x + 7);", pair{functions: []string{"f"}}),
		edit("one more on the blacklist", blacklist, "NOKPROBE(f);", "NOKPROBE(f); int g(int x); NOKPROBE(g);",
			pair{functions: []string{"g"}}),
		edit("a string of tracing without use", texts, `TRACE_STRING(first, "one");`,
			`TRACE_STRING(first, "one"); TRACE_STRING(second, "two");`, pair{}),
		edit("a string of tracing in use", texts, "int f(int x) { return",
			`TRACE_STRING(second, "two"); int f(int x) { printk(second); return`,
			pair{functions: []string{"f"}, data: []string{"new:second"}, refused: []string{"unknown-section"}}),
	} {
		t.Run(p.name, func(t *testing.T) { p.run(t) })
	}
}

// TestLoaderSectionsExtracted sees that what the module loader reads is still
// in the section that it reads.
func TestLoaderSectionsExtracted(t *testing.T) {
	source := loaderMacros + `int f(int x) { return external(x); } NOKPROBE(f);`
	orig, patched := swap(source, "return external(x);", `trace_printk("one"); return external(x + 7);`)
	x := extracted(t, diffSources(t, orig, patched))
	for _, name := range []string{"_kprobe_blacklist", "__trace_printk_fmt"} {
		if s := x.File.Section(name); s == nil || len(s.Data) != 8 {
			t.Errorf("section %s: %v", name, s)
		}
	}
}

// TestNotLoaded has a call of something in a section that no kernel has in memory.
func TestNotLoaded(t *testing.T) {
	const define = `asm(".pushsection .debug_fake,\"\",@progbits\n.globl external\nexternal: .byte 0\n.popsection");`
	source := `int f(int x) { return external(x); } int g(int x) { return external(x + 1); }`
	pair{orig: source, patched: define + source, functions: []string{"f", "g"},
		refused: []string{"unknown-section", "unknown-section"}}.run(t)
	pair{orig: define + source, patched: define + source}.run(t)
}

// TestNothingListed has a change that only init code reaches, which has run:
// there is nothing to include.
func TestNothingListed(t *testing.T) {
	source := `static noinline notrace int hidden(int x) { return external(x) + 1; }
int __init start(int x) { return hidden(x); }`
	edit("", source, "external(x) + 1", "external(x) + 3", pair{refused: []string{"init-code"}}).run(t)
}
