/*
 * run.h - what the database keeps of a run of the collector itself: its row, its
 * clock, its account and the gaps. Part of the store, which commits.
 */
#ifndef CONNMON_RUN_H
#define CONNMON_RUN_H

#include <sqlite3.h>
#include <stdint.h>

#include "store.h"

/* As tables account and gap name them: by enum event_kind, by enum gap_reason. */
extern const char *const run_record_names[PROBE_RECORDS];
extern const char *const run_gap_names[GAP_REASONS];

struct run;

/* Within a transaction: the run begins. @db is borrowed. */
int run_begin(sqlite3 *db, const struct store_config *config, struct run **out, struct err *err);
void run_free(struct run *r); /* NULL is allowed */

int64_t run_id(const struct run *r);

/* The key of the newest row that earlier runs wrote to connection. */
int64_t run_last_connection(const struct run *r);

/* When the run before this one last wrote, on this boot's clock; 0: there was none. */
int64_t run_previous_end_boot_ns(const struct run *r);

/* As store_resumes(). */
bool run_resumes(const struct run *r, struct capture *out);

/* The first run of this boot, and how the clocks stood then: by it processes are named. */
int run_boot(struct run *r, int64_t *id, int64_t *offset_ns, struct err *err);

/* Within a transaction, before anything is written in the new time: the wall clock was
 * set. What is open moves with it. */
int run_set_clock(struct run *r, const struct flush *f, struct err *err);

/* Within a transaction: gaps and account of @f; @recorded rows were written. */
int run_write(struct run *r, const struct flush *f, uint64_t recorded, struct err *err);

/* Within a transaction: the run goes on in another database, whose account begins with what is on
 * its way. */
int run_set_aside(struct run *r, struct err *err);

/* The run ends in good order. */
int run_end(struct run *r, int64_t now_boot_ns, int64_t offset_ns, struct err *err);

#endif
