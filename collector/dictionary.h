/*
 * dictionary.h - the rows that connections refer to: process, program, container,
 * local_address. A row is looked up or made once, then remembered in the caches of process.h and
 * container.h, and in its own; a rolled-back transaction takes what it made with it, so its caller
 * must call dictionary_forget().
 */
#ifndef CONNMON_DICTIONARY_H
#define CONNMON_DICTIONARY_H

#include <sqlite3.h>

#include "container.h"
#include "err.h"
#include "marks.h"
#include "process.h"

struct dictionary;

/* @db, @processes and @containers are borrowed. @boot is the row in run of the first
 * run of this boot; @boot_offset_ns the wall clock minus the time since boot as that
 * run found it, so that a process always gets the same start. */
int dictionary_new(sqlite3 *db, struct processes *processes, struct containers *containers,
		   int64_t boot, int64_t boot_offset_ns, struct dictionary **out, struct err *err);
void dictionary_free(struct dictionary *d); /* NULL is allowed */

/* A transaction begins; @offset_ns is the wall clock minus the time since boot. It is
 * followed by either of the last two functions here. */
void dictionary_begin(struct dictionary *d, int64_t offset_ns);

/* The row of @owner in process into *@row; 0 when the owner is unknown. Its
 * parents get rows with it, as far as they are known, at most MAX_ANCESTORS of them. */
int dictionary_process(struct dictionary *d, const struct owner *owner, int64_t *row,
		       struct err *err);

/* The row of the cgroup in container into *@row; 0 for the root cgroup. */
int dictionary_container(struct dictionary *d, uint64_t cgroup_id, int64_t *row, struct err *err);

/* The row of where on this node @c ends into *@row. */
int dictionary_local_address(struct dictionary *d, const struct connection *c, int64_t *row,
			     struct err *err);

/* The ends of processes that have rows and ended since the last commit. */
int dictionary_exits(struct dictionary *d, struct err *err);

void dictionary_committed(struct dictionary *d);

/* Also when rows were deleted: what is remembered may be one of them. */
void dictionary_forget(struct dictionary *d);

/* From now on the rows that are given out are marked in @marks (borrowed); NULL: no more. */
void dictionary_mark_in(struct dictionary *d, struct marks *marks);

#endif
