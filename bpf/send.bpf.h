/* SPDX-License-Identifier: GPL-2.0-only */
/* send.bpf.h - events into the ring, and what found no room counted. */
#ifndef CONNMON_SEND_BPF_H
#define CONNMON_SEND_BPF_H

#include "../schema/history.h"
#include "state.bpf.h"

/* Set by probe.c before loading. */
const volatile __u32 wakeup_bytes = 2 << 20; /* wake the reader when so much waits */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} events SEC(".maps");

/* Where iterators put together what they tell: the stack is too small for it. There is
 * one reader, hence one iterator at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_end);
} scratch SEC(".maps");

/* Room for any event that an iterator tells, all zero but for the header. */
static __always_inline void *scratch_event(__u8 type, __u16 size)
{
	__u32 zero = 0;
	struct event_end *e = bpf_map_lookup_elem(&scratch, &zero);
	struct event_header *h = (struct event_header *)e;

	if (!e)
		return NULL;
	__builtin_memset(e, 0, sizeof(*e));
	h->time_boot_ns = bpf_ktime_get_boot_ns();
	h->size = size;
	h->type = type;
	return e;
}

static __always_inline void *reserve(enum event_type type, __u16 size, __u64 now)
{
	struct event_counters *c = counters_here();
	struct event_header *h;
	__u64 seq;

	if (!c)
		return NULL;
	seq = __sync_fetch_and_add(&c->seq[type], 1);
	h = bpf_ringbuf_reserve(&events, size, 0);
	if (!h) {
		__sync_fetch_and_add(&c->lost[type], 1);
		return NULL;
	}
	h->seq = seq;
	h->time_boot_ns = now;
	h->cpu = bpf_get_smp_processor_id();
	h->size = size;
	h->type = type;
	h->zero = 0;
	return h;
}

/* Waking the reader costs more than all the rest, so it is done once when a good
 * part of the ring has filled up; a timer in user space does the usual case. */
static __always_inline void submit(void *event, bool at_once)
{
	__u64 behind = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) - wakeup_bytes;

	bpf_ringbuf_submit(event,
			   at_once || behind < 1024 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Whether both ends speak Multipath TCP: a socket that asked for it may have met a
 * peer that does not. Reads with care, as @tp may be what it once was. */
static __always_inline bool is_mptcp(struct tcp_sock *tp)
{
	struct mptcp_subflow_context *path;

	if (!tp || !bpf_core_field_exists(tp->is_mptcp) ||
	    !BPF_CORE_READ_BITFIELD_PROBED(tp, is_mptcp))
		return false;
	path = BPF_CORE_READ(tp, inet_conn.icsk_ulp_data);
	return path && (BPF_CORE_READ_BITFIELD_PROBED(path, mp_capable) ||
			BPF_CORE_READ_BITFIELD_PROBED(path, mp_join));
}

/* Fills all but the header. */
static __always_inline void fill_connection(struct event_connection *e, struct sock *sk,
					    const struct connection_state *s)
{
	e->id = s->id;
	e->cookie = s->cookie;
	e->cgroup_id = socket_cgroup_id(sk);
	e->start_boot_ns = s->start_boot_ns;
	e->established_boot_ns = s->established_boot_ns;
	e->netns = netns_of(sk);
	e->local_port = local_port(sk);
	e->peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	e->inbound = s->inbound;
	e->owner_source = owner_get(s, &e->owner);
	e->accepted_boot_ns = accepted_by(s, e->owner_source);
	e->flags = s->flags | (is_mptcp((struct tcp_sock *)sk) ? EVENT_MPTCP : 0);
	e->zero = 0;
	if (sk->__sk_common.skc_family == AF_INET) {
		e->family = 4;
		set_words(e->local_addr, sk->__sk_common.skc_rcv_saddr, 0, 0, 0);
		set_words(e->peer_addr, sk->__sk_common.skc_daddr, 0, 0, 0);
	} else {
		e->family = fold_v6(&sk->__sk_common.skc_v6_daddr, e->peer_addr);
		fold_v6(&sk->__sk_common.skc_v6_rcv_saddr, e->local_addr);
		if (e->family == 4)
			e->flags |= EVENT_V4MAPPED;
	}
}

static __always_inline void send_connection(enum event_type type, struct sock *sk,
					    const struct connection_state *s, __u64 now,
					    bool at_once)
{
	struct event_connection *e;

	e = reserve(type, sizeof(*e), now);
	if (!e)
		return;
	fill_connection(e, sk, s);
	if (type == EVENT_ATTEMPT)
		e->local_port = 0; /* that of the socket's last connection, if any */
	submit(e, at_once);
}

/* Half of one owner and half of another would be a wrong user: then nobody is named. */
static __always_inline void count_lost_end(const struct connection_state *s)
{
	__u32 version = owner_version(s);
	bool owned = s->owner.pid != 0;
	struct event_owner who = {.pid = owned ? s->owner.pid : s->closer.pid,
				  .uid = owned ? s->owner.uid : s->closer.uid};

	if (!(version & 1) && owner_version(s) == version)
		count_loss(EVENT_LOSS_RING, &who);
}

static __always_inline void send_end(struct sock *sk, const struct connection_state *s,
				     __u8 old_state, __u8 how)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct socket *socket;
	struct event_end *e;
	bool fin, all_acked = false;

	e = reserve(EVENT_END, sizeof(*e), bpf_ktime_get_boot_ns());
	if (!e) {
		count_lost_end(s);
		return;
	}
	fill_connection(&e->connection, sk, s);
	e->closer = s->closer;
	/* Whoever closes an accepted connection used it; the listener's owner only
	 * opened the door, and the scan saw just one of those who held it. */
	if (s->inbound && s->closer.pid != 0 &&
	    (e->connection.owner_source == OWNER_UNKNOWN ||
	     e->connection.owner_source == OWNER_LISTENER ||
	     e->connection.owner_source == OWNER_SCAN)) {
		e->connection.owner = s->closer;
		e->connection.owner_source = OWNER_CLOSE;
	}
	e->tx_bytes = 0;
	e->rx_bytes = 0;
	e->retransmits = 0;
	e->srtt_us = 0;
	e->min_rtt_us = 0xffffffff;
	fin = sk->__sk_common.skc_flags & 1UL << SOCK_DONE;
	if (tp) {
		/* bytes_retrans counts a transmit that then fails, bytes_sent does not. */
		if (tp->bytes_sent > tp->bytes_retrans)
			e->tx_bytes = tp->bytes_sent - tp->bytes_retrans;
		e->rx_bytes = tp->bytes_received ? tp->bytes_received - fin : 0;
		e->retransmits = tp->total_retrans;
		e->srtt_us = tp->srtt_us >> 3;
		if (e->srtt_us) /* else it is that of the socket's last connection */
			e->min_rtt_us = tp->rtt_min.s[0].v;
		all_acked = tp->write_seq - tp->snd_una <= 1; /* but for a FIN */
	}
	e->socket_error = sk->sk_err;
	e->old_state = old_state;
	socket = sk->sk_socket;
	e->how = how | (socket ? 0 : EVENT_NO_SOCKET) | (fin ? EVENT_FIN_RECEIVED : 0) |
		 (all_acked ? EVENT_ALL_ACKED : 0);
	if (old_state == BPF_TCP_SYN_SENT && is_in_connect(sk))
		e->how |= EVENT_IN_CONNECT;
	__builtin_memset(e->zero, 0, sizeof(e->zero));
	submit(e, false);
}

#endif
