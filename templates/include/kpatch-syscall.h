/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The names of system calls in patches for kpatch-build. linux/livepatch_helpers.h
 * explains why they are just the kernel's own.
 */
#ifndef _KPATCH_SYSCALL_H
#define _KPATCH_SYSCALL_H

#include <linux/syscalls.h>
#include "kpatch-macros.h"

#define KPATCH_SYSCALL_DEFINE1(...)	SYSCALL_DEFINE1(__VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE2(...)	SYSCALL_DEFINE2(__VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE3(...)	SYSCALL_DEFINE3(__VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE4(...)	SYSCALL_DEFINE4(__VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE5(...)	SYSCALL_DEFINE5(__VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE6(...)	SYSCALL_DEFINE6(__VA_ARGS__)

#endif /* _KPATCH_SYSCALL_H */
