/* kernel.h - what the running kernel is and can do, asked without any BPF. */
#ifndef CONNMON_KERNEL_H
#define CONNMON_KERNEL_H

#include <stdbool.h>

#include "err.h"

/* -ENOTSUP when it is too old for connmon or was built without BTF. */
int kernel_check(struct err *err);

/* False also when the version cannot be told. */
bool kernel_is_since(int major, int minor);

bool kernel_has_kprobes(void);

/* Whether a program may come and go at the end of a kernel function. Before 6.9 (and
 * what was repaired in older ones) taking it away could wait for a process that ends,
 * which waits for it. */
bool kernel_is_safe_for_fexit(void);

#endif
