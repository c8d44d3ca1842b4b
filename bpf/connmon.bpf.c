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
 *   one of them: so the table below cannot leak, and needs no LRU.
 * - inet_sport is 0 or stale at SYN_SENT, right from ESTABLISHED to CLOSE.
 * - Addresses of a child at LISTEN > SYN_RECV are the listener's before 6.18:
 *   an inbound connection begins for us when it leaves SYN_RECV.
 * - The counters of a socket are reset soon after a failed connect(): they are
 *   read at the transition to CLOSE itself.
 */
#include "kernel_types.h"

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "../schema/history.h"
#include "event.h"

#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6

/* Set by probe.c before loading. */
const volatile bool send_attempts;	     /* somebody watches: tell at once */
const volatile __u32 wakeup_bytes = 2 << 20; /* wake the reader when so much waits */

struct connection_state {
	__u64 id;
	__u64 start_boot_ns;
	__u64 established_boot_ns;
	struct event_owner owner;
	struct event_owner closer;
	__u8 state; /* the last new state; TCP_CLOSE: the end was sent */
	__u8 inbound;
	__u8 owner_source;
	__u8 flags;
	__u32 zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* struct sock * */
	__type(value, struct connection_state);
} connections SEC(".maps");

struct listener_key {
	__u64 net; /* struct net * */
	__u8 addr[16];
	__u16 port;
	__u16 family; /* 4 or 6 */
	__u32 zero;
};

struct listener {
	__u64 sk; /* the socket that said LISTEN last */
	struct event_owner owner;
	__u32 shared; /* sockets of other processes share the port: nobody can tell whose */
	__u32 zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct listener_key);
	__type(value, struct listener);
} listeners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} events SEC(".maps");

char LICENSE[] SEC("license") = "GPL";

static __always_inline struct event_counters *counters_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

/* ---- who and where ---- */

static __always_inline bool is_kernel_thread(void)
{
	return bpf_get_current_task_btf()->flags & PF_KTHREAD;
}

static __always_inline void describe(struct task_struct *task, __u32 uid, __u64 cgroup_id,
				     struct event_owner *o)
{
	struct task_struct *leader = task->group_leader;

	o->start_boot_ns = leader->start_boottime;
	o->cgroup_id = cgroup_id;
	o->pid = task->tgid;
	o->ppid = leader->real_parent->tgid;
	o->uid = uid;
	o->zero = 0;
	__builtin_memset(o->comm, 0, sizeof(o->comm));
	bpf_probe_read_kernel_str(o->comm, sizeof(o->comm), leader->comm);
}

static __always_inline void describe_current(struct event_owner *o)
{
	describe(bpf_get_current_task_btf(), (__u32)bpf_get_current_uid_gid(),
		 bpf_get_current_cgroup_id(), o);
}

static __always_inline __u64 socket_cgroup_id(struct sock *sk)
{
	struct cgroup *cgroup;

	if (!bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return 0;
	cgroup = sk->sk_cgrp_data.cgroup;
	return cgroup ? cgroup->kn->id : 0;
}

static __always_inline void set_words(__u8 *addr, __u32 a, __u32 b, __u32 c, __u32 d)
{
	__u32 *words = (__u32 *)addr;

	words[0] = a;
	words[1] = b;
	words[2] = c;
	words[3] = d;
}

/* Copies an IPv6 address, or the IPv4 address that is mapped into one. Returns
 * the family it wrote. */
static __always_inline __u8 fold_v6(const struct in6_addr *from, __u8 *addr)
{
	__u32 a = from->in6_u.u6_addr32[0], b = from->in6_u.u6_addr32[1],
	      c = from->in6_u.u6_addr32[2], d = from->in6_u.u6_addr32[3];

	if (a == 0 && b == 0 && c == bpf_htonl(0xffff)) {
		set_words(addr, d, 0, 0, 0);
		return 4;
	}
	set_words(addr, a, b, c, d);
	return 6;
}

/* ---- listeners: the owner of an accepted connection until a better is known ---- */

static __always_inline __u16 local_port(struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	return tp ? bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport) : 0;
}

