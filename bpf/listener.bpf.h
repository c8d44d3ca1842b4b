/* SPDX-License-Identifier: GPL-2.0-only */
/* listener.bpf.h - who listens where: the owner of an accepted connection until a
 * better one is known. */
#ifndef CONNMON_LISTENER_BPF_H
#define CONNMON_LISTENER_BPF_H

#include "../schema/history.h"
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

	/* Without bind() the port is chosen only after this. */
	if (!listener_key(sk, &key) || key.port == 0)
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

static __always_inline void own_by_listener(struct connection_state *s, struct sock *sk)
{
	struct listener *listener = listener_of(sk);

	if (!listener || listener->shared || listener->owner.pid == 0)
		return;
	s->owner_source = OWNER_LISTENER;
	s->owner = listener->owner;
}

#endif
