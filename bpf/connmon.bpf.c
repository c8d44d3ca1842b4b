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
#include "accept.bpf.h"
#include "cgroup.bpf.h"
#include "early.bpf.h"
#include "exec.bpf.h"
#include "filter.bpf.h"
#include "hook.bpf.h"
#include "listener.bpf.h"
#include "review.bpf.h"
#include "scan.bpf.h"
#include "send.bpf.h"
#include "state.bpf.h"

#include <bpf/bpf_tracing.h>

#include "../schema/history.h"

char LICENSE[] SEC("license") = "GPL";

/* ---- the transitions ---- */

static __always_inline void on_syn_sent(struct sock *sk, bool by_task)
{
	struct connection_state *last = state_of(sk), s;

	forget_early(by_task);
	if (last)
		state_drop(sk, last); /* the socket is used again */
	if (filter_out(sk, false))
		return;
	state_init(&s, sk, false);
	s.state = BPF_TCP_SYN_SENT;
	if (!hook_kprobe)
		own_by_connect(&s, by_task);
	state_keep(sk, &s, BPF_ANY);
	if (send_attempts && !hook_kprobe)
		send_connection(EVENT_ATTEMPT, sk, &s, s.start_boot_ns, true);
}

static __always_inline void on_accepted(struct sock *sk, int new_state, bool by_task)
{
	struct connection_state s;

	if (filter_out(sk, true))
		return;
	state_init(&s, sk, true);
	s.state = new_state;
	s.established_boot_ns = s.start_boot_ns;
	own_by_listener(&s, sk);
	if (by_task && (new_state == BPF_TCP_FIN_WAIT1 || new_state == BPF_TCP_LAST_ACK))
		note_closer(&s);
	/* What cannot be kept gets another id at its end: its OPEN would never end. */
	if (state_keep(sk, &s, BPF_ANY) == 0)
		send_connection(EVENT_OPEN, sk, &s, s.start_boot_ns, send_attempts);
}

static __always_inline void on_close(struct sock *sk, struct connection_state *s, int old_state,
				     bool by_task)
{
	if (s->state == BPF_TCP_CLOSE)
		return; /* done already */
	/* An abort: close() with unread data or without linger, or disconnect. With
	 * an error set it was a reset that the task came upon, or an administrator; and
	 * what failed inside connect() nobody closed. */
	if (by_task && sk->sk_err == 0 &&
	    (old_state == BPF_TCP_ESTABLISHED || old_state == BPF_TCP_CLOSE_WAIT ||
	     old_state == BPF_TCP_SYN_RECV ||
	     (old_state == BPF_TCP_SYN_SENT && !is_in_connect(sk))))
		note_closer(s);
	if (old_state == BPF_TCP_SYN_SENT)
		own_by_failure(s, sk, by_task);
	/* In this order: a review must not tell of it after its end. */
	s->state = BPF_TCP_CLOSE;
	send_end(sk, s, old_state, by_task ? EVENT_BY_TASK : 0);
}

/* @told: an OPEN is in the ring, unless the state that we know it in says otherwise. */
static __always_inline void on_other(struct sock *sk, struct connection_state *s, int old_state,
				     int new_state, bool by_task, bool told)
{
	bool connects = old_state == BPF_TCP_SYN_SENT || old_state == BPF_TCP_SYN_RECV;
	__u64 now;

	told &= !connects && s->state != BPF_TCP_SYN_SENT && s->state != BPF_TCP_SYN_RECV;
	if (new_state == BPF_TCP_SYN_RECV) { /* both sides connect at once: not yet established */
		s->state = new_state;
		return;
	}
	now = told ? 0 : bpf_ktime_get_boot_ns();
	/* In this order: a review tells of both. */
	if (connects)
		s->established_boot_ns = now;
	s->state = new_state;
	if (by_task && (new_state == BPF_TCP_FIN_WAIT1 || new_state == BPF_TCP_LAST_ACK))
		note_closer(s);
	if (old_state == BPF_TCP_ESTABLISHED && new_state == BPF_TCP_CLOSE_WAIT)
		s->flags |= EVENT_PEER_CLOSED;
	if (!told)
		send_connection(EVENT_OPEN, sk, s, now, false);
}

/* Whether @sk, in SYN_RECV, is a listener's. Else both sides connect at once: such a
 * socket has its file all the time. */
static __always_inline bool is_child(struct sock *sk)
{
	return !sk->sk_socket || sk->sk_max_ack_backlog != 0;
}

