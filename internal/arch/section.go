package arch

import (
	"maps"
	"slices"
	"strings"
)

// Section describes one special section. At most one of Relocs, Parallel, ParallelTo, Whole, Unowned,
// Drop and Pool is set; it determines what the section's contents belong to. A row with Describes
// alone contains named objects.
//
// Entry sizes are not listed, because they differ by kernel version and configuration. The distance
// between an object's relocations gives them.
type Section struct {
	Relocs     int    // relocations per entry; the first points at the code that owns the entry
	OrRelocs   []int  // larger numbers of relocations per entry in other kernels, ascending
	Ftrace     bool   // an entry makes its function patchable
	Parallel   string // section whose i-th entry belongs to the i-th entry here, each with one relocation
	ParallelTo string // section of which this is the Parallel: the opposite direction
	Registered bool   // named objects that the module loader registers; included with the code that uses them
	Registers  bool   // named pointers; the module loader registers their targets, with which they are included
	Passive    bool   // unowned, and without effect for an object that no code refers to
	Describes  bool   // named objects, each for one call site; a new one works unregistered
	Whole      bool   // the same in all objects; included whole
	Unowned    bool   // entries belong to no function; a difference is refused
	Refusal    Refusal
	Drop       bool // ignored: without meaning in a module
	Pool       bool // addresses and constants that code loads; SHF_WRITE only for the linker
}

// Refusal states why an Unowned section cannot differ in a livepatch, and what the patch can do
// instead. It is empty for a section that has an effect only in an image.
type Refusal struct{ Why, Hint string }

var (
	tracepoints = Refusal{"the kernel registers tracepoints only for whole modules", tracepointHint}
	events      = Refusal{"the kernel registers trace events only for whole modules", tracepointHint}
	suites      = Refusal{"the kernel runs test suites only of whole modules",
		"Leave the test suite out of the livepatch."}
	constructed = Refusal{"the constructors have already run when a livepatch is loaded",
		"Initialise what the constructor does in a livepatch callback."}
)

const tracepointHint = "Use trace_printk(), or a tracepoint that the kernel already has."

// withCommon adds the special sections that all architectures have
// (include/asm-generic/vmlinux.lds.h, scripts/module.lds.S).
func withCommon(own map[string]Section) map[string]Section {
	all := map[string]Section{
		"__bug_table":                  {Relocs: 1, OrRelocs: []int{2, 3}}, // CONFIG_DEBUG_BUGVERBOSE; format since 6.19
		"__ex_table":                   {Relocs: 2, OrRelocs: []int{3}},    // before 5.16
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
		// The tracing system reads these only from the kernel image (tracepoint_string,
		// include/linux/tracepoint.h).
		"__tracepoint_str": {Unowned: true, Passive: true, Refusal: Refusal{
			"the tracing system reads this section only from the kernel image",
			"Pass the text of the string to the tracepoint (__string), without tracepoint_string()."}},
		// Entries list messages (printk_index_subsys_emit, include/linux/printk.h); a message works
		// without its entry.
		".printk_index":    {Unowned: true, Passive: true},
		"_ftrace_eval_map": {Unowned: true, Refusal: events},
		"__dyndbg_classes": {Unowned: true, Refusal: Refusal{
			"the kernel registers classes of debug messages only for whole modules",
			"Use pr_debug() without a class, or a class that the file has."}},
		".kunit_test_suites":      {Unowned: true, Refusal: suites},
		".kunit_init_test_suites": {Unowned: true, Refusal: suites},
		".init_array":             {Unowned: true, Refusal: constructed},
		".ctors":                  {Unowned: true, Refusal: constructed},
		"__tracepoints":           {Unowned: true, Refusal: tracepoints},
		"__tracepoints_ptrs":      {Unowned: true, Refusal: tracepoints},
		"__tracepoint_check":      {Unowned: true},
		".modinfo": {Unowned: true, Refusal: Refusal{
			"the running kernel has already checked the license", "Leave the license as it is."}},
		"__param": {Unowned: true, Refusal: Refusal{
			"the parameter would belong to the livepatch, not to the patched module",
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

// Prefixes of the sections that list where code contains a runtime constant
// (asm/runtime-const.h, since 6.11). The name of the constant's variable follows.
const (
	RuntimePtr   = "runtime_ptr_"
	RuntimeShift = "runtime_shift_"
)

// families are the special sections that exist once per symbol
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

// Section returns the row of the special section called name. special is false if there is none.
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

// onceSections have the flags of what code does once (include/linux/once_lite.h,
// include/linux/once.h). Newer kernels have the second name.
var onceSections = []string{".data.once", ".data..once"}

// IsOnce reports whether a section has the flags of what code does once.
func IsOnce(section string) bool { return slices.Contains(onceSections, section) }
