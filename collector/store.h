/*
 * store.h - the database as the collector writes it: one transaction for each
 * flush, there whole or not at all: store.c, rows.c, open_rows.c, run.c and dictionary.c. Between
 * two flushes hourly.c makes totals, and retain.c deletes.
 */
#ifndef CONNMON_STORE_H
#define CONNMON_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "connection.h"
#include "container.h"
#include "dns_name.h"
#include "err.h"
#include "listener.h"
#include "probe.h"
#include "process.h"
#include "retain.h"

struct store;

/* How far what programs tell that outlive us is in the database. */
struct capture {
	int64_t instance_ns; /* names these programs; 0: there are none */
	uint64_t ring_position;
	struct probe_counters counters; /* accounted for, since they were loaded */
};

struct store_config {
	const char *path;
	bool durable; /* each commit survives a power cut; else it does so some seconds later */
	/* The time: since boot, and the wall clock minus that. */
	int64_t now_boot_ns;
	int64_t offset_ns;
	struct retention retention;
	struct note note; /* is told of what is deleted, and who keeps it from being */
	/* Written down in a new file: why an earlier one was set aside, which holds what came
	 * before, a reason of table gap (NULL: none was), and when that began, microseconds since
	 * the epoch. */
	const char *aside_reason;
	int64_t aside_from_us;
	/* Of programs that outlive us. */
	int64_t instance_ns; /* 0: there are none */
	uint64_t ring_from;  /* what their ring holds: positions */
	uint64_t ring_to;
	/* Asked where to begin when there is nothing to go on with: fills in all of @out, where
	 * what happened before @known_boot_ns is in the database. */
	int (*begin)(void *ctx, int64_t known_boot_ns, struct capture *out, struct err *err);
	void *ctx;
};

/*
 * Opens the database, making it if needed, and writes down that a run begins: its
 * row, the clock's, and the gap since the last run stopped. @processes and
 * @containers are borrowed. The caller ends the run with store_close(). Errors as
 * of db_open_writer(); -EUCLEAN also when what it holds cannot be.
 */
int store_open(const struct store_config *config, struct processes *processes,
	       struct containers *containers, struct store **out, struct err *err);

/* Who keeps the database @path, which nobody here has open, from being opened by a lock that he
 * needs for nothing; *@pid 0: somebody who cannot be seen from here. */
bool store_intruder(const char *path, pid_t *pid);

/* Whether the database @reader is whole, as far as can be told in some seconds. -EUCLEAN. */
int store_check(sqlite3 *reader, struct err *err);

/* Closes without a word in the database, as if killed. NULL is allowed. */
void store_free(struct store *s);

/* The same of a database that is to be set aside: if that can still be written, its account ends
 * with what the last flush said. Its WAL is left as it is, but survives a power cut from now on.
 * -EIO: it may not. Frees @s even then. */
int store_set_aside(struct store *s, struct err *err);

/* Calls @each with every connection that an earlier run left open: open_row,
 * process_row and what else is known; cookie 0: of an earlier boot. */
int store_each_open(struct store *s, int (*each)(void *ctx, const struct connection *c), void *ctx,
		    struct err *err);

/* The same with every listener that an earlier run saw listening last: row, and cookie (0:
 * of an earlier boot), netns, port. */
int store_each_listener(struct store *s, int (*each)(void *ctx, const struct listener *l),
			void *ctx, struct err *err);

/* When the run before this one last wrote, on this boot's clock (negative: before
 * this boot). 0: there was none. */
int64_t store_previous_end_boot_ns(const struct store *s);

/* Where this run begins to read. True: it goes on where the one before it stood, which read
 * the same programs in the same boot, and whose ring still holds what follows. */
bool store_resumes(const struct store *s, struct capture *out);

enum gap_reason {
	GAP_RING_FULL,
	GAP_TABLE_FULL,
	GAP_RECURSION,
	GAP_DISK_FULL,
	GAP_CORRUPT,
	GAP_REASONS,
};

/* What the kernel side met of one kind of record, since the run began. */
struct record_account {
	uint64_t seen;
	uint64_t recorded;
	uint64_t lost;
	uint64_t filtered;
};

/* The user who lost most of what a gap counts. */
struct loser {
	uint32_t uid;
	uint64_t count; /* 0: nobody knows who lost any */
};

/* What one transaction writes. */
struct flush {
	const struct connection *ended; /* in the order of their end; end_boot_ns set */
	size_t n_ended;
	struct connection *const *open; /* for open_connection: new, or changed (open_row set) */
	size_t n_open;
	struct listener *const *listeners; /* new (row 0, which is set), or ended */
	size_t n_listeners;
	uint64_t lost[GAP_REASONS]; /* events lost since the last successful flush */
	struct loser loser[GAP_REASONS];
	int64_t lost_since_boot_ns; /* when that was */
	uint64_t seen;		    /* the run's totals so far */
	uint64_t seen_lost;
	struct record_account account[PROBE_RECORDS];
	uint64_t recursion_misses;
	uint64_t rescued;
	int64_t now_boot_ns;
	int64_t offset_ns;
	int64_t clock_step_ns; /* how far the wall clock was set since the last flush */
	struct capture capture;
	const struct dns_name *const *names; /* new, or answered again */
	size_t n_names;
	bool has_dns; /* names are recorded in this run */
	struct dns_counters dns;
};

/* Writes it all, or nothing: -ENOSPC, -EBUSY, -EIO, -ENOMEM. May be tried again. Not so
 * -EUCLEAN: the database is damaged; -EMLINK: a reader keeps its WAL from being used again, and
 * the bound on size leaves no room for more. */
int store_write(struct store *s, const struct flush *f, struct err *err);

/* Sees to it that what was written some seconds ago survives a power cut: to be called often,
 * whatever else fails. -EIO: the disk would not say so; it is tried again as much later. */
int store_sync(struct store *s, struct err *err);

/* Sees to totals of what is over, deleting what is too old: a step of some milliseconds, to be
 * taken between two looks at the ring. What ended before @now_boot_ns has been written. A lock that
 * somebody else holds is not waited for. Returns 1 when there is more to do, 0 when not; negative
 * as store_write(). */
int store_upkeep(struct store *s, int64_t now_boot_ns, int64_t offset_ns, struct err *err);

/* Whether a lock that somebody else holds is waited for: some seconds (as after
 * store_open()), or a moment, for the ring must be read. */
void store_set_patience(struct store *s, bool patient);

/* Rows written to connection in this run. */
uint64_t store_recorded(const struct store *s);

/* Writes down that the run ended in good order, so that it survives a power cut, and closes. Frees
 * @s even when it fails. */
int store_close(struct store *s, int64_t now_boot_ns, int64_t offset_ns, struct err *err);

#endif
