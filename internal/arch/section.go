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
	Drop       bool   // means nothing in a module
	Pool       bool   // addresses and constants that code loads: writable only for the linker
}

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
		"__tracepoint_str": {Unowned: true, Passive: true},
		// Entries list messages (printk_index_subsys_emit, include/linux/printk.h); a message works without.
		".printk_index":             {Unowned: true, Passive: true},
		"_ftrace_eval_map":          {Unowned: true},
		"__dyndbg_classes":          {Unowned: true},
		".kunit_test_suites":        {Unowned: true},
		".kunit_init_test_suites":   {Unowned: true},
		".init_array":               {Unowned: true},
		".ctors":                    {Unowned: true},
		"__tracepoints":             {Unowned: true},
		"__tracepoints_ptrs":        {Unowned: true},
		"__tracepoint_check":        {Unowned: true},
		".modinfo":                  {Unowned: true},
		"__param":                   {Unowned: true},
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
	{"_ftrace_events", Section{Unowned: true}},
	{".BTF", Section{Unowned: true}},
	{"__bpf_raw_tp_map", Section{Unowned: true}},
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
