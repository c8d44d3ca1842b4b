/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hook.bpf.h - the opener caught at tcp_connect() instead of at the transition to
 * SYN_SENT just before: by then the port is chosen. Loaded with --hook kprobe.
 *
 * connect() may fail between the two, for want of a port: then the end finds out who
 * it was, see own_by_failure().
 */
#ifndef CONNMON_HOOK_BPF_H
#define CONNMON_HOOK_BPF_H

#include "peek.bpf.h"
#include "send.bpf.h"

#include <bpf/bpf_tracing.h>

/* Set by probe.c before loading. */
const volatile bool send_attempts; /* somebody watches: tell at once */
const volatile bool hook_kprobe;

/* Who opens the connection: the current task. */
static __always_inline void own_by_connect(struct connection_state *s, bool by_task)
{
	if (by_task) {
		s->owner_source = OWNER_CONNECT;
		describe_current(&s->owner);
	} else if (is_kernel_thread()) {
		s->owner_source = OWNER_KERNEL;
	}
}

/* Whoever is in connect() when it fails before tcp_connect(), or closes a socket whose
 * SYN was to wait for data (Fast Open). Not an administrator who kills it. */
static __always_inline void own_by_failure(struct connection_state *s, struct sock *sk,
					   bool by_task)
{
	if (hook_kprobe && !s->inbound && s->owner_source == OWNER_UNKNOWN &&
	    (is_in_connect(sk) || (by_task && sk->sk_err == 0)))
		own_by_connect(s, by_task);
}

SEC("?kprobe/tcp_connect")
int BPF_KPROBE(on_tcp_connect, struct sock *sk)
{
	struct connection_state *s = peek_state_of(sk);
	struct event_connection *e;

	if (!s || s->state != BPF_TCP_SYN_SENT || s->owner_source != OWNER_UNKNOWN)
		return 0;
	own_by_connect(s, peek_is_by_user(sk));
	if (!send_attempts)
		return 0;
	e = reserve(EVENT_ATTEMPT, sizeof(*e), bpf_ktime_get_boot_ns());
	if (!e)
		return 0;
	peek_connection(e, sk, s);
	submit(e, true);
	return 0;
}

#endif
