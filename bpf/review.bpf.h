/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * review.bpf.h - an iterator over the connections that we follow: how far each has
 * come. It knows their sockets by address only, in whatever network namespace and
 * whether or not a file leads to them, and so reads them with care: when a socket has
 * become another meanwhile, its cookie says so.
 */
#ifndef CONNMON_REVIEW_BPF_H
#define CONNMON_REVIEW_BPF_H

#include "peek.bpf.h"
#include "send.bpf.h"
#include "state.bpf.h"

static __always_inline void peek_counters(struct event_end *e, struct tcp_sock *tp)
{
	__u64 sent = BPF_CORE_READ(tp, bytes_sent), again = BPF_CORE_READ(tp, bytes_retrans);
	__u64 received = BPF_CORE_READ(tp, bytes_received);
	bool fin = BPF_CORE_READ((struct sock *)tp, __sk_common.skc_flags) & 1UL << SOCK_DONE;

	e->tx_bytes = sent > again ? sent - again : 0;
	e->rx_bytes = received ? received - fin : 0;
	e->retransmits = BPF_CORE_READ(tp, total_retrans);
	e->srtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	e->min_rtt_us = e->srtt_us ? BPF_CORE_READ(tp, rtt_min.s[0].v) : 0xffffffff;
}

SEC("iter/bpf_map_elem")
int review(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct connection_state *s = ctx->value;
	const __u64 *key = ctx->key;
	struct event_connection *c;
	struct event_end *e;
	struct tcp_sock *tp;

	if (!s || !key || s->state == BPF_TCP_CLOSE)
		return 0;
	e = scratch_event(EVENT_PROGRESS, sizeof(*e));
	if (!e)
		return 0;
	tp = (struct tcp_sock *)*key;
	/* Freed, and no program met its end: nothing more will be told of it. */
	if (BPF_CORE_READ((struct sock *)tp, __sk_common.skc_refcnt.refs.counter) == 0)
		return 0;
	c = &e->connection;
	peek_connection(c, (struct sock *)tp, s);
	if (is_mptcp(tp))
		c->flags |= EVENT_MPTCP;
	peek_counters(e, tp);
	e->old_state = s->state;
	if (e->old_state == BPF_TCP_SYN_SENT)
		c->local_port = 0; /* perhaps that of the socket's last connection */
	/* The memory of both may have been given to others while we read. */
	barrier();
	if (s->id != c->id || c->cookie != peek_cookie((struct sock *)tp))
		return 0;
	bpf_seq_write(ctx->meta->seq, e, sizeof(*e));
	return 0;
}

#endif
