/* SPDX-License-Identifier: GPL-2.0-only */
/* classic.bpf.h - for programs at kprobes and system calls: the kernel gives them no
 * typed pointers and few helpers, so all they know of a socket they read as memory. */
#ifndef CONNMON_CLASSIC_BPF_H
#define CONNMON_CLASSIC_BPF_H

#include "state.bpf.h"

#define IPPROTO_MPTCP 262
#define S_IFMT	      0170000
#define S_IFSOCK      0140000

/* The first 16 bytes are the tracepoint's own; the number of the call is not needed. */
struct syscall_enter {
	__u64 common[2];
	unsigned long args[6];
};

struct syscall_exit {
	__u64 common[2];
	long ret;
};

/* The socket that @fd of the current process leads to, or NULL. */
static __always_inline struct socket *socket_of_fd(__u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(bpf_get_current_task_btf(), files, fdt);
	struct file **files, *file = NULL;
	struct socket *socket;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, file) == file ? socket : NULL;
}

/* As state_of(), which needs a typed pointer. */
static __always_inline struct connection_state *classic_state_of(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct connection_state *s = bpf_map_lookup_elem(&connections, &key);

	return s && s->cookie == (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) ? s
											  : NULL;
}

#endif
