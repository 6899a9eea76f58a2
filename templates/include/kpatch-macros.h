/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The names in patches for kpatch-build, with the same meaning. The macros end
 * their declarations themselves, because such patches expect it.
 */
#ifndef _KPATCH_MACROS_H
#define _KPATCH_MACROS_H

#include <linux/printk.h>
#include <linux/version.h>
#include <kintsugi.h>

typedef struct klp_object patch_object;

#define KPATCH_PRE_PATCH_CALLBACK(fn)		KLP_PRE_PATCH_CALLBACK(fn);
#define KPATCH_POST_PATCH_CALLBACK(fn)		KLP_POST_PATCH_CALLBACK(fn);
#define KPATCH_PRE_UNPATCH_CALLBACK(fn)		KLP_PRE_UNPATCH_CALLBACK(fn);
#define KPATCH_POST_UNPATCH_CALLBACK(fn)	KLP_POST_UNPATCH_CALLBACK(fn);

/* The author excludes the differences in a function from the patch. */
#define KPATCH_IGNORE_FUNCTION(fn)					\
	static void *const __UNIQUE_ID(kpatch_ignore_function_)		\
		__klp_section(".kpatch.ignore.functions") = (fn);

/* The author excludes the differences in a section, by its name. */
#define KPATCH_IGNORE_SECTION(name)					\
	static const char *const __UNIQUE_ID(kpatch_ignore_section_)	\
		__klp_section(".kpatch.ignore.sections") = (name);

/* A livepatch waits until tasks leave every replaced function: a warning, without effect. */
#define KPATCH_FORCE_UNSAFE(fn)						\
	static void *const __UNIQUE_ID(kpatch_force_)			\
		__klp_section(".kpatch.force") = (fn);

#define KPATCH_STATIC_CALL(name)		KLP_STATIC_CALL(name)

/* printk() without an entry in the kernel's index of formats. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 15, 0)
#define KPATCH_PRINTK(...)			_printk(__VA_ARGS__)
#else
#define KPATCH_PRINTK(...)			printk(__VA_ARGS__)
#endif

#endif /* _KPATCH_MACROS_H */
