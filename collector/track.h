/*
 * track.h - what is open now: joins the events of one connection. Pure: no
 * clock, no database, no kernel.
 *
 * A connection enters with its OPEN event and leaves with its END. One whose END
 * comes without an OPEN just passes through: END says everything. One that an
 * earlier run of the collector left open in the database waits as a leftover until
 * the scan, or its END, names its socket again: cookie, network namespace and peer.
 */
#ifndef CONNMON_TRACK_H
#define CONNMON_TRACK_H

#include <stddef.h>

#include "decode.h"

struct track;

struct track *track_new(void); /* NULL: no memory */
void track_free(struct track *t);

/* Takes in a connection that the database holds as open (open_row set). Returns 0
 * or -ENOMEM. */
int track_leftover(struct track *t, const struct connection *c);

/* The same with one whose row is named as the programs name it that run now, for they ran
 * then: it is open, and was written. */
int track_known(struct track *t, const struct connection *c);

/* Takes in an event. Returns 1 when a connection ended, which is then complete in
 * *@ended; 0 when not; -ENOMEM. */
int track_apply(struct track *t, const struct event *e, struct connection *ended);

/* Connections whose row in open_connection is not what they are now, or that have none
 * yet and began before @before_boot_ns: up to @max pointers into @out. They stay valid
 * until the next call that changes @t. */
size_t track_unwritten(const struct track *t, int64_t before_boot_ns, struct connection **out,
		       size_t max);

/* These @n of what track_unwritten() gave are in the database now; a new one has its id
 * as the row. */
void track_written(struct track *t, struct connection *const *written, size_t n);

/* The database is another one: all is unwritten again. */
void track_forget_rows(struct track *t);

/*
 * Connections that ended unseen are handed to @each, outcome OUTCOME_LOST and
 * end_boot_ns still 0, and forgotten. When @each has no room for one it returns
 * false: that one and those after it stay, and so does the function's answer.
 */
typedef bool (*track_lost)(void *ctx, const struct connection *c);

/* All leftovers that have not been named again. */
bool track_lose_leftovers(struct track *t, track_lost each, void *ctx);

/*
 * A comparison with the kernel: begin, then apply the KIND_PROGRESS of all that it still
 * follows, then take in what it has sent meanwhile, then sweep: what was neither told nor
 * opened since the beginning is lost when the sweep before missed it too. (The kernel
 * lists a table that changes meanwhile, and may leave one out.)
 */
enum swept {
	SWEPT_CLEAN,
	SWEPT_DOUBTFUL, /* some were missed for the first time: compare again */
	SWEPT_NO_ROOM,	/* @each had no room: compare again */
};
void track_begin_sweep(struct track *t);
enum swept track_sweep(struct track *t, track_lost each, void *ctx);

/* How many connections are open. */
size_t track_count(const struct track *t);

#endif
