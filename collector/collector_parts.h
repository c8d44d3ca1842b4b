/* collector_parts.h - what collector.c and begin.c share of the collector. Not for others. */
#ifndef CONNMON_COLLECTOR_PARTS_H
#define CONNMON_COLLECTOR_PARTS_H

#include "account.h"
#include "batch.h"
#include "collector.h"
#include "container.h"
#include "listeners.h"
#include "print.h"
#include "probe.h"
#include "process.h"
#include "store.h"
#include "track.h"

#define MAX_OPEN_PER_FLUSH 20000

struct collector {
	const struct options *options; /* borrowed */
	struct print live;
	int lock_fd;
	struct store *store; /* NULL with --no-db, as is track */
	struct track *track;
	struct listeners *listeners;
	struct batch batch;
	struct processes processes;
	struct containers containers;
	struct probe *probe;
	struct connection **open;	  /* room for MAX_OPEN_PER_FLUSH */
	struct listener **open_listeners; /* likewise */

	int64_t offset_ns; /* wall clock minus time since boot, as of its last step */
	size_t events_in_read;
	struct account account;
	bool disk_full;	      /* the last flush failed for that */
	bool review_due;      /* an END was lost: something we believe open may be over */
	int64_t refreshed_ns; /* when what is open was looked at last */

	/* As of the last successful flush. */
	struct {
		int64_t at_ns;	    /* something was written */
		int64_t counted_ns; /* what it counts up to: later when there was nothing to say */
		int64_t offset_ns;
	} flushed;
};

/* Sinks of the probe: what the ring brings, and what a scan tells. */
int collector_on_ring_event(void *ctx, const void *data, size_t len);
int collector_on_scan_event(void *ctx, const void *data, size_t len);

/* Reads until the ring is empty (returns 0) or one of the bounds is met (1). */
int collector_take_in(struct collector *c);

/* For track_lost: connections that ended unseen go into the batch. */
struct lost_at {
	struct collector *c;
	int64_t end_boot_ns;
};
bool collector_on_lost(void *ctx, const struct connection *connection);

/* Compares what we believe open with the kernel, and takes in how far it has come. */
int collector_review(struct collector *c, struct err *err);

/* Writes what there is. @last: also what has just been opened. */
int collector_flush(struct collector *c, bool last, struct err *err);

#endif
