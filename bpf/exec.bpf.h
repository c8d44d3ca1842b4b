/* SPDX-License-Identifier: GPL-2.0-only */
/* exec.bpf.h - which program a process runs: told at exec, for it may be gone before
 * anybody can look into /proc; what runs already by a scan; and when it is over. */
#ifndef CONNMON_EXEC_BPF_H
#define CONNMON_EXEC_BPF_H

#include "send.bpf.h"

#include <bpf/bpf_tracing.h>

#define MAX_STEPS 40 /* parts of a path and mounts on its way */

/* Writes the path of @file from its last part to its first, each with a NUL, as far
 * up as its mount namespace goes. Returns the length; 0 when it is too long. */
static __always_inline __u32 write_path(struct file *file, char *out)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry), *parent;
	struct vfsmount *vfsmount = BPF_CORE_READ(file, f_path.mnt);
	__u32 len = 0;

	for (int step = 0; step < MAX_STEPS; step++) {
		if (dentry == BPF_CORE_READ(vfsmount, mnt_root)) {
			struct mount *mount =
				(void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
			struct mount *below = BPF_CORE_READ(mount, mnt_parent);

			if (below == mount)
				return len;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			vfsmount = (void *)below + bpf_core_field_offset(struct mount, mnt);
		} else {
			long n;

			if (len >= EVENT_EXE_LEN / 2)
				return 0;
			/* Clang fetches len once more, and the verifier of 6.1 does not
			 * know that it is what was compared. */
			barrier_var(len);
			len &= EVENT_EXE_LEN / 2 - 1;
			n = bpf_probe_read_kernel_str(out + len, EVENT_EXE_LEN / 2,
						      BPF_CORE_READ(dentry, d_name.name));
			if (n <= 1)
				return 0;
			len += n;
			parent = BPF_CORE_READ(dentry, d_parent);
			if (parent == dentry)
				return len; /* a file without a folder: memfd_create() */
			dentry = parent;
		}
	}
	return 0;
}

/* Describes @task, of which we hold no more than its address: the parent of one that is
 * here. Tracepoints and iterators run under RCU, which keeps its memory. */
static __always_inline void describe_parent(struct task_struct *task, struct event_owner *o)
{
	struct task_struct *parent = BPF_CORE_READ(task, group_leader, real_parent, group_leader);

	o->start_boot_ns = BPF_CORE_READ(parent, start_boottime);
	o->cgroup_id = BPF_CORE_READ(parent, cgroups, dfl_cgrp, kn, id);
	o->parent_start_boot_ns = BPF_CORE_READ(parent, real_parent, group_leader, start_boottime);
	o->pid = BPF_CORE_READ(parent, tgid);
	o->ppid = BPF_CORE_READ(parent, real_parent, tgid);
	o->uid = BPF_CORE_READ(parent, cred, uid.val);
	o->exec_id = (__u32)BPF_CORE_READ(parent, self_exec_id);
	__builtin_memset(o->comm, 0, sizeof(o->comm));
	__builtin_memset(o->thread, 0, sizeof(o->thread));
	BPF_CORE_READ_STR_INTO(&o->comm, parent, comm);
}

/* Set by probe.c before loading: the arguments were asked for. */
const volatile bool send_args;

/* From where the kernel has just put them: no page of it can be missing. */
static __always_inline void read_args(struct mm_struct *mm, struct event_exec *e)
{
	unsigned long start = BPF_CORE_READ(mm, arg_start);
	__u32 len = BPF_CORE_READ(mm, arg_end) - start;
	long ret;

	__builtin_memset(e->args, 0, sizeof(e->args));
	e->args_len = len;
	/* A length that the verifier of 6.1 believes in both branches. */
	if (len >= EVENT_ARGS_LEN) {
		ret = bpf_probe_read_user(e->args, EVENT_ARGS_LEN, (void *)start);
	} else {
		barrier_var(len);
		len &= EVENT_ARGS_LEN - 1;
		ret = bpf_probe_read_user(e->args, len, (void *)start);
	}
	if (ret)
		e->args_len = 0;
}

/* All but the header and the arguments. */
static __always_inline void fill_exec(struct event_exec *e, struct task_struct *task)
{
	describe_parent(task, &e->parent);
	__builtin_memset(e->path, 0, sizeof(e->path));
	e->args_len = 0;
	e->path_len = write_path(BPF_CORE_READ(task, mm, exe_file), e->path);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	struct event_exec *e;

	if (send_args)
		e = reserve(EVENT_EXEC, sizeof(*e), bpf_ktime_get_boot_ns());
	else
		e = reserve(EVENT_EXEC, offsetof(struct event_exec, args), bpf_ktime_get_boot_ns());
	if (!e)
		return 0;
	describe_current(&e->owner);
	fill_exec(e, task);
	if (send_args)
		read_args(BPF_CORE_READ(task, mm), e);
	submit(e, false);
	return 0;
}

/*
 * Comes for every thread, whatever ends it, after it has left signal->live (kernel/exit.c):
 * whoever finds that 0 is the last. So it does not matter which thread is the leader and
 * when that one ended. Two that end in the same moment may both find it: the collector
 * takes the first. (Since 6.16 the kernel passes group_dead, which is true for one only;
 * but no program can tell at load time whether it does.) The files are closed after this:
 * ends of connections may follow an exit.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct event_exit *e;

	if (task->flags & PF_KTHREAD || BPF_CORE_READ(task, signal, live.counter) != 0)
		return 0;
	e = reserve(EVENT_EXIT, sizeof(*e), bpf_ktime_get_boot_ns());
	if (!e)
		return 0;
	e->start_boot_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	e->pid = task->tgid;
	e->zero = 0;
	submit(e, false);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_exec);
} scanned_process SEC(".maps"); /* as scratch in send.bpf.h, for what is bigger than that */

/* Every process that runs a program already, as a struct event_exec without arguments. */
SEC("iter/task")
int scan_processes(struct bpf_iter__task *ctx)
{
	const __u16 size = offsetof(struct event_exec, args);
	struct task_struct *task = ctx->task;
	struct event_exec *e;
	__u32 zero = 0;

	if (!task || task->pid != task->tgid || task->flags & PF_KTHREAD)
		return 0;
	e = bpf_map_lookup_elem(&scanned_process, &zero);
	if (!e)
		return 0;
	__builtin_memset(&e->header, 0, sizeof(e->header));
	e->header.size = size;
	e->header.type = EVENT_EXEC;
	describe(task, BPF_CORE_READ(task, cred, uid.val),
		 BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id), &e->owner);
	fill_exec(e, task);
	/* It gives its memory back when it ends: what was read after that is anything. */
	if (!BPF_CORE_READ(task, mm) || BPF_CORE_READ(task, flags) & PF_EXITING)
		return 0;
	bpf_seq_write(ctx->meta->seq, e, size);
	return 0;
}

#endif
