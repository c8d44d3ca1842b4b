/* SPDX-License-Identifier: GPL-2.0-only */
/* state.bpf.h - what is kept of a connection from its first transition to its last. */
#ifndef CONNMON_STATE_BPF_H
#define CONNMON_STATE_BPF_H

#include "../schema/history.h"
#include "loss.bpf.h"
#include "socket.bpf.h"

struct connection_state {
	__u64 id;
	__u64 cookie; /* the socket's: its address alone may be that of an earlier one */
	__u64 start_boot_ns;
	__u64 established_boot_ns;
	__u64 accepted_boot_ns;
	struct event_owner owner;
	struct event_owner closer;
	__u8 state; /* the last new state; TCP_CLOSE: the end was sent */
	__u8 inbound;
	__u8 owner_source;
	__u8 flags;
	__u32 owner_version; /* odd: the owner is just being written; see owner_set() */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144); /* --max-open */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* struct sock * */
	__type(value, struct connection_state);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_counters);
} counters SEC(".maps");

static __always_inline struct event_counters *counters_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

#define MAX_CPUS 8192 /* the most that Linux knows: NR_CPUS of x86 */

/* The start made unique: ids of one CPU strictly increase, and the low bits
 * name the CPU. A softirq may come in between, hence the exchange. */
static __always_inline __u64 make_id(__u64 now)
{
	__u32 cpu = bpf_get_smp_processor_id() & (MAX_CPUS - 1);
	struct event_counters *c = counters_here();
	__u64 last, id = now & ~(MAX_CPUS - 1ULL);

	if (!c)
		return id | cpu;
#pragma unroll
	for (int tries = 0; tries < 3; tries++) {
		last = c->last_id;
		if (id <= last)
			id = last + MAX_CPUS;
		if (__sync_val_compare_and_swap(&c->last_id, last, id) == last)
			break;
	}
	return id | cpu;
}

static __always_inline void state_init(struct connection_state *s, struct sock *sk, bool inbound)
{
	__u64 now = bpf_ktime_get_boot_ns();

	__builtin_memset(s, 0, sizeof(*s));
	s->id = make_id(now);
	s->cookie = bpf_get_socket_cookie(sk);
	s->start_boot_ns = now;
	s->inbound = inbound;
}

static __always_inline void count_table_full(const struct connection_state *s)
{
	struct event_counters *c = counters_here();

	if (c)
		__sync_fetch_and_add(&c->table_full, 1);
	count_loss(EVENT_LOSS_TABLE, &s->owner);
}

static __always_inline int state_keep(struct sock *sk, const struct connection_state *s, __u64 how)
{
	__u64 key = (__u64)sk;
	int ret = bpf_map_update_elem(&connections, &key, s, how);

	if (ret && how == BPF_ANY)
		count_table_full(s);
	return ret;
}

/* A connection that we meet in the middle: older than we are, or without room in
 * the table when it began. */
static __always_inline void state_init_unseen(struct connection_state *s, struct sock *sk,
					      bool inbound)
{
	state_init(s, sk, inbound);
	s->flags = EVENT_START_UNSEEN;
	s->state = sk->__sk_common.skc_state;
}

/* Forgets @s. One that had not ended is an end that no program met. */
static __always_inline void state_drop(struct sock *sk, const struct connection_state *s)
{
	struct event_counters *c = counters_here();
	__u64 key = (__u64)sk;

	if (c && s->state != BPF_TCP_CLOSE)
		__sync_fetch_and_add(&c->missed_ends, 1);
	bpf_map_delete_elem(&connections, &key);
}

/* The state of @sk; NULL when there is none. What is left of an earlier socket at the
 * same address is not mistaken for it. */
static __always_inline struct connection_state *state_of(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct connection_state *s = bpf_map_lookup_elem(&connections, &key);

	/* That of a socket we know was made when we met it. */
	if (!s || s->cookie == (__u64)sk->__sk_common.skc_cookie.counter)
		return s;
	state_drop(sk, s);
	return NULL;
}

/*
 * The accepting process and the scan set the owner of a connection while another
 * processor may be sending its end. Half of one owner and half of another would be a
 * wrong process, so whoever writes makes the version odd first, and whoever reads takes
 * the owner only when the version was even and is still the same. The atomic operations
 * that return a value are full barriers.
 */
static __always_inline bool owner_set(struct connection_state *s, const struct event_owner *owner,
				      enum owner_source source)
{
	__u32 version = s->owner_version;

	if (version & 1 ||
	    __sync_val_compare_and_swap(&s->owner_version, version, version + 1) != version)
		return false; /* somebody else is at it */
	s->owner = *owner;
	s->owner_source = source;
	__sync_lock_test_and_set(&s->owner_version, version + 2);
	return true;
}

static __always_inline __u32 owner_version(const struct connection_state *s)
{
#ifdef __TARGET_ARCH_x86 /* reads keep their order there */
	__u32 version;

	barrier();
	version = *(const volatile __u32 *)&s->owner_version;
	barrier();
	return version;
#else
	return __sync_fetch_and_add((__u32 *)&s->owner_version, 0);
#endif
}

/* Copies the owner; returns its source. */
static __always_inline enum owner_source owner_get(const struct connection_state *s,
						   struct event_owner *owner)
{
	__u32 version = owner_version(s);
	enum owner_source source = s->owner_source;

	*owner = s->owner;
	if (!(version & 1) && owner_version(s) == version)
		return source;
	__builtin_memset(owner, 0, sizeof(*owner));
	return OWNER_UNKNOWN;
}

/* When it was accepted, if it is the accepter whom owner_get() gave as @source: the time is set
 * before the owner, so another may have been read in between. */
static __always_inline __u64 accepted_by(const struct connection_state *s, enum owner_source source)
{
	return source == OWNER_ACCEPT || source == OWNER_KERNEL ? s->accepted_boot_ns : 0;
}

static __always_inline void note_closer(struct connection_state *s)
{
	if (s->closer.pid == 0)
		describe_current(&s->closer);
}

#endif
