/* collector_parts.h - what collector.c and begin.c share of the collector. Not for others. */
#ifndef CONNMON_COLLECTOR_PARTS_H
#define CONNMON_COLLECTOR_PARTS_H

#include "account.h"
#include "batch.h"
#include "collector.h"
#include "container.h"
#include "dns.h"
#include "listeners.h"
#include "metrics.h"
#include "note.h"
#include "print.h"
#include "probe.h"
#include "process.h"
#include "store.h"
#include "track.h"

#define MAX_OPEN_PER_FLUSH 20000

/* What does not keep the collector from recording. */
enum trouble {
	TROUBLE_LOOKING, /* at what is open */
	TROUBLE_UPKEEP,	 /* totals, deleting */
	TROUBLE_SYNC,	 /* what was written may not survive a power cut */
	TROUBLE_METRICS, /* writing them */
	TROUBLES,
};

struct collector {
	const struct options *options; /* borrowed */
	struct print live;
	int lock_fd;
	bool made_file; /* there was no database before */
	struct note note;
	struct store
		*store; /* NULL with --no-db, as is track; and while a new file cannot be made */
	struct track *track;
	struct dns *dns; /* NULL: names are not recorded */
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
	int64_t previous_end_ns; /* when the run before this one last wrote, since boot; 0: none */
	bool resumed;		 /* the programs and the database are those of an earlier run */
	bool disk_full;		 /* the last flush failed for that */
	uint64_t missed;	 /* what this run has written into table gap */
	uint64_t recorded_aside; /* rows in databases that were set aside */
	struct {
		const char *reason; /* of table gap, for the next database; NULL: there is none */
		int64_t from_us;    /* when the one that was set aside began */
		int64_t at_ns;	    /* when the last one was; 0: none was */
	} aside;
	int64_t told_ns[TROUBLES]; /* when each was told last; 0: never */
	bool review_due;	   /* an END was lost: something we believe open may be over */
	int64_t refreshed_ns;	   /* when what is open was looked at last */

	struct metrics *metrics; /* NULL without --metrics */
	struct {
		int64_t start_ns;
		int64_t told_ns; /* when the metrics were written last; 0: never */
		struct histogram commits;
		uint64_t commit_failures;
		uint64_t lost[GAP_REASONS]; /* as flushed */
	} measures;

	/* As of the last successful flush. */
	struct {
		int64_t at_ns;	    /* something was written */
		int64_t counted_ns; /* what it counts up to: later when there was nothing to say */
		int64_t offset_ns;
		struct capture capture;
	} flushed;
};

/* Sinks of the probe: what the ring brings, and what a scan tells. */
int collector_on_ring_event(void *ctx, const void *data, size_t len);
int collector_on_scan_event(void *ctx, const void *data, size_t len);

/* For the store: where a run begins that has no place to go on from. */
int collector_first_place(void *ctx, int64_t known_boot_ns, struct capture *out, struct err *err);

/* Reads until the ring is empty (returns 0) or one of the bounds is met (1). */
int collector_take_in(struct collector *c);

/* The same up to what the kernel has written by now, flushing when it is full. */
int collector_catch_up(struct collector *c, struct err *err);

/* For track_lost: connections that ended unseen go into the batch. */
struct lost_at {
	struct collector *c;
	int64_t end_boot_ns;
};
bool collector_on_lost(void *ctx, const struct connection *connection);

/* Compares what we believe open with the kernel, and takes in how far it has come. */
int collector_review(struct collector *c, struct err *err);

/* Writes what there is. @last: also what has just been opened. A damaged database is set aside,
 * and it goes to a new one. */
int collector_flush(struct collector *c, bool last, struct err *err);

/* Says what keeps nothing from being recorded and may last, once in 30 s. */
void collector_tell(struct collector *c, enum trouble trouble, const struct err *err,
		    const char *consequence);

/* Writes the metrics, if they are asked for and it is time, or @at_end. */
void collector_measure(struct collector *c, bool at_end);

/* Connections are recorded, and not just watched. */
static inline bool collector_records(const struct collector *c)
{
	return c->options->db;
}

/* Opens the database; a damaged one is set aside first. */
int collector_open_store(struct collector *c, struct err *err);

/* Sets the database aside (see aside.h) for the reason that @err holds, and goes on in a new
 * one, to which all that is open is written again. When that cannot be made, c->store is NULL,
 * and collector_open_store() may be tried again. */
int collector_begin_anew(struct collector *c, const char *why, struct err *err);

#endif
