/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan.bpf.h - iterators over sockets: the connections and listeners that are older
 * than we are, or were missed, and who holds those whose owner is not known. To be run
 * after attaching, so that nothing slips through between.
 */
#ifndef CONNMON_SCAN_BPF_H
#define CONNMON_SCAN_BPF_H

#include "../schema/history.h"
#include "filter.bpf.h"
#include "listener.bpf.h"
#include "peek.bpf.h"
#include "send.bpf.h"
#include "state.bpf.h"

#define E2BIG 7 /* a full table says so */

static __always_inline bool is_ours(struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP &&
	       (sk->__sk_common.skc_family == AF_INET || sk->__sk_common.skc_family == AF_INET6) &&
	       sk->__sk_common.skc_state != BPF_TCP_CLOSE;
}

/* Keeps @s and writes a struct event_connection for it. @last: no later scan comes upon it. */
static __always_inline void take_over(struct seq_file *seq, struct sock *sk,
				      struct connection_state *s, bool last)
{
	struct event_connection *e;
	__u64 key = (__u64)sk;
	int ret;

	s->flags |= EVENT_PREEXISTING;
	/* One that still connects is told by the review. */
	if (is_filtered(sk, s->inbound))
		return;
	ret = state_keep(sk, s, BPF_NOEXIST);
	if (ret == -E2BIG && last)
		count_table_full(s);
	if (ret != 0 || s->state == BPF_TCP_SYN_SENT)
		return;
	e = scratch_event(EVENT_OPEN, sizeof(*e));
	if (!e)
		return;
	fill_connection(e, sk, s);
	/* No room in the reader's buffer: the kernel shows us this one again. */
	if (bpf_seq_write(seq, e, sizeof(*e)) != 0)
		bpf_map_delete_elem(&connections, &key);
}

static __always_inline void scan_listener(struct seq_file *seq, struct sock *sk,
					  const struct event_owner *owner)
{
	struct listener_key key;
	struct listener *known;
	struct event_listen *e;

	if (!listener_key(sk, &key))
		return;
	known = bpf_map_lookup_elem(&listeners, &key);
	/* Several processes may hold one socket; the first seen is the oldest. Known or
	 * not, it is told each time: what is not told of any more has ended. */
	if (!known || known->sk != (__u64)sk)
		listener_add(sk, owner);
	e = scratch_event(EVENT_LISTEN, sizeof(*e));
	if (!e || !fill_listen(e, sk, true))
		return;
	e->owner = *owner;
	bpf_seq_write(seq, e, sizeof(*e)); /* no room: we are called again */
}

/* Tells who holds a connection of which no more is known than who listened. */
static __always_inline void tell_holder(struct seq_file *seq, const struct connection_state *s,
					const struct event_owner *owner)
{
	struct event_owned *e;

	if (s->owner_source != OWNER_UNKNOWN && s->owner_source != OWNER_LISTENER)
		return;
	e = scratch_event(EVENT_OWNER, sizeof(*e));
	if (!e)
		return;
	e->id = s->id;
	e->owner_source = OWNER_SCAN;
	e->owner = *owner;
	bpf_seq_write(seq, e, sizeof(*e)); /* no room: we are called again */
}

/*
 * Multipath TCP: a file leads to the socket above the paths, whose first one may be
 * looked at but not worked with. So its holder is noted for scan_namespace, which comes
 * upon the path itself. An address together with its cookie is not used twice.
 */
struct mptcp_key {
	__u64 msk;
	__u64 cookie;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct mptcp_key);
	__type(value, struct event_owner);
} mptcp_holders SEC(".maps");

static __always_inline void scan_mptcp(struct seq_file *seq, struct sock *msk,
				       const struct event_owner *owner)
{
	struct mptcp_key key = {.msk = (__u64)msk, .cookie = bpf_get_socket_cookie(msk)};
	struct connection_state *known;
	struct sock *first;

	if (!bpf_core_field_exists(struct mptcp_sock, first))
		return;
	first = BPF_CORE_READ((struct mptcp_sock *)msk, first);
	known = first ? peek_state_of(first) : NULL;
	if (known)
		tell_holder(seq, known, owner);
	else
		bpf_map_update_elem(&mptcp_holders, &key, owner, BPF_NOEXIST);
}

static __always_inline struct event_owner *mptcp_holder(struct tcp_sock *tp)
{
	struct mptcp_subflow_context *path;
	struct mptcp_key key;
	struct sock *msk;

	if (!bpf_core_field_exists(tp->is_mptcp) || !BPF_CORE_READ_BITFIELD_PROBED(tp, is_mptcp))
		return NULL;
	path = BPF_CORE_READ(tp, inet_conn.icsk_ulp_data);
	msk = path ? BPF_CORE_READ(path, conn) : NULL;
	if (!msk || BPF_CORE_READ((struct mptcp_sock *)msk, first) != (struct sock *)tp)
		return NULL;
	key.msk = (__u64)msk;
	key.cookie = peek_cookie(msk);
	return bpf_map_lookup_elem(&mptcp_holders, &key);
}

/* Every open file of every process, in all network namespaces. */
SEC("iter/task_file")
int scan_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct connection_state s, *known;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || (!is_ours(sk) && sk->sk_protocol != IPPROTO_MPTCP))
		return 0;
	state_init_unseen(&s, sk, is_inbound(sk));
	describe(task, BPF_CORE_READ(task, cred, uid.val),
		 BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id), &s.owner);
	if (sk->sk_protocol == IPPROTO_MPTCP) {
		scan_mptcp(ctx->meta->seq, sk, &s.owner);
		return 0;
	}
	if (s.state == BPF_TCP_LISTEN) {
		scan_listener(ctx->meta->seq, sk, &s.owner);
		return 0;
	}
	known = state_of(sk);
	if (known) {
		tell_holder(ctx->meta->seq, known, &s.owner);
		return 0;
	}
	s.owner_source = OWNER_SCAN;
	take_over(ctx->meta->seq, sk, &s, false);
	return 0;
}

/* Every TCP socket of the reader's network namespace: also those that no file leads
 * to, in an accept queue, on the way to another process, closed but not yet over, or
 * the kernel's own. Run after scan_files, which knows the owners. */
SEC("iter/tcp")
int scan_namespace(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct event_owner *holder;
	struct connection_state s;
	struct tcp_sock *tp;
	struct sock *sk;

	if (!common)
		return 0;
	tp = bpf_skc_to_tcp_sock(common);
	if (!tp)
		return 0; /* half open, or in TIME_WAIT */
	sk = (struct sock *)tp;
	if (!is_ours(sk))
		return 0;
	holder = mptcp_holder(tp);
	if (sk->__sk_common.skc_state == BPF_TCP_LISTEN) {
		if (holder)
			scan_listener(ctx->meta->seq, sk, holder);
		return 0;
	}
	state_init_unseen(&s, sk, is_inbound(sk));
	if (holder) {
		s.owner_source = OWNER_SCAN;
		s.owner = *holder;
	} else if (s.inbound) {
		own_by_listener(&s, sk);
	}
	take_over(ctx->meta->seq, sk, &s, true);
	return 0;
}

#endif
