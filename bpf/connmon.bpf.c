// SPDX-License-Identifier: GPL-2.0-only
/*
 * connmon.bpf.c - the kernel side: follows each TCP socket from its first
 * transition to its last and sends what user space needs to know.
 *
 * The facts it rests on (Linux 5.12 to 6.18):
 * - tracepoint sock:inet_sock_set_state fires for every transition, in the
 *   caller's task, in softirq, or in a timer. Only sk_lock.owned tells whether
 *   `current` is a task that uses this socket: on loopback the server's
 *   SYN_RECV > ESTABLISHED runs in the client's task.
 * - A socket's address is its name until tcp_destroy_sock, which fires for every
 *   one of them: so the table in state.bpf.h cannot leak, and needs no LRU.
 * - inet_sport is 0 or stale at SYN_SENT, right from ESTABLISHED to CLOSE.
 * - Addresses of a child at LISTEN > SYN_RECV are the listener's before 6.18:
 *   an inbound connection begins for us when it leaves SYN_RECV.
 * - The counters of a socket are reset soon after a failed connect(): they are
 *   read at the transition to CLOSE itself.
 */
#include "listener.bpf.h"
#include "send.bpf.h"
#include "state.bpf.h"

#include <bpf/bpf_tracing.h>

#include "../schema/history.h"

/* Set by probe.c before loading. */
const volatile bool send_attempts; /* somebody watches: tell at once */

char LICENSE[] SEC("license") = "GPL";

/* ---- the transitions ---- */

static __always_inline void on_syn_sent(struct sock *sk, bool by_task)
{
	struct connection_state s;

	state_init(&s, false);
	s.state = BPF_TCP_SYN_SENT;
	if (by_task) {
		s.owner_source = OWNER_CONNECT;
		describe_current(&s.owner);
	} else if (is_kernel_thread()) {
		s.owner_source = OWNER_KERNEL;
	}
	state_keep(sk, &s, BPF_ANY);
	if (send_attempts)
		send_connection(EVENT_ATTEMPT, sk, &s, true);
}

static __always_inline void on_accepted(struct sock *sk, int new_state)
{
	struct listener *listener = listener_of(sk);
	struct connection_state s;

	state_init(&s, true);
	s.state = new_state;
	s.established_boot_ns = s.start_boot_ns;
	if (listener && !listener->shared && listener->owner.pid != 0) {
		s.owner_source = OWNER_LISTENER;
		s.owner = listener->owner;
	}
	state_keep(sk, &s, BPF_ANY);
	send_connection(EVENT_OPEN, sk, &s, send_attempts);
}

static __always_inline void on_close(struct sock *sk, struct connection_state *s, int old_state,
				     bool by_task)
{
	if (s->state == BPF_TCP_CLOSE)
		return; /* done already */
	/* An abort: close() with unread data or without linger, or disconnect. With
	 * an error set it was a reset that the task came upon, or an administrator; an
	 * attempt without a port of its own failed inside connect(). */
	if (by_task && sk->sk_err == 0 &&
	    (old_state == BPF_TCP_ESTABLISHED || old_state == BPF_TCP_CLOSE_WAIT ||
	     (old_state == BPF_TCP_SYN_SENT && local_port(sk) != 0)))
		note_closer(s);
	send_end(sk, s, old_state, by_task);
	s->state = BPF_TCP_CLOSE;
}

static __always_inline void on_other(struct sock *sk, struct connection_state *s, int old_state,
				     int new_state, bool by_task)
{
	s->state = new_state;
	if (by_task && (new_state == BPF_TCP_FIN_WAIT1 || new_state == BPF_TCP_LAST_ACK))
		note_closer(s);
	if (old_state == BPF_TCP_ESTABLISHED && new_state == BPF_TCP_CLOSE_WAIT)
		s->flags |= EVENT_PEER_CLOSED;
	if (new_state == BPF_TCP_SYN_RECV)
		return; /* both sides connect at once: not yet established */
	if (old_state == BPF_TCP_SYN_SENT || old_state == BPF_TCP_SYN_RECV) {
		s->established_boot_ns = bpf_ktime_get_boot_ns();
		send_connection(EVENT_OPEN, sk, s, false);
	}
}