/* The key of @sk's local end; false for a family that is not ours. */
static __always_inline bool listener_key(struct sock *sk, struct listener_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->net = (__u64)sk->__sk_common.skc_net.net;
	key->port = local_port(sk);
	if (sk->__sk_common.skc_family == AF_INET) {
		key->family = 4;
		set_words(key->addr, sk->__sk_common.skc_rcv_saddr, 0, 0, 0);
		return true;
	}
	key->family = fold_v6(&sk->__sk_common.skc_v6_rcv_saddr, key->addr);
	return sk->__sk_common.skc_family == AF_INET6;
}

static __always_inline void listener_add(struct sock *sk, const struct event_owner *owner)
{
	struct listener fresh = {.sk = (__u64)sk, .owner = *owner};
	struct listener_key key;
	struct listener *known;

	if (!listener_key(sk, &key))
		return;
	known = bpf_map_lookup_elem(&listeners, &key);
	if (known && known->sk != fresh.sk && (known->shared || known->owner.pid != owner->pid))
		fresh.shared = 1;
	bpf_map_update_elem(&listeners, &key, &fresh, BPF_ANY);
}

static __always_inline void listener_remove(struct sock *sk)
{
	struct listener_key key;
	struct listener *known;

	if (!listener_key(sk, &key))
		return;
	known = bpf_map_lookup_elem(&listeners, &key);
	if (known && known->sk == (__u64)sk)
		bpf_map_delete_elem(&listeners, &key);
}

/* Who listens where @sk was accepted: at its very address, else at the wildcard
 * of its family; an IPv4 peer may have come in through either wildcard. */
static __always_inline struct listener *listener_of(struct sock *sk)
{
	struct listener_key key;
	struct listener *found;

	if (!listener_key(sk, &key))
		return NULL;
	found = bpf_map_lookup_elem(&listeners, &key);
	if (found)
		return found;
	set_words(key.addr, 0, 0, 0, 0);
	found = bpf_map_lookup_elem(&listeners, &key);
	if (found || key.family == 6)
		return found;
	key.family = 6;
	return bpf_map_lookup_elem(&listeners, &key);
}

/* ---- the state of a connection ---- */

/* The start made unique: ids of one CPU strictly increase, and the low bits
 * name the CPU. A softirq may come in between, hence the exchange. */
static __always_inline __u64 make_id(__u64 now)
{
	__u32 cpu = bpf_get_smp_processor_id() & 1023;
	struct event_counters *c = counters_here();
	__u64 last, id = now & ~1023ULL;

	if (!c)
		return id | cpu;
#pragma unroll
	for (int tries = 0; tries < 3; tries++) {
		last = c->last_id;
		if (id <= last)
			id = last + 1024;
		if (__sync_val_compare_and_swap(&c->last_id, last, id) == last)
			break;
	}
	return id | cpu;
}

static __always_inline void state_init(struct connection_state *s, bool inbound)
{
	__u64 now = bpf_ktime_get_boot_ns();

	__builtin_memset(s, 0, sizeof(*s));
	s->id = make_id(now);
	s->start_boot_ns = now;
	s->inbound = inbound;
}

static __always_inline int state_keep(struct sock *sk, const struct connection_state *s, __u64 how)
{
	__u64 key = (__u64)sk;
	int ret = bpf_map_update_elem(&connections, &key, s, how);

	if (ret && how == BPF_ANY) {
		struct event_counters *c = counters_here();

		if (c)
			__sync_fetch_and_add(&c->table_full, 1);
	}
	return ret;
}

/* A connection that we meet in the middle: older than we are, or without room in
 * the table when it began. */
static __always_inline void state_init_unseen(struct connection_state *s, struct sock *sk)
{
	state_init(s, sk->sk_max_ack_backlog != 0);
	s->flags = EVENT_START_UNSEEN;
	s->state = sk->__sk_common.skc_state;
}

static __always_inline void note_closer(struct connection_state *s)
{
	if (s->closer.pid == 0)
		describe_current(&s->closer);
}

/* ---- sending ---- */

