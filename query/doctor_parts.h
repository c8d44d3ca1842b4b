/* doctor_parts.h - what the files of doctor.h share. */
#ifndef CONNMON_DOCTOR_PARTS_H
#define CONNMON_DOCTOR_PARTS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "coverage.h"
#include "err.h"
#include "rows.h"
#include "timespec.h"

#define DAY_US (86400 * US_PER_S)

/* The remedy of a damaged database. */
#define BEGIN_ANEW "restart connmon-collect: it sets a damaged database aside and begins a new one"

enum state { OK, WARN, FAIL };

/* What is examined, and what was found. */
struct patient {
	const char *db_path;
	int64_t now_us;
	enum timespec_style style;
	sqlite3 *db;	     /* NULL: it cannot be opened, */
	struct err why;	     /* for this reason */
	pid_t collector;     /* that records to it; 0: none that can be seen */
	int64_t deadline_us; /* of the current check, as doctor.c counts time */

	const char *check; /* the current one */
	struct rows *rows;
	int n_found, n_failed; /* of this check; of all */
	struct err err;	       /* no memory for what was found */
};

/* One finding. @remedy "" when there is nothing to do. */
void doctor_found(struct patient *p, enum state state, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A moment in its style, in one of a few buffers that take turns. */
const char *doctor_moment(const struct patient *p, int64_t us);

/* The integers of the first row of @sql, whose ?1 is @arg, into @out[0..n), 0 for NULL, and cut to
 * what can be added up. False when there is no row; and when it fails, which is then a finding. */
bool doctor_ask(struct patient *p, const char *sql, int64_t arg, int64_t *out, int n);

/* Compiles @sql; NULL when that fails, which is then a finding. The caller finalizes it. */
sqlite3_stmt *doctor_prepare(struct patient *p, const char *sql);

/* What sqlite3_step() returned, if it is no row and not the end, is a finding. */
void doctor_stepped(struct patient *p, int rc);

/* ---- the checks ---- */

void doctor_database(struct patient *p);
void doctor_damage(struct patient *p);
void doctor_size(struct patient *p);
void doctor_disk(struct patient *p);
void doctor_wal(struct patient *p);

void doctor_collector(struct patient *p);
void doctor_losses(struct patient *p);
void doctor_account(struct patient *p);
void doctor_names(struct patient *p);
void doctor_history(struct patient *p);
void doctor_retention(struct patient *p);

void doctor_kernel(struct patient *p);
void doctor_permissions(struct patient *p);
void doctor_clock(struct patient *p);

#endif
