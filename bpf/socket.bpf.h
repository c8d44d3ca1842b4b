/* SPDX-License-Identifier: GPL-2.0-only */
/* socket.bpf.h - what can be read off a socket or a task: whose, where. */
#ifndef CONNMON_SOCKET_BPF_H
#define CONNMON_SOCKET_BPF_H

#include "kernel_types.h"

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "event.h"

#define AF_INET	      2
#define AF_INET6      10
#define IPPROTO_TCP   6
#define IPPROTO_MPTCP 262

static __always_inline bool is_kernel_thread(void)
{
	return bpf_get_current_task_btf()->flags & PF_KTHREAD;
}

/* Set by probe.c while it scans, else 0: then the collector holds files of others, and may be
 * the one that closes them for good. */
volatile __u32 collector_pid;

/* Whether `current` is a task that uses this socket. */
static __always_inline bool is_by_user(struct sock *sk)
{
	return sk->sk_lock.owned && !is_kernel_thread() &&
	       bpf_get_current_pid_tgid() >> 32 != collector_pid;
}

#define BYTES(n) (0x0101010101010101ULL * (n))

/* The bytes of @word before its first NUL, the rest zero. */
static __always_inline __u64 up_to_nul(__u64 word)
{
	__u64 nuls = (word - BYTES(1)) & ~word & BYTES(0x80);

	return nuls ? word & (((nuls & -nuls) >> 7) - 1) : word;
}

/* A task's name. What stands behind its end is that of an earlier one (before 5.17), and
 * somebody may be changing it. Word by word this takes a few ns; a helper takes 30. */
static __always_inline void copy_comm(char *to, const char *from)
{
	const __u64 *in = (const __u64 *)from;
	__u64 *out = (__u64 *)to;

	out[0] = up_to_nul(in[0]);
	out[1] = out[0] >> 56 ? up_to_nul(in[1]) & ~(0xffULL << 56) : 0;
}

/* A pointer that the kernel marks __rcu is asked for NULL before it is followed: where
 * its BTF carries the mark (kernels built with clang), the verifier wants that. */
static __always_inline void describe(struct task_struct *task, __u32 uid, __u64 cgroup_id,
				     struct event_owner *o)
{
	struct task_struct *leader = task->group_leader, *parent = leader->real_parent;

	o->start_boot_ns = leader->start_boottime;
	o->cgroup_id = cgroup_id;
	o->pid = task->tgid;
	o->parent_start_boot_ns = parent ? parent->group_leader->start_boottime : 0;
	o->ppid = parent ? parent->tgid : 0;
	o->uid = uid;
	o->exec_id = (__u32)task->self_exec_id;
	copy_comm(o->comm, leader->comm);
	copy_comm(o->thread, task->comm);
}

static __always_inline void describe_current(struct event_owner *o)
{
	describe(bpf_get_current_task_btf(), (__u32)bpf_get_current_uid_gid(),
		 bpf_get_current_cgroup_id(), o);
}

/* Whether connect() has not yet done its part: what fails now failed inside it. Of a path
 * of MPTCP, whose socket stays as it was made, what has been sent tells. */
static __always_inline bool is_in_connect(struct sock *sk)
{
	struct socket *socket = sk->sk_socket;
	struct tcp_sock *tp;

	if (!socket || socket->state != SS_UNCONNECTED)
		return false;
	tp = bpf_skc_to_tcp_sock(sk);
	return tp && tp->segs_out == 0;
}

static __always_inline __u32 netns_of(struct sock *sk)
{
	struct net *net = sk->__sk_common.skc_net.net;

	return net ? net->ns.inum : 0;
}

static __always_inline __u64 socket_cgroup_id(struct sock *sk)
{
	struct cgroup *cgroup;

	if (!bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return 0;
	cgroup = sk->sk_cgrp_data.cgroup;
	return cgroup ? cgroup->kn->id : 0;
}

static __always_inline void set_words(__u8 *addr, __u32 a, __u32 b, __u32 c, __u32 d)
{
	__u32 *words = (__u32 *)addr;

	words[0] = a;
	words[1] = b;
	words[2] = c;
	words[3] = d;
}

/* Copies an IPv6 address, or the IPv4 address that is mapped into one. Returns
 * the family it wrote. */
static __always_inline __u8 fold_v6(const struct in6_addr *from, __u8 *addr)
{
	__u32 a = from->in6_u.u6_addr32[0], b = from->in6_u.u6_addr32[1],
	      c = from->in6_u.u6_addr32[2], d = from->in6_u.u6_addr32[3];

	if (a == 0 && b == 0 && c == bpf_htonl(0xffff)) {
		set_words(addr, d, 0, 0, 0);
		return 4;
	}
	set_words(addr, a, b, c, d);
	return 6;
}

static __always_inline __u16 local_port(struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	return tp ? bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport) : 0;
}
#endif
