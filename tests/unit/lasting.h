/*
 * lasting.h - a kernel and its probe for the collector to run on: a ring in shared memory
 * that outlives it, which the test fills, and points where the collector is killed.
 */
#ifndef CONNMON_LASTING_H
#define CONNMON_LASTING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../bpf/event.h"
#include "probe.h"

#define SLOTS 48

/* Where the collector is killed. */
enum point {
	ANYWHERE,      /* by the test, after a while */
	IN_A_COMMIT,   /* some rows are written, and not committed */
	BEFORE_COMMIT, /* all rows are written */
	COMMITTED,     /* and the kernel does not know */
	RELEASED,      /* now it does */
	POINTS,
};

/* What the kernel keeps: it stays when a collector is gone. */
struct world {
	_Atomic uint64_t last_id;
	struct probe_counters counters;
	int64_t instance_ns;
	struct slot {
		_Atomic uint64_t id; /* 0: not open */
		struct event_end e;  /* as a review tells it */
	} slots[SLOTS];
	int64_t ahead_ns;  /* added to the time since boot */
	int64_t offset_ns; /* wall clock minus time since boot */
	/* For the collector: */
	int64_t flush_ns;
	enum point point;
	int countdown;
	int next_countdown; /* from when it opens a second database on; 0: no other */
	atomic_bool finish;
	atomic_int commits; /* that the kernel was told of */
	atomic_int kills_at[POINTS];
};

extern struct world *world;

/* Ends the process with these words when not @ok. */
void must(bool ok, const char *what);

void make_world(void);
void end_world(void);

/* What an event of the biggest size needs is there. */
bool has_room(void);

/* Opens or closes one of the connections; @made counts those that were opened. */
void happen(unsigned int *seed, long *made);
void close_slot(struct slot *s);

/* The process is killed here, if this is the point and it is time. */
void come_to(enum point point);

#endif
