/* SPDX-License-Identifier: GPL-2.0-only */
/* exec.bpf.h - which program a process runs: told at exec, for it may be gone before
 * anybody can look into /proc. */
#ifndef CONNMON_EXEC_BPF_H
#define CONNMON_EXEC_BPF_H

#include "send.bpf.h"

#include <bpf/bpf_tracing.h>

#define MAX_STEPS 40 /* parts of a path and mounts on its way */

/* Writes the path of @file from its last part to its first, each with a NUL, as far
 * up as its mount namespace goes. Returns the length; 0 when it is too long. */
static __always_inline __u32 write_path(struct file *file, char *out)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *vfsmount = BPF_CORE_READ(file, f_path.mnt);
	__u32 len = 0;

	for (int step = 0; step < MAX_STEPS; step++) {
		if (dentry == BPF_CORE_READ(vfsmount, mnt_root)) {
			struct mount *mount =
				(void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
			struct mount *parent = BPF_CORE_READ(mount, mnt_parent);

			if (parent == mount)
				return len;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			vfsmount = (void *)parent + bpf_core_field_offset(struct mount, mnt);
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
			dentry = BPF_CORE_READ(dentry, d_parent);
		}
	}
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	const __u16 size = offsetof(struct event_exec, args);
	struct event_exec *e;

	e = reserve(EVENT_EXEC, size, bpf_ktime_get_boot_ns());
	if (!e)
		return 0;
	describe_current(&e->owner);
	__builtin_memset(e->path, 0, sizeof(e->path));
	e->args_len = 0;
	e->path_len = write_path(BPF_CORE_READ(task, mm, exe_file), e->path);
	submit(e, false);
	return 0;
}

#endif
