package arch

import (
	"maps"
	"strings"
)

// Section is what is known of one special section. At most one of Relocs,
// Parallel, ParallelTo, Whole, Unowned, Drop and Pool is set: it says to what
// the section's contents belong. A row with Describes alone is of named objects.
//
// Entry sizes are not listed. They differ by kernel version and configuration;
// the distance of an object's relocations gives them.
type Section struct {
	Relocs     int    // relocations of an entry; the first points at the code that owns the entry
	OrRelocs   int    // how many there are in other kernels, more than Relocs; 0: none
	Ftrace     bool   // an entry makes its function patchable
	Parallel   string // section whose i-th entry belongs to the i-th entry here, each with one relocation
	ParallelTo string // the other direction
	Registered bool   // named objects that the module loader registers: new ones go with the code that refers to them
	Registers  bool   // named pointers by which the module loader registers what they point at: they go with that
	Passive    bool   // unowned, and without effect for an object that no code refers to
	Describes  bool   // named objects that each describe one call site: a new one works unregistered
	Whole      bool   // the same in all objects: a module has all of it
	Unowned    bool   // entries belong to no function: they may not differ
	Refusal    Refusal
	Drop       bool // means nothing in a module
	Pool       bool // addresses and constants that code loads: writable only for the linker
}

// Refusal is why a livepatch cannot have a difference in an Unowned section, and what
// the patch can do instead. It is empty for a section that has effect in an image only.
type Refusal struct{ Why, Hint string }

var (
	tracepoints = Refusal{"the kernel registers the tracepoints of whole modules", tracepointHint}
	events      = Refusal{"the kernel registers the events of whole modules", tracepointHint}
	suites      = Refusal{"the kernel runs the test suites of whole modules",
		"Leave the test suite out of the livepatch."}
	constructed = Refusal{"constructors have run when a livepatch is loaded",
		"Initialise what the constructor does in a livepatch callback."}
)

const tracepointHint = "Use trace_printk() in the patch, or a tracepoint that the kernel has."

// withCommon adds the special sections that all architectures have
// (include/asm-generic/vmlinux.lds.h, scripts/module.lds.S).
func withCommon(own map[string]Section) map[string]Section {
	all := map[string]Section{
		"__bug_table":                  {Relocs: 1, OrRelocs: 2}, // with CONFIG_DEBUG_BUGVERBOSE
		"__ex_table":                   {Relocs: 2, OrRelocs: 3}, // before 5.16
		".altinstructions":             {Relocs: 2},
		"__jump_table":                 {Relocs: 3},
		"__mcount_loc":                 {Relocs: 1, Ftrace: true},
		"__patchable_function_entries": {Relocs: 1, Ftrace: true},
		".kcfi_traps":                  {Relocs: 1},
		"__dyndbg":                     {Describes: true},
		// find_module_sections, kernel/module/main.c
		"_kprobe_blacklist":          {Relocs: 1},
		"_error_injection_whitelist": {Relocs: 1},
		"__trace_printk_fmt":         {Registered: true},
		"___srcu_struct_ptrs":        {Registers: true},
		// The tracing system takes these of the kernel image alone (tracepoint_string, include/linux/tracepoint.h).
		"__tracepoint_str": {Unowned: true, Passive: true, Refusal: Refusal{
			"the tracing system reads that section of the kernel image alone",
			"Hand the string to the tracepoint as text (__string), without tracepoint_string()."}},
		// Entries list messages (printk_index_subsys_emit, include/linux/printk.h); a message works without.
		".printk_index":    {Unowned: true, Passive: true},
		"_ftrace_eval_map": {Unowned: true, Refusal: events},
		"__dyndbg_classes": {Unowned: true, Refusal: Refusal{
			"the kernel registers the classes of debug messages of whole modules",
			"Use pr_debug() without a class, or a class that the file has."}},
		".kunit_test_suites":      {Unowned: true, Refusal: suites},
		".kunit_init_test_suites": {Unowned: true, Refusal: suites},
		".init_array":             {Unowned: true, Refusal: constructed},
		".ctors":                  {Unowned: true, Refusal: constructed},
		"__tracepoints":           {Unowned: true, Refusal: tracepoints},
		"__tracepoints_ptrs":      {Unowned: true, Refusal: tracepoints},
		"__tracepoint_check":      {Unowned: true},
		".modinfo": {Unowned: true, Refusal: Refusal{
			"the running kernel has judged the license already", "Leave the license as it is."}},
		"__param": {Unowned: true, Refusal: Refusal{
			"a parameter of the livepatch would not be one of the patched code",
			"Use a variable, and set it from a livepatch callback."}},
		"__modver":                  {Unowned: true},
		".note.gnu.property":        {Drop: true},
		".note.GNU-stack":           {Drop: true},
		".note.Linux":               {Unowned: true},
		".gnu.linkonce.this_module": {Unowned: true},
		"__ksymtab_strings":         {Drop: true},
		".export_symbol":            {Unowned: true},
	}
	maps.Copy(all, own)
	return all
}

// Prefixes of the sections that list the places of a runtime constant
// (asm/runtime-const.h, since 6.11). The name of the constant's variable follows.
const (
	RuntimePtr   = "runtime_ptr_"
	RuntimeShift = "runtime_shift_"
)

// families are the special sections that are made one per symbol
// (___ksymtab+NAME, .initcall6.init), by prefix.
var families = []struct {
	prefix string
	row    Section
}{
	{RuntimePtr, Section{Relocs: 1}},
	{RuntimeShift, Section{Relocs: 1}},
	{"___ksymtab", Section{Unowned: true}},
	{"___kcrctab", Section{Unowned: true}},
	{"__ksymtab", Section{Unowned: true}},
	{"__kcrctab", Section{Unowned: true}},
	{".initcall", Section{Unowned: true}},
	{".con_initcall", Section{Unowned: true}},
	{".init.setup", Section{Unowned: true}},
	{"__initcall", Section{Unowned: true}},
	{"__syscalls_metadata", Section{Unowned: true}},
	{"_ftrace_events", Section{Unowned: true, Refusal: events}},
	{".BTF", Section{Unowned: true}},
	{"__bpf_raw_tp_map", Section{Unowned: true, Refusal: tracepoints}},
}

// Section returns the row of the special section called name, and whether
// there is one.
func (a *Arch) Section(name string) (row Section, special bool) {
	if s, ok := a.Sections[name]; ok {
		return s, true
	}
	for _, f := range families {
		if strings.HasPrefix(name, f.prefix) {
			return f.row, true
		}
	}
	return Section{}, false
}
