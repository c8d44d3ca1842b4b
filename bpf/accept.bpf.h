/* SPDX-License-Identifier: GPL-2.0-only */
/* accept.bpf.h - who accepts a connection, told when it happens. probe.c loads those of
 * these programs that the kernel can run and --accept asks for. */
#ifndef CONNMON_ACCEPT_BPF_H
#define CONNMON_ACCEPT_BPF_H

#include "filter.bpf.h"
#include "peek.bpf.h"
#include "send.bpf.h"

#include <bpf/bpf_tracing.h>

/* The current task takes the connection out of the queue. */
static __always_inline void own_by_accept(struct connection_state *s)
{
	enum owner_source source = OWNER_KERNEL;
	__u64 now = bpf_ktime_get_boot_ns();
	struct event_owner owner;
	struct event_owned *e;

	if (!s->inbound || s->accepted_boot_ns != 0 || s->state == BPF_TCP_CLOSE)
		return;
	__builtin_memset(&owner, 0, sizeof(owner));
	if (!is_kernel_thread()) {
		source = OWNER_ACCEPT;
		describe_current(&owner);
	}
	s->accepted_boot_ns = now;
	owner_set(s, &owner, source);
	e = reserve(EVENT_OWNER, sizeof(*e), now);
	if (!e)
		return;
	e->id = s->id;
	e->accepted_boot_ns = now;
	e->owner_source = source;
	__builtin_memset(e->zero, 0, sizeof(e->zero));
	e->owner = owner;
	submit(e, false);
}

/* Fast Open: accepted before the handshake is over, and before we keep a state of it. */
static __always_inline struct connection_state *state_of_early_child(struct sock *sk)
{
	struct connection_state s;
	__u64 key = (__u64)sk;

	if (sk->__sk_common.skc_state != BPF_TCP_SYN_RECV || is_filtered(sk, true))
		return NULL;
	state_init(&s, sk, true);
	s.state = BPF_TCP_SYN_RECV;
	state_keep(sk, &s, BPF_NOEXIST);
	return bpf_map_lookup_elem(&connections, &key);
}

static __always_inline void on_accepted_child(struct sock *child)
{
	struct connection_state *s;

	if (!child || child->sk_protocol != IPPROTO_TCP)
		return;
	s = state_of(child);
	if (!s)
		s = state_of_early_child(child);
	if (s)
		own_by_accept(s);
}

struct proto_accept_arg;

/* Every accept comes through here: of io_uring, of the kernel, and of MPTCP, too. */
SEC("?fexit/inet_csk_accept")
int BPF_PROG(on_accept, struct sock *listener, struct proto_accept_arg *arg, struct sock *child)
{
	on_accepted_child(child);
	return 0;
}

SEC("?fexit/inet_csk_accept")
int BPF_PROG(on_accept_before_6_10, struct sock *listener, int flags, int *err, bool kernel,
	     struct sock *child)
{
	on_accepted_child(child);
	return 0;
}

static __always_inline int on_accepted_fd(long fd)
{
	struct connection_state *s;
	struct socket *socket;
	struct sock *sk;

	if (fd < 0)
		return 0;
	socket = socket_of_fd(fd);
	if (!socket)
		return 0;
	sk = BPF_CORE_READ(socket, sk);
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP) {
		if (!bpf_core_field_exists(struct mptcp_sock, first))
			return 0;
		sk = BPF_CORE_READ((struct mptcp_sock *)sk, first);
	}
	s = peek_state_of(sk);
	if (s)
		own_by_accept(s);
	return 0;
}

SEC("?tp/syscalls/sys_exit_accept")
int on_sys_accept(struct syscall_exit *ctx)
{
	return on_accepted_fd(ctx->ret);
}

SEC("?tp/syscalls/sys_exit_accept4")
int on_sys_accept4(struct syscall_exit *ctx)
{
	return on_accepted_fd(ctx->ret);
}

#endif
