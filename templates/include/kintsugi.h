/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Macros with which a patch controls its livepatch, in addition to its code.
 *
 * Each macro leaves a pointer or a number in a section. The section is read
 * when the patched object is compared with the original object, and does not
 * become part of the module. docs/patch-author-guide.md explains the macros.
 */
#ifndef _KINTSUGI_H
#define _KINTSUGI_H

#include <linux/compiler.h>
#include <linux/livepatch.h>

#define __klp_section(section_name) \
	__attribute__((__used__)) __attribute__((__section__(section_name)))

/*
 * Callbacks of the object (vmlinux or a module) that contains the file, at most
 * one of each kind. See Documentation/livepatch/callbacks.rst.
 */
#define __KLP_CALLBACK(kind, result, fn)				\
	static result (*const __UNIQUE_ID(klp_##kind##_))(struct klp_object *) \
		__klp_section(".kpatch.callbacks." #kind) = (fn)

/* Before the code is replaced. A nonzero result refuses the patch and the module. */
#define KLP_PRE_PATCH_CALLBACK(fn)	__KLP_CALLBACK(pre_patch, int, fn)

/* When all tasks use the new code. */
#define KLP_POST_PATCH_CALLBACK(fn)	__KLP_CALLBACK(post_patch, void, fn)

/* Before the first task uses the old code again. */
#define KLP_PRE_UNPATCH_CALLBACK(fn)	__KLP_CALLBACK(pre_unpatch, void, fn)

/* When all tasks use the old code again. */
#define KLP_POST_UNPATCH_CALLBACK(fn)	__KLP_CALLBACK(post_unpatch, void, fn)

/*
 * Declares a system state that the livepatch changes, and its version. See
 * Documentation/livepatch/system-state.rst. Both are constants, and the number
 * is not 0. The data pointer is NULL when the module is loaded.
 */
#define KLP_STATE(number, its_version)					\
	static const struct {						\
		unsigned long id;					\
		unsigned int version;					\
	} __UNIQUE_ID(klp_state_) __klp_section(".kintsugi.states") = {	\
		.id = (number),						\
		.version = (its_version),				\
	}

/* The livepatch itself, for klp_get_state(). */
extern struct klp_patch kintsugi_patch;
#define KLP_PATCH			(&kintsugi_patch)

/*
 * A static call without a call site: it calls the current function through its
 * pointer. For calls whose key is not in the kernel itself.
 */
#define KLP_STATIC_CALL(name) \
	((typeof(&STATIC_CALL_TRAMP(name)))STATIC_CALL_KEY(name).func)

#endif /* _KINTSUGI_H */
