// SPDX-License-Identifier: GPL-2.0
/* A livepatch with all that Inspect tells of; see real_test.go. */
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/dma-buf.h>
#include <linux/livepatch.h>
#include <linux/seq_file.h>

/* Neither is exported. */
extern char *command_line asm("\".klp.sym.vmlinux.saved_command_line,0\"");
extern int secret(int) asm("\".klp.sym.vmlinux.meminfo_proc_show,0\"");
extern int of_module(void) asm("\".klp.sym.some_module.of_module,0\"");

static char said[] = "patched";
char *saying = said;

static int new_cmdline(struct seq_file *m, void *v)
{
	seq_printf(m, "%s: %s\n", saying, command_line);
	return 0;
}

static noinline int new_meminfo(struct seq_file *m, void *v)
{
	dma_buf_put(NULL);
	return secret(1) + secret(2);
}

static int new_of_module(void)
{
	return of_module() + 1;
}

static int pre_patch(struct klp_object *obj)
{
	return 0;
}

static void post_unpatch(struct klp_object *obj)
{
}

static struct klp_func vmlinux_funcs[] = {
	{ .old_name = "cmdline_proc_show", .new_func = new_cmdline },
	{ .old_name = "meminfo_proc_show", .new_func = new_meminfo, .old_sympos = 1 },
	{ }
};

static struct klp_func module_funcs[] = {
	{ .old_name = "some_function", .new_func = new_of_module, .old_sympos = 2 },
	{ }
};

static struct klp_object objs[] = {
	{
		.funcs = vmlinux_funcs,
	}, {
		.name = "some_module",
		.funcs = module_funcs,
		.callbacks = { .pre_patch = pre_patch, .post_unpatch = post_unpatch },
	},
	{ }
};

static struct klp_state states[] = {
	{ .id = 7, .version = 2 },
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objs,
	.states = states,
	.replace = true,
};

static int __init livepatch_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit livepatch_exit(void)
{
}

module_init(livepatch_init);
module_exit(livepatch_exit);
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_INFO(livepatch, "Y");