static __always_inline void handle(struct sock *sk, int old_state, int new_state)
{
	struct connection_state fresh, *s;
	__u64 key = (__u64)sk;
	bool by_task = is_by_user(sk), told = true;

	if (new_state == BPF_TCP_SYN_SENT) {
		on_syn_sent(sk, by_task);
		return;
	}
	if (new_state == BPF_TCP_LISTEN) {
		on_listen(sk, by_task);
		return;
	}
	if (old_state == BPF_TCP_LISTEN) {
		if (new_state == BPF_TCP_CLOSE)
			on_listen_end(sk);
		return; /* else a child in the making */
	}

	s = state_of(sk);
	if (old_state == BPF_TCP_SYN_RECV && !(s && s->state == BPF_TCP_SYN_RECV) && is_child(sk)) {
		/* A child that never got so far is no connection; one that was
		 * accepted early (Fast Open) is. */
		if (new_state != BPF_TCP_CLOSE) {
			on_accepted(sk, new_state, by_task);
			return;
		}
		if (!sk->sk_socket)
			return;
		s = NULL;
	}
	if (!s) {
		bool inbound = is_inbound(sk);

		if (old_state == BPF_TCP_CLOSE || is_filtered(sk, inbound))
			return;
		/* Kept even for its last moment: the scan must not take it for open. */
		state_init_unseen(&fresh, sk, inbound);
		if (inbound)
			own_by_listener(&fresh, sk);
		state_keep(sk, &fresh, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&connections, &key); /* the scan's, if it was first */
		if (!s && new_state != BPF_TCP_CLOSE)
			return;
		if (!s)
			s = &fresh;
		told = false; /* or twice, by the scan: that does not matter */
	}
	if (new_state == BPF_TCP_CLOSE)
		on_close(sk, s, old_state, by_task);
	else
		on_other(sk, s, old_state, new_state, by_task, told);
}

/* A program that closes a socket of Multipath TCP: a kernel thread ends its paths later. */
static __always_inline void on_mptcp_close(struct sock *sk)
{
	struct mptcp_sock *msk = (void *)sk;
	struct connection_state *s;
	__u64 first;

	if (!bpf_core_field_exists(msk->first) || !is_by_user(sk))
		return;
	first = (__u64)BPF_CORE_READ(msk, first);
	s = bpf_map_lookup_elem(&connections, &first);
	if (s)
		note_closer(s);
}

static __always_inline bool matters(struct sock *sk, int old_state, int new_state)
{
	if (sk->sk_protocol == IPPROTO_MPTCP && old_state != new_state &&
	    (new_state == BPF_TCP_FIN_WAIT1 || new_state == BPF_TCP_LAST_ACK))
		on_mptcp_close(sk);
	return old_state != new_state && sk->sk_protocol == IPPROTO_TCP;
}

/*
 * Since 6.2 a program is not run for an event that comes while it already runs on
 * that CPU: a transition in softirq that interrupts one in a task would be lost for
 * good. So there are two of them, one after the other at the same tracepoint: when
 * the first was passed over, the second does its work. Softirqs do not nest, so two
 * are enough.
 *
 * The first leaves a note of what it did. Who interrupts is in softirq and finds the
 * socket free, who is interrupted is a task and has it locked: with a place for each
 * on every CPU, neither takes the other's note.
 */
struct note {
	__u64 sk; /* 0: none */
	__u32 old_state;
	__u32 new_state;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2); /* softirq, task */
	__type(key, __u32);
	__type(value, struct note);
} notes SEC(".maps");

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state_change, struct sock *sk, int old_state, int new_state)
{
	__u32 place = sk->sk_lock.owned != 0;
	struct note *note = bpf_map_lookup_elem(&notes, &place);

	if (!note || !matters(sk, old_state, new_state))
		return 0;
	note->sk = (__u64)sk;
	note->old_state = old_state;
	note->new_state = new_state;
	handle(sk, old_state, new_state);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state_change_twin, struct sock *sk, int old_state, int new_state)
{
	__u32 place = sk->sk_lock.owned != 0;
	struct note *note = bpf_map_lookup_elem(&notes, &place);
	struct event_counters *c;

	if (!note || !matters(sk, old_state, new_state))
		return 0;
	if (note->sk == (__u64)sk && note->old_state == (__u32)old_state &&
	    note->new_state == (__u32)new_state) {
		note->sk = 0;
		return 0;
	}
	c = counters_here();
	if (c)
		__sync_fetch_and_add(&c->rescued, 1);
	handle(sk, old_state, new_state);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk)
{
	struct connection_state *s = state_of(sk);

	if (!s)
		return 0;
	if (s->state != BPF_TCP_CLOSE) { /* its CLOSE was not met, for whatever reason */
		__u8 last = s->state;

		s->state = BPF_TCP_CLOSE;
		send_end(sk, s, last, EVENT_UNSEEN);
	}
	state_drop(sk, s);
	return 0;
}
