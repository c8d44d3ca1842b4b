/* SPDX-License-Identifier: GPL-2.0-only */
/* cgroup.bpf.h - cgroups that are made and removed: a connection names its cgroup by a
 * number, and when it is asked for, the cgroup may be gone. */
#ifndef CONNMON_CGROUP_BPF_H
#define CONNMON_CGROUP_BPF_H

#include "send.bpf.h"

#include <bpf/bpf_tracing.h>

/* Cgroup v2; those of version 1 have numbers of their own. cgroups(7) on
 * /proc/PID/cgroup: 0 is the hierarchy of version 2. */
#define UNIFIED_HIERARCHY 0

static __always_inline void send_cgroup(struct cgroup *cgroup, const char *path, bool up)
{
	struct event_cgroup *e;
	long n;

	if (cgroup->root->hierarchy_id != UNIFIED_HIERARCHY)
		return;
	e = reserve(EVENT_CGROUP, sizeof(*e), bpf_ktime_get_boot_ns());
	if (!e)
		return;
	e->id = cgroup->kn->id;
	e->up = up;
	__builtin_memset(e->path, 0, sizeof(e->path));
	n = bpf_probe_read_kernel_str(e->path, sizeof(e->path), path);
	e->path_len = n > 0 && n < (long)sizeof(e->path) ? n - 1 : 0; /* else it was cut */
	/* A container may be short, and its runtime knows its name no longer than that. */
	submit(e, up);
}

/* The path counts from the root of the hierarchy, whatever cgroup namespace the task
 * is in (kernel/cgroup/cgroup.c, TRACE_CGROUP_PATH). */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_made, struct cgroup *cgroup, const char *path)
{
	send_cgroup(cgroup, path, true);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_removed, struct cgroup *cgroup, const char *path)
{
	send_cgroup(cgroup, path, false);
	return 0;
}

#endif
