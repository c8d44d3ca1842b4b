#include "account.h"

#include <string.h>

_Static_assert(offsetof(struct probe_counters, loser) == PROBE_COUNTERS * sizeof(uint64_t),
	       "numbers and nothing else, but for names at the end");

void account_ours(const struct account *a, struct probe_counters *kernel)
{
	const uint64_t *before = (const uint64_t *)&a->before;
	uint64_t *now = (uint64_t *)kernel;

	for (size_t i = 0; i < PROBE_COUNTERS; i++)
		now[i] = now[i] > before[i] ? now[i] - before[i] : 0;
}

struct probe_counters account_so_far(const struct account *a, const struct probe_counters *kernel)
{
	const uint64_t *before = (const uint64_t *)&a->before;
	struct probe_counters sum = *kernel;
	uint64_t *now = (uint64_t *)&sum;

	/* What was seen and is still in the ring is not ours yet. */
	for (int i = 0; i < PROBE_RECORDS; i++)
		sum.seen[i] = a->taken[i] + kernel->lost[i];
	for (size_t i = 0; i < PROBE_COUNTERS; i++)
		now[i] += before[i];
	return sum;
}

/* Of one kind of record: what asked for room, found it, and never was read. */
static uint64_t astray(const struct account *a, const struct probe_counters *kernel, int record)
{
	uint64_t known = a->taken[record] + kernel->lost[record];

	return a->settled && kernel->seen[record] > known ? kernel->seen[record] - known : 0;
}

uint64_t account_lost_ends(const struct account *a, const struct probe_counters *kernel)
{
	return kernel->lost[KIND_END] + kernel->missed_ends + astray(a, kernel, KIND_END);
}

/* Who lost more than half of @count since the last flush: the places for names may be taken, so a
 * lesser part may be that of a bystander. What was lost while the counters were read that time may
 * be one user's only now: hence the bound. */
static struct loser find_loser(const struct account *a, const struct probe_counters *kernel,
			       enum probe_loss loss, uint64_t count)
{
	struct loser most = {0};

	for (int i = 0; i < PROBE_LOSERS; i++) {
		uint64_t n = kernel->lost_by[i] - a->kernel.lost_by[i];

		if (kernel->loser[i] >> 32 == loss && n > most.count)
			most = (struct loser){.uid = (uint32_t)kernel->loser[i], .count = n};
	}
	if (most.count > count)
		most.count = count;
	return most.count * 2 > count ? most : (struct loser){0};
}

void account_flush(const struct account *a, const struct probe_counters *kernel, bool disk_full,
		   struct flush *f)
{
	const struct probe_counters *old = &a->aside.kernel;
	const uint64_t no_room = kernel->lost[KIND_END] - a->kernel.lost[KIND_END];
	uint64_t missed;

	f->lost[disk_full ? GAP_DISK_FULL : GAP_RING_FULL] = no_room;
	f->lost[GAP_TABLE_FULL] = kernel->table_full - a->kernel.table_full +
				  kernel->in_connect_full - a->kernel.in_connect_full;
	f->loser[disk_full ? GAP_DISK_FULL : GAP_RING_FULL] =
		find_loser(a, kernel, PROBE_LOSS_RING, no_room);
	f->loser[GAP_TABLE_FULL] = find_loser(a, kernel, PROBE_LOSS_TABLE, f->lost[GAP_TABLE_FULL]);
	f->lost[GAP_RECURSION] = kernel->missed_ends - a->kernel.missed_ends;
	f->lost[GAP_CORRUPT] = a->corrupt - a->flushed_corrupt;
	for (int i = 0; i < PROBE_RECORDS; i++) {
		f->account[i] = (struct record_account){
			.seen = kernel->seen[i] - a->aside.taken[i] - old->lost[i],
			.recorded = a->taken[i] - a->aside.taken[i],
			.lost = kernel->lost[i] - old->lost[i] + astray(a, kernel, i),
		};
		if (a->handed_over)
			f->account[i].seen = f->account[i].recorded + f->account[i].lost;
	}
	/* Two kinds that may end without asking for room. */
	missed = kernel->missed_ends - old->missed_ends;
	f->account[KIND_END].filtered = kernel->filtered - old->filtered;
	f->account[KIND_END].seen += missed + f->account[KIND_END].filtered;
	f->account[KIND_END].lost += missed;
	f->account[KIND_LISTEN].seen += kernel->listeners_full - old->listeners_full;
	f->account[KIND_LISTEN].lost += kernel->listeners_full - old->listeners_full;
	f->seen_lost = f->account[KIND_END].lost;
	f->seen = f->account[KIND_END].recorded + kernel->lost[KIND_END] - old->lost[KIND_END] +
		  missed;
	f->recursion_misses = kernel->recursion_misses - old->recursion_misses;
	f->rescued = kernel->rescued - old->rescued;
}

void account_flushed(struct account *a, const struct probe_counters *kernel)
{
	a->kernel = *kernel;
	a->flushed_corrupt = a->corrupt;
	memcpy(a->flushed_taken, a->taken, sizeof(a->taken));
}

void account_set_aside(struct account *a)
{
	a->aside.kernel = a->kernel;
	memcpy(a->aside.taken, a->flushed_taken, sizeof(a->aside.taken));
}

void account_settle(struct account *a, const struct probe_counters *kernel)
{
	uint64_t missing = 0;

	a->settled = true;
	for (int i = 0; i < PROBE_RECORDS; i++)
		missing += astray(a, kernel, i);
	/* What could not be read when it came is among them. */
	if (missing > a->corrupt)
		a->corrupt = missing;
}
