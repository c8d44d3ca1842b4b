/* netns.h - visits the network namespaces of this node. */
#ifndef CONNMON_NETNS_H
#define CONNMON_NETNS_H

#include "err.h"

/*
 * Calls @each once in every network namespace that a process lives in, this thread
 * having entered it; the thread's own one always, the others as far as it may
 * (CAP_SYS_ADMIN). Ends early with what @each returns when that is not 0. On return
 * the thread is where it was.
 */
int netns_each(int (*each)(void *ctx, struct err *err), void *ctx, struct err *err);

#endif
