/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The names that kernels since 6.19 offer to patches, for all kernels.
 *
 * System calls need no special form here. The data of SYSCALL_DEFINE1() and the
 * like for tracing is the same before and after the patch, and the body's code
 * is part of functions that can be replaced.
 */
#ifndef _LINUX_LIVEPATCH_HELPERS_H
#define _LINUX_LIVEPATCH_HELPERS_H

#include <linux/syscalls.h>
#include <kintsugi.h>

#define KLP_SYSCALL_DEFINE1(...)	SYSCALL_DEFINE1(__VA_ARGS__)
#define KLP_SYSCALL_DEFINE2(...)	SYSCALL_DEFINE2(__VA_ARGS__)
#define KLP_SYSCALL_DEFINE3(...)	SYSCALL_DEFINE3(__VA_ARGS__)
#define KLP_SYSCALL_DEFINE4(...)	SYSCALL_DEFINE4(__VA_ARGS__)
#define KLP_SYSCALL_DEFINE5(...)	SYSCALL_DEFINE5(__VA_ARGS__)
#define KLP_SYSCALL_DEFINE6(...)	SYSCALL_DEFINE6(__VA_ARGS__)

#endif /* _LINUX_LIVEPATCH_HELPERS_H */
