/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan.bpf.h - iterators: the connections and listeners that are older than we are,
 * and what we follow now. To be run after attaching, so that nothing slips through
 * between: what has a state already is left alone.
 */
#ifndef CONNMON_SCAN_BPF_H
#define CONNMON_SCAN_BPF_H

#include "../schema/history.h"
#include "listener.bpf.h"
#include "send.bpf.h"
#include "state.bpf.h"

static __always_inline bool is_ours(struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP &&
	       (sk->__sk_common.skc_family == AF_INET || sk->__sk_common.skc_family == AF_INET6) &&
	       sk->__sk_common.skc_state != BPF_TCP_CLOSE;
}

/* Keeps @s and writes a struct event_connection for it. */
static __always_inline void take_over(struct seq_file *seq, struct sock *sk,
				      struct connection_state *s)
{
	struct event_connection e;
	__u64 key = (__u64)sk;

	s->flags |= EVENT_PREEXISTING;
	if (state_keep(sk, s, BPF_NOEXIST) != 0 || s->state == BPF_TCP_SYN_SENT)
		return;
	__builtin_memset(&e.header, 0, sizeof(e.header));
	e.header.time_boot_ns = s->start_boot_ns;
	e.header.size = sizeof(e);
	e.header.type = EVENT_OPEN;
	fill_connection(&e, sk, s);
	/* No room in the reader's buffer: the kernel shows us this one again. */
	if (bpf_seq_write(seq, &e, sizeof(e)) != 0)
		bpf_map_delete_elem(&connections, &key);
}

static __always_inline void scan_listener(struct sock *sk, const struct event_owner *owner)
{
	struct listener_key key;
	struct listener *known;

	if (!listener_key(sk, &key))
		return;
	known = bpf_map_lookup_elem(&listeners, &key);
	/* Several processes may hold one socket; the first seen is the oldest. */
	if (!known || known->sk != (__u64)sk)
		listener_add(sk, owner);
}

/* Every open file of every process, in all network namespaces. */
SEC("iter/task_file")
int scan_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct connection_state s;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !is_ours(sk))
		return 0;
	state_init_unseen(&s, sk);
	describe(task, BPF_CORE_READ(task, cred, uid.val),
		 BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id), &s.owner);
	if (s.state == BPF_TCP_LISTEN) {
		scan_listener(sk, &s.owner);
		return 0;
	}
	s.owner_source = OWNER_SCAN;
	take_over(ctx->meta->seq, sk, &s);
	return 0;
}

/* Every TCP socket of the reader's network namespace: also those that no file leads
 * to, in an accept queue, on the way to another process, closed but not yet over, or
 * the kernel's own. Run after scan_files, which knows the owners. */
SEC("iter/tcp")
int scan_namespace(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct connection_state s;
	struct tcp_sock *tp;
	struct sock *sk;

	if (!common)
		return 0;
	tp = bpf_skc_to_tcp_sock(common);
	if (!tp)
		return 0; /* half open, or in TIME_WAIT */
	sk = (struct sock *)tp;
	if (!is_ours(sk) || sk->__sk_common.skc_state == BPF_TCP_LISTEN)
		return 0;
	state_init_unseen(&s, sk);
	if (s.inbound)
		own_by_listener(&s, sk);
	take_over(ctx->meta->seq, sk, &s);
	return 0;
}

/* The ids of the connections that are going on now: what the collector believes
 * open and is not among them ended unseen. */
SEC("iter/bpf_map_elem")
int list_ids(struct bpf_iter__bpf_map_elem *ctx)
{
	struct connection_state *s = ctx->value;

	if (s && s->state != BPF_TCP_CLOSE)
		bpf_seq_write(ctx->meta->seq, &s->id, sizeof(s->id));
	return 0;
}

#endif