static __always_inline void *reserve(enum event_type type, __u16 size, __u64 now)
{
	struct event_counters *c = counters_here();
	struct event_header *h;
	__u64 seq;

	if (!c)
		return NULL;
	seq = __sync_fetch_and_add(&c->seq, 1);
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

/* Fills all but the header. */
static __always_inline void fill_connection(struct event_connection *e, struct sock *sk,
					    const struct connection_state *s)
{
	e->id = s->id;
	e->cookie = bpf_get_socket_cookie(sk);
	e->cgroup_id = socket_cgroup_id(sk);
	e->start_boot_ns = s->start_boot_ns;
	e->established_boot_ns = s->established_boot_ns;
	e->netns = sk->__sk_common.skc_net.net->ns.inum;
	e->local_port = local_port(sk);
	e->peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	e->inbound = s->inbound;
	e->owner_source = s->owner_source;
	e->flags = s->flags;
	e->zero = 0;
	e->owner = s->owner;
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
					    const struct connection_state *s, bool at_once)
{
	struct event_connection *e;

	e = reserve(type, sizeof(*e), bpf_ktime_get_boot_ns());
	if (!e)
		return;
	fill_connection(e, sk, s);
	if (type == EVENT_ATTEMPT)
		e->local_port = 0; /* that of the socket's last connection, if any */
	submit(e, at_once);
}

static __always_inline void send_end(struct sock *sk, const struct connection_state *s,
				     __u8 old_state, bool by_task)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct event_end *e;

	e = reserve(EVENT_END, sizeof(*e), bpf_ktime_get_boot_ns());
	if (!e)
		return;
	fill_connection(&e->connection, sk, s);
	e->closer = s->closer;
	/* Whoever closes an accepted connection used it; the listener's owner only
	 * opened the door. */
	if (s->inbound && s->closer.pid != 0 &&
	    (s->owner_source == OWNER_UNKNOWN || s->owner_source == OWNER_LISTENER)) {
		e->connection.owner = s->closer;
		e->connection.owner_source = OWNER_CLOSE;
	}
	e->tx_bytes = 0;
	e->rx_bytes = 0;
	e->retransmits = 0;
	e->srtt_us = 0;
	e->min_rtt_us = 0xffffffff;
	if (tp) {
		bool fin = sk->__sk_common.skc_flags & 1UL << SOCK_DONE;

		e->tx_bytes = tp->bytes_sent - tp->bytes_retrans;
		e->rx_bytes = tp->bytes_received ? tp->bytes_received - fin : 0;
		e->retransmits = tp->total_retrans;
		e->srtt_us = tp->srtt_us >> 3;
		e->min_rtt_us = tp->rtt_min.s[0].v;
	}
	e->socket_error = sk->sk_err;
	e->old_state = old_state;
	e->how = (by_task ? EVENT_BY_TASK : 0) | (sk->sk_socket ? 0 : EVENT_NO_SOCKET);
	__builtin_memset(e->zero, 0, sizeof(e->zero));
	submit(e, false);
}

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

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state_change, struct sock *sk, int old_state, int new_state)
{
	struct connection_state fresh, *s;
	__u64 key = (__u64)sk;
	bool by_task;

	if (old_state == new_state || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	by_task = sk->sk_lock.owned && !is_kernel_thread();

	if (new_state == BPF_TCP_SYN_SENT) {
		on_syn_sent(sk, by_task);
		return 0;
	}
	if (new_state == BPF_TCP_LISTEN) {
		struct event_owner owner;

		if (by_task) {
			describe_current(&owner);
			listener_add(sk, &owner);
		}
		return 0;
	}
	if (old_state == BPF_TCP_LISTEN) {
		if (new_state == BPF_TCP_CLOSE)
			listener_remove(sk);
		return 0; /* else a child in the making */
	}

	s = bpf_map_lookup_elem(&connections, &key);
	if (old_state == BPF_TCP_SYN_RECV && !(s && s->state == BPF_TCP_SYN_RECV)) {
		/* A child that never got so far is no connection; one that was
		 * accepted early (Fast Open) is. */
		if (new_state != BPF_TCP_CLOSE) {
			on_accepted(sk, new_state);
			return 0;
		}
		if (!sk->sk_socket)
			return 0;
		s = NULL;
	}
	if (!s) {
		if (old_state == BPF_TCP_CLOSE)
			return 0;
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
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct connection_state *s = bpf_map_lookup_elem(&connections, &key);

	if (!s)
		return 0;
	/* Its CLOSE was not met: the tracepoint was already running here. */
	if (s->state != BPF_TCP_CLOSE) {
		struct event_counters *c = counters_here();

		if (c)
			__sync_fetch_and_add(&c->rescued, 1);
		send_end(sk, s, s->state, false);
	}
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
