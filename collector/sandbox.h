/*
 * sandbox.h - which system calls the collector makes once it runs: the kernel refuses all others.
 */
#ifndef CONNMON_SANDBOX_H
#define CONNMON_SANDBOX_H

#include "err.h"

/* The sanitizers need calls of their own, to look for leaks at the end. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/*
 * For good, after privilege_drop(): what is not in the lists of sandbox.c fails with EPERM, and
 * the kernel's log says so; what only an intruder would try, as execve(), ends the process.
 * -ENOTSUP: this kernel has no seccomp filter.
 */
int sandbox_enter(struct err *err);

#endif
