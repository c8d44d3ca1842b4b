/*
 * tail.h - what is new in a history since it was last looked at: each connection that ended,
 * once, in the order of the ends, whatever becomes of the file meanwhile.
 *
 * The id of a row is the moment of its end and grows strictly in the order of the commits, also
 * from one collector to the next. So "after the last that was seen" is all that has to be
 * remembered. No read transaction is held between two looks, and SQLite tells without one
 * whether anybody has written.
 */
#ifndef CONNMON_TAIL_H
#define CONNMON_TAIL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "err.h"
#include "request.h"
#include "rows.h"
#include "seen.h"

struct tail {
	const struct request *q;
	bool opened; /* connections that open are wanted, too */
	/* Takes what is to be said about the history; set by the caller. */
	void (*say)(const char *text);
	FILE *notes; /* while it looks: texts that each end with a NUL */

	sqlite3 *db;	/* NULL while there is none */
	dev_t device;	/* of the file that is open, */
	ino_t inode;	/* which its name may not mean any more; 0: none was yet */
	bool is_missed; /* that it is not there is said already */
	bool is_asked;	/* the name in the question was known; it may be gone now */
	bool is_silent; /* that no collector runs, likewise */
	struct report_args args;
	int64_t written; /* SQLite's number of who has written; changes with each commit */
	bool is_behind;	 /* there is more than the last look took */
	int64_t last_id, last_gap;
	struct seen seen; /* what is open and was shown */
};

/* All that is not set is zero. */
void tail_begin(struct tail *t, const struct request *q, bool opened,
		void (*say)(const char *text));

/*
 * Looks once. Up to two tables of rows, which the caller frees with rows_free(), or NULL for
 * nothing: *@opened are the connections that opened, *@ended those that ended, @most of them at
 * most. Then tail_is_behind() tells whether to look again at once. A history that is not
 * there, is being set aside or cannot be read just now is said and waited for. Fails with what
 * no waiting mends: -EACCES, -EINVAL (it is something else), -EPROTO, -ETIMEDOUT, REPORT_USAGE;
 * and with -EINTR after Ctrl-C.
 */
int tail_look(struct tail *t, int64_t most, struct rows **opened, struct rows **ended,
	      struct err *err);

bool tail_is_behind(const struct tail *t);

void tail_end(struct tail *t);

#endif
