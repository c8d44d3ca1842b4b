/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * early.bpf.h - a connect() that fails before the socket changes its state: no route,
 * denied. Only its return value tells. Loaded with --early-failures.
 *
 * A note is made when a thread enters connect() and taken away when it brings a socket
 * to SYN_SENT: if it is still there at the end, nothing else will tell of this attempt.
 */
#ifndef CONNMON_EARLY_BPF_H
#define CONNMON_EARLY_BPF_H

#include "filter.bpf.h"
#include "hook.bpf.h"
#include "peek.bpf.h"
#include "send.bpf.h"

#define MAX_ERRNO 4095

/* Set by probe.c before loading. */
const volatile bool early_failures;

struct connecting {
	__u64 start_boot_ns;
	__u64 sk;
	__u64 addr; /* in the memory of the process */
	__u32 addr_len;
	__u32 fd;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240); /* threads between the call and SYN_SENT at a time */
	__type(key, __u64);	    /* process and thread */
	__type(value, struct connecting);
} in_connect SEC(".maps");

static __always_inline void forget_early(bool by_task)
{
	__u64 key = bpf_get_current_pid_tgid();

	if (early_failures && by_task)
		bpf_map_delete_elem(&in_connect, &key);
}

SEC("?tp/syscalls/sys_enter_connect")
int on_connect_enter(struct syscall_enter *ctx)
{
	struct connecting c = {
		.start_boot_ns = bpf_ktime_get_boot_ns(),
		.addr = ctx->args[1],
		.addr_len = ctx->args[2],
		.fd = ctx->args[0],
	};
	__u64 key = bpf_get_current_pid_tgid();
	struct event_counters *counters;
	struct socket *socket;
	struct sock *sk;
	__u16 protocol;

	socket = socket_of_fd(c.fd);
	/* A second call asks for the outcome of the first. */
	if (!socket || BPF_CORE_READ(socket, state) != SS_UNCONNECTED)
		return 0;
	sk = BPF_CORE_READ(socket, sk);
	protocol = BPF_CORE_READ(sk, sk_protocol);
	if ((protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP) ||
	    BPF_CORE_READ(sk, __sk_common.skc_state) != BPF_TCP_CLOSE)
		return 0;
	c.sk = (__u64)sk;
	if (bpf_map_update_elem(&in_connect, &key, &c, BPF_ANY) == 0)
		return 0;
	counters = counters_here();
	if (counters)
		__sync_fetch_and_add(&counters->in_connect_full, 1);
	return 0;
}

/* Whether connect() failed without any attempt going on. */
static __always_inline bool is_early(long ret)
{
	if (ret >= 0 || ret < -MAX_ERRNO)
		return false;
	switch (-ret) {
	case 4:		  /* EINTR */
	case 9:		  /* EBADF */
	case 14:	  /* EFAULT */
	case 88:	  /* ENOTSOCK */
	case 97:	  /* EAFNOSUPPORT */
	case 103:	  /* ECONNABORTED: from here on another thread's attempt */
	case 104:	  /* ECONNRESET */
	case 106:	  /* EISCONN */
	case 110:	  /* ETIMEDOUT */
	case 111:	  /* ECONNREFUSED */
	case 114:	  /* EALREADY */
	case 115:	  /* EINPROGRESS */
	case 512 ... 516: /* ERESTART... */
		return false;
	default:
		return true;
	}
}

/* Sets the peer to what the process asked for; false when that is no address. */
static __always_inline bool set_peer(struct event_connection *e, const struct connecting *c,
				     struct sock *sk)
{
	struct { /* struct sockaddr_in6; of sockaddr_in the address stands in flow */
		__u16 family;
		__be16 port;
		__u32 flow;
		struct in6_addr addr;
	} to = {0};
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_INET ? c->addr_len < 16 : c->addr_len < 24) /* as the kernel asks for */
		return false;
	if (bpf_probe_read_user(&to, family == AF_INET ? 8 : sizeof(to), (void *)c->addr) != 0 ||
	    to.family != family)
		return false;
	e->peer_port = bpf_ntohs(to.port);
	e->flags = 0;
	if (family == AF_INET) {
		set_words(e->peer_addr, to.flow, 0, 0, 0);
		return true;
	}
	e->family = fold_v6(&to.addr, e->peer_addr);
	if (e->family == 4) {
		struct in6_addr local;

		e->flags = EVENT_V4MAPPED;
		BPF_CORE_READ_INTO(&local, sk, __sk_common.skc_v6_rcv_saddr);
		if (fold_v6(&local, e->local_addr) != 4)
			set_words(e->local_addr, 0, 0, 0, 0);
	}
	return true;
}

/* As is_filtered(), of what only looks like a connection. */
static __always_inline bool is_early_filtered(const struct event_connection *e)
{
	const __u64 *local = (const __u64 *)e->local_addr, *peer = (const __u64 *)e->peer_addr;
	__u32 port = e->peer_port;

	if (filter_only_in)
		return true;
	if (filter_any_port) {
		barrier_var(port); /* see is_filtered() */
		port &= 0xffff;
		if (filter_ports[port / 8] & 1 << port % 8)
			return true;
	}
	if (!filter_no_loopback)
		return false;
	return (e->family == 4 && e->peer_addr[0] == 127) ||
	       (peer[0] == 0 && peer[1] == bpf_cpu_to_be64(1)) || /* ::1 */
	       (peer[0] == local[0] && peer[1] == local[1]);
}

static __always_inline void send_early(struct event_connection *c, int error)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct event_connection *attempt;
	struct event_end *end;

	attempt = send_attempts ? reserve(EVENT_ATTEMPT, sizeof(*attempt), now) : NULL;
	if (attempt) {
		c->header = attempt->header;
		*attempt = *c;
		submit(attempt, true);
	}
	end = reserve(EVENT_END, sizeof(*end), now);
	if (!end) {
		count_loss(EVENT_LOSS_RING, &c->owner);
		return;
	}
	c->header = end->connection.header;
	end->connection = *c;
	__builtin_memset(&end->closer, 0, sizeof(*end) - offsetof(struct event_end, closer));
	end->min_rtt_us = 0xffffffff;
	end->socket_error = error;
	end->old_state = BPF_TCP_CLOSE;
	end->how = EVENT_BY_TASK | EVENT_EARLY;
	submit(end, false);
}

SEC("?tp/syscalls/sys_exit_connect")
int on_connect_exit(struct syscall_exit *ctx)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct connecting *c = bpf_map_lookup_elem(&in_connect, &key), copy;
	struct event_connection e = {0};
	struct socket *socket;
	struct sock *sk;

	if (!c)
		return 0;
	copy = *c;
	bpf_map_delete_elem(&in_connect, &key);
	if (!is_early(ctx->ret))
		return 0;
	socket = socket_of_fd(copy.fd);
	sk = (struct sock *)copy.sk;
	if (!socket || BPF_CORE_READ(socket, sk) != sk)
		return 0; /* another thread has closed it */
	peek_socket(&e, sk);
	e.local_port = BPF_CORE_READ(sk, __sk_common.skc_num); /* by bind(), or 0 */
	if (!set_peer(&e, &copy, sk))
		return 0;
	if (is_early_filtered(&e)) {
		struct event_counters *counters = counters_here();

		if (counters)
			__sync_fetch_and_add(&counters->filtered, 1);
		return 0;
	}
	e.id = make_id(copy.start_boot_ns);
	e.start_boot_ns = copy.start_boot_ns;
	e.owner_source = OWNER_CONNECT;
	describe_current(&e.owner);
	send_early(&e, -ctx->ret);
	return 0;
}

#endif
