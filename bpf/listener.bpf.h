/* SPDX-License-Identifier: GPL-2.0-only */
/* listener.bpf.h - who listens where: the owner of an accepted connection until a
 * better one is known. */
#ifndef CONNMON_LISTENER_BPF_H
#define CONNMON_LISTENER_BPF_H

#include "../schema/history.h"
#include "send.bpf.h"
#include "socket.bpf.h"
#include "state.bpf.h"

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
	__u32 shared;	  /* sockets of other processes share the port: nobody can tell whose */
	__u32 no_backlog; /* listen() was told 0; see is_inbound() */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct listener_key);
	__type(value, struct listener);
} listeners SEC(".maps");

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
	struct listener fresh = {
		.sk = (__u64)sk,
		.owner = *owner,
		.no_backlog = sk->sk_max_ack_backlog == 0,
	};
	struct listener_key key;
	struct listener *known;

	/* Without bind() the port is chosen only after this. */
	if (!listener_key(sk, &key) || key.port == 0)
		return;
	/* In this order: processes of a group may come at once. */
	if (bpf_map_update_elem(&listeners, &key, &fresh, BPF_NOEXIST) == 0)
		return;
	known = bpf_map_lookup_elem(&listeners, &key);
	if (known && known->sk != fresh.sk && (known->shared || known->owner.pid != owner->pid))
		fresh.shared = 1;
	if (bpf_map_update_elem(&listeners, &key, &fresh, BPF_ANY) != 0) {
		struct event_counters *c = counters_here();

		if (c)
			__sync_fetch_and_add(&c->listeners_full, 1);
	}
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

/* Fills all but the header and the owner. */
static __always_inline bool fill_listen(struct event_listen *e, struct sock *sk, bool up)
{
	struct listener_key key;

	if (!listener_key(sk, &key) || key.port == 0)
		return false;
	e->cookie = bpf_get_socket_cookie(sk);
	e->cgroup_id = socket_cgroup_id(sk);
	__builtin_memcpy(e->addr, key.addr, sizeof(e->addr));
	e->netns = netns_of(sk);
	e->port = key.port;
	e->family = key.family;
	e->up = up;
	return true;
}

static __always_inline void send_listen(struct sock *sk, const struct event_owner *owner, bool up)
{
	struct event_listen *e;

	e = reserve(EVENT_LISTEN, sizeof(*e), bpf_ktime_get_boot_ns());
	if (!e)
		return;
	if (!fill_listen(e, sk, up))
		__builtin_memset(&e->cookie, 0, sizeof(*e) - sizeof(e->header));
	e->owner = *owner;
	submit(e, false);
}

static __always_inline void on_listen(struct sock *sk, bool by_task)
{
	struct event_owner owner = {0};

	/* Without bind() the port is chosen only after this: the next scan tells. */
	if (local_port(sk) == 0)
		return;
	if (by_task)
		describe_current(&owner);
	listener_add(sk, &owner);
	send_listen(sk, &owner, true);
}

static __always_inline void on_listen_end(struct sock *sk)
{
	const struct event_owner owner = {0};

	listener_remove(sk);
	if (local_port(sk) != 0)
		send_listen(sk, &owner, false);
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

/* Whether @sk, which we meet in the middle, was accepted: it has its listener's backlog.
 * Where that is 0, as that of a socket which connected, the listener itself must tell. */
static __always_inline bool is_inbound(struct sock *sk)
{
	struct listener *listener;

	if (sk->sk_max_ack_backlog != 0)
		return true;
	listener = listener_of(sk);
	return listener && listener->no_backlog;
}

static __always_inline void own_by_listener(struct connection_state *s, struct sock *sk)
{
	struct listener *listener = listener_of(sk);

	if (!listener || listener->shared || listener->owner.pid == 0)
		return;
	s->owner_source = OWNER_LISTENER;
	s->owner = listener->owner;
}

#endif