static __always_inline void handle(struct sock *sk, int old_state, int new_state)
{
	struct connection_state fresh, *s;
	__u64 key = (__u64)sk;
	bool by_task = sk->sk_lock.owned && !is_kernel_thread();

	if (new_state == BPF_TCP_SYN_SENT) {
		on_syn_sent(sk, by_task);
		return;
	}
	if (new_state == BPF_TCP_LISTEN) {
		struct event_owner owner;

		if (by_task) {
			describe_current(&owner);
			listener_add(sk, &owner);
		}
		return;
	}
	if (old_state == BPF_TCP_LISTEN) {
		if (new_state == BPF_TCP_CLOSE)
			listener_remove(sk);
		return; /* else a child in the making */
	}

	s = bpf_map_lookup_elem(&connections, &key);
	if (old_state == BPF_TCP_SYN_RECV && !(s && s->state == BPF_TCP_SYN_RECV)) {
		/* A child that never got so far is no connection; one that was
		 * accepted early (Fast Open) is. */
		if (new_state != BPF_TCP_CLOSE) {
			on_accepted(sk, new_state);
			return;
		}
		if (!sk->sk_socket)
			return;
		s = NULL;
	}
	if (!s) {
		if (old_state == BPF_TCP_CLOSE)
			return;
		/* Kept even for its last moment: the scan must not take it for open. */
		state_init_unseen(&fresh, sk);
		if (state_keep(sk, &fresh, BPF_NOEXIST) == 0)
			s = bpf_map_lookup_elem(&connections, &key);
		if (!s)
			s = &fresh;
	}
	if (new_state == BPF_TCP_CLOSE)
		on_close(sk, s, old_state, by_task);
	else
		on_other(sk, s, old_state, new_state, by_task);
}

static __always_inline bool matters(struct sock *sk, int old_state, int new_state)
{
	return old_state != new_state && sk->sk_protocol == IPPROTO_TCP;
}

/*
 * Since 6.2 a program is not run for an event that comes while it already runs on
 * that CPU: a transition in softirq that interrupts one in a task would be lost for
 * good. So there are two of them, one after the other at the same tracepoint: when
 * the first was passed over, the second does its work. Softirqs do not nest, so two
 * are enough.
 */
struct transition {
	__u64 sk;
	__u32 old_state;
	__u32 new_state;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct transition);
} last_handled SEC(".maps"); /* by the first of the two */

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state_change, struct sock *sk, int old_state, int new_state)
{
	__u32 zero = 0;
	struct transition *last = bpf_map_lookup_elem(&last_handled, &zero);

	if (!last || !matters(sk, old_state, new_state))
		return 0;
	last->sk = (__u64)sk;
	last->old_state = old_state;
	last->new_state = new_state;
	handle(sk, old_state, new_state);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state_change_twin, struct sock *sk, int old_state, int new_state)
{
	__u32 zero = 0;
	struct transition *last = bpf_map_lookup_elem(&last_handled, &zero);
	struct connection_state *s;
	struct event_counters *c;
	__u64 key = (__u64)sk;

	if (!last || !matters(sk, old_state, new_state))
		return 0;
	if (last->sk == key && last->old_state == (__u32)old_state &&
	    last->new_state == (__u32)new_state)
		return 0;
	/* Passed over, or a softirq came between the two. */
	s = bpf_map_lookup_elem(&connections, &key);
	if (s && s->state == new_state)
		return 0;
	c = counters_here();
	if (c)
		__sync_fetch_and_add(&c->rescued, 1);
	handle(sk, old_state, new_state);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct connection_state *s = bpf_map_lookup_elem(&connections, &key);

	if (!s)
		return 0;
	if (s->state != BPF_TCP_CLOSE) /* its CLOSE was not met, for whatever reason */
		send_end(sk, s, s->state, false);
	bpf_map_delete_elem(&connections, &key);
	return 0;
}

/* ---- what was there before us ---- */

static __always_inline void describe_scanned(struct task_struct *task, struct event_owner *o)
{
	describe(task, task->cred->uid.val, task->cgroups->dfl_cgrp->kn->id, o);
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

/*
 * Finds the connections and listeners that are older than we are: gives one
 * struct event_connection for each connection that is new to the table. Run
 * after attaching, so that nothing slips through between.
 */
SEC("iter/task_file")
int scan(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct event_connection e;
	struct connection_state s;
	struct socket *socket;
	struct sock *sk;
	__u64 key;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || sk->sk_protocol != IPPROTO_TCP ||
	    (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6) ||
	    sk->__sk_common.skc_state == BPF_TCP_CLOSE)
		return 0;

	state_init_unseen(&s, sk);
	describe_scanned(task, &s.owner);
	if (s.state == BPF_TCP_LISTEN) {
		scan_listener(sk, &s.owner);
		return 0;
	}
	s.owner_source = OWNER_SCAN;
	s.flags |= EVENT_PREEXISTING;
	if (state_keep(sk, &s, BPF_NOEXIST) != 0 || s.state == BPF_TCP_SYN_SENT)
		return 0;

	__builtin_memset(&e.header, 0, sizeof(e.header));
	e.header.time_boot_ns = s.start_boot_ns;
	e.header.size = sizeof(e);
	e.header.type = EVENT_OPEN;
	fill_connection(&e, sk, &s);
	if (bpf_seq_write(ctx->meta->seq, &e, sizeof(e)) != 0) {
		/* No room in the reader's buffer: the kernel shows us this file again. */
		key = (__u64)sk;
		bpf_map_delete_elem(&connections, &key);
	}
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
