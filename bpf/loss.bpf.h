/* SPDX-License-Identifier: GPL-2.0-only */
/* loss.bpf.h - whose connections found no room: who floods the ring or the table is named. */
#ifndef CONNMON_LOSS_BPF_H
#define CONNMON_LOSS_BPF_H

#include "socket.bpf.h"

#define LOSS_TRIES 8 /* places that are looked at for one user */

/* A user has the same place for as long as the programs run: a reader may take differences. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_losses);
} losses SEC(".maps");

/* Where all places are taken, or @owner is not known, nobody is named. Called after the loss
 * itself was counted: who reads these first never finds more of them than there were. */
static __always_inline void count_loss(enum event_loss_kind kind, const struct event_owner *owner)
{
	__u64 who = (__u64)kind << 32 | owner->uid;
	struct event_losses *all;
	__u32 zero = 0;

	all = bpf_map_lookup_elem(&losses, &zero);
	if (!all || owner->pid == 0)
		return;
#pragma unroll
	for (__u32 i = 0; i < LOSS_TRIES; i++) {
		struct event_loss *l = &all->place[(owner->uid + i) & (EVENT_LOSSES - 1)];
		__u64 found = l->who;

		if (found == 0)
			found = __sync_val_compare_and_swap(&l->who, 0, who);
		if (found == 0 || found == who) {
			__sync_fetch_and_add(&l->count, 1);
			return;
		}
	}
}

#endif
