/* SPDX-License-Identifier: GPL-2.0-only */
/* peek.bpf.h - for programs that know a socket by its address only: those at kprobes and
 * system calls, and the review. They have few helpers, so they read all as memory. */
#ifndef CONNMON_PEEK_BPF_H
#define CONNMON_PEEK_BPF_H

#include "state.bpf.h"

#define S_IFMT	 0170000
#define S_IFSOCK 0140000

/* What the tracepoints of system calls hand over; the first 16 bytes are their own. */
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

static __always_inline __u64 peek_cookie(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

/* As state_of(). */
static __always_inline struct connection_state *peek_state_of(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct connection_state *s = bpf_map_lookup_elem(&connections, &key);

	return s && s->cookie == peek_cookie(sk) ? s : NULL;
}

/* As is_by_user(). */
static __always_inline bool peek_is_by_user(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_lock.owned) && !is_kernel_thread() &&
	       bpf_get_current_pid_tgid() >> 32 != collector_pid;
}

static __always_inline void peek_endpoints(struct event_connection *e, struct sock *sk)
{
	struct in6_addr local, peer;

	e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	e->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	e->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		e->family = 4;
		set_words(e->local_addr, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr), 0, 0, 0);
		set_words(e->peer_addr, BPF_CORE_READ(sk, __sk_common.skc_daddr), 0, 0, 0);
		return;
	}
	BPF_CORE_READ_INTO(&local, sk, __sk_common.skc_v6_rcv_saddr);
	BPF_CORE_READ_INTO(&peer, sk, __sk_common.skc_v6_daddr);
	e->family = fold_v6(&peer, e->peer_addr);
	fold_v6(&local, e->local_addr);
	if (e->family == 4)
		e->flags |= EVENT_V4MAPPED;
}

/* What the socket itself tells. */
static __always_inline void peek_socket(struct event_connection *e, struct sock *sk)
{
	e->cookie = peek_cookie(sk);
	e->cgroup_id = 0;
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		e->cgroup_id = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	peek_endpoints(e, sk);
}

/* As fill_connection(). */
static __always_inline void peek_connection(struct event_connection *e, struct sock *sk,
					    const struct connection_state *s)
{
	e->id = s->id;
	e->start_boot_ns = s->start_boot_ns;
	e->established_boot_ns = s->established_boot_ns;
	e->inbound = s->inbound;
	e->owner_source = owner_get(s, &e->owner);
	e->accepted_boot_ns = accepted_by(s, e->owner_source);
	e->flags = s->flags;
	e->zero = 0;
	peek_socket(e, sk);
	e->cookie = s->cookie;
}

#endif
