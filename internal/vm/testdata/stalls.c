// SPDX-License-Identifier: GPL-2.0
// A livepatch whose transition waits for any task that sleeps.

#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>

static long patched_hrtimer_nanosleep(ktime_t rqtp, const enum hrtimer_mode mode, const clockid_t clockid)
{
	return 0;
}

static struct klp_func funcs[] = {
	{ .old_name = "hrtimer_nanosleep", .new_func = patched_hrtimer_nanosleep },
	{ }
};

static struct klp_object objects[] = { { .funcs = funcs }, { } };

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects };

static int __init stalls_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit stalls_exit(void)
{
}

module_init(stalls_init);
module_exit(stalls_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
