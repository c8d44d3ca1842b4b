/* SPDX-License-Identifier: GPL-2.0-only */
/* classic.bpf.h - for programs at kprobes and system calls: the kernel gives them no
 * typed pointers and few helpers, so all they know of a socket they read as memory. */
#ifndef CONNMON_CLASSIC_BPF_H
#define CONNMON_CLASSIC_BPF_H

#include "send.bpf.h"
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

/* As is_by_user(). */
static __always_inline bool classic_is_by_user(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_lock.owned) && !is_kernel_thread() &&
	       bpf_get_current_pid_tgid() >> 32 != collector_pid;
}

/* As fill_connection(). */
static __always_inline void classic_fill_connection(struct event_connection *e, struct sock *sk,
						    const struct connection_state *s)
{
	struct in6_addr local, peer;

	e->id = s->id;
	e->cookie = s->cookie;
	e->cgroup_id = 0;
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		e->cgroup_id = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	e->start_boot_ns = s->start_boot_ns;
	e->established_boot_ns = s->established_boot_ns;
	e->accepted_boot_ns = s->accepted_boot_ns;
	e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	e->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	e->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	e->inbound = s->inbound;
	e->owner_source = owner_get(s, &e->owner);
	e->flags = s->flags;
	e->zero = 0;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		e->family = 4;
		set_words(e->local_addr, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr), 0, 0, 0);
		set_words(e->peer_addr, BPF_CORE_READ(sk, __sk_common.skc_daddr), 0, 0, 0);
	} else {
		BPF_CORE_READ_INTO(&local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&peer, sk, __sk_common.skc_v6_daddr);
		fold_v6(&local, e->local_addr);
		e->family = fold_v6(&peer, e->peer_addr);
		if (e->family == 4)
			e->flags |= EVENT_V4MAPPED;
	}
}

#endif
