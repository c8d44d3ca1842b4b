/* SPDX-License-Identifier: GPL-2.0-only */
/* filter.bpf.h - what is left out because the collector was told to. A connection is
 * counted as filtered when it begins; what follows finds no state of it, and asks again. */
#ifndef CONNMON_FILTER_BPF_H
#define CONNMON_FILTER_BPF_H

#include "socket.bpf.h"
#include "state.bpf.h"

/* Set by probe.c before loading; what is not asked for costs nothing. */
const volatile bool filter_no_loopback;
const volatile bool filter_only_out;
const volatile bool filter_only_in;
const volatile bool filter_any_port;
const volatile __u8 filter_ports[65536 / 8]; /* a bit for each service port */

/* Both ends on this node: the same as connmon-query's --no-loopback. */
static __always_inline bool is_loopback(struct sock *sk)
{
	__u64 local[2], peer[2];

	if (sk->__sk_common.skc_family == AF_INET)
		return (bpf_ntohl(sk->__sk_common.skc_daddr) >> 24) == 127 ||
		       sk->__sk_common.skc_daddr == sk->__sk_common.skc_rcv_saddr;
	if (fold_v6(&sk->__sk_common.skc_v6_daddr, (__u8 *)peer) == 4 && *(__u8 *)peer == 127)
		return true;
	fold_v6(&sk->__sk_common.skc_v6_rcv_saddr, (__u8 *)local);
	return local[0] == peer[0] && local[1] == peer[1];
}

static __always_inline bool is_filtered(struct sock *sk, bool inbound)
{
	if (inbound ? filter_only_out : filter_only_in)
		return true;
	if (filter_any_port) {
		__u32 port = inbound ? local_port(sk) : bpf_ntohs(sk->__sk_common.skc_dport);

		/* To the verifier of 6.12 a swapped 16-bit number may be any. */
		barrier_var(port);
		port &= 0xffff;
		if (filter_ports[port / 8] & 1 << port % 8)
			return true;
	}
	return filter_no_loopback && is_loopback(sk);
}

/* The same where a connection begins. */
static __always_inline bool filter_out(struct sock *sk, bool inbound)
{
	struct event_counters *c;

	if (!is_filtered(sk, inbound))
		return false;
	c = counters_here();
	if (c)
		__sync_fetch_and_add(&c->filtered, 1);
	return true;
}

#endif
