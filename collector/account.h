/*
 * account.h - what the kernel side met against what arrived here: for each kind of
 * record, seen = recorded + lost + filtered, and for each flush what was lost since
 * the last one and why. Pure.
 */
#ifndef CONNMON_ACCOUNT_H
#define CONNMON_ACCOUNT_H

#include "decode.h"
#include "probe.h"
#include "store.h"

struct account {
	uint64_t taken[PROBE_RECORDS]; /* read and in order, by enum event_kind */
	uint64_t corrupt; /* read and not in order, or no memory for them, or gone astray */
	bool settled;	  /* nothing more can come */
	bool handed_over; /* what still comes is the next run's */

	/* Of programs that are older than this run: what earlier runs accounted for. */
	struct probe_counters before;

	/* As of the last successful flush. */
	struct probe_counters kernel;
	uint64_t flushed_corrupt;
	uint64_t flushed_taken[PROBE_RECORDS];

	/* What stands in the account of a database that was set aside. */
	struct {
		struct probe_counters kernel;
		uint64_t taken[PROBE_RECORDS];
	} aside;
};

/* Makes @kernel, as the probe tells it, this run's: what is left of it after before. For all
 * functions below. */
void account_ours(const struct account *a, struct probe_counters *kernel);

/* What runs up to this one have accounted for, as of @kernel: the next run's before. */
struct probe_counters account_so_far(const struct account *a, const struct probe_counters *kernel);

/* Fills in what @f says of losses and totals, as of @kernel. @disk_full: that is why
 * the ring is. */
void account_flush(const struct account *a, const struct probe_counters *kernel, bool disk_full,
		   struct flush *f);

/* That was written. */
void account_flushed(struct account *a, const struct probe_counters *kernel);

/* The database is another one, whose account begins where that of the old one ended: with the
 * last successful flush. */
void account_set_aside(struct account *a);

/* Nothing runs any more and the ring is empty: what has not come is corrupt. */
void account_settle(struct account *a, const struct probe_counters *kernel);

/* Ends that are in no row, for whatever reason, as of @kernel. */
uint64_t account_lost_ends(const struct account *a, const struct probe_counters *kernel);

#endif
