/*
 * cursor.h - how far a report was read that is asked for again and again, from cron say:
 * --cursor-file FILE shows what ended since the last run.
 *
 * Rows are counted by their id, the moment of the end, which grows strictly in the order of
 * the commits: what is committed later has a greater one, so all between the last run's
 * newest and this one's are shown, each once. The file is written when the output was taken,
 * in one step: who is killed before shows the same again, and nothing is ever left out.
 *
 * A file belongs to a report and a database, which it knows by the newest run of a collector.
 * It is one line, "connmon-query cursor 1: list up to 1769860800000000 of run 7 1769600000000000".
 */
#ifndef CONNMON_CURSOR_H
#define CONNMON_CURSOR_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "report.h"

struct cursor {
	const char *path;   /* borrowed; NULL: there is no cursor */
	const char *report; /* its name, borrowed */
	bool is_new;	    /* there is no file yet */
	int64_t id;	    /* ends up to this one were shown */
	int64_t run_id, run_start_us;
};

/*
 * Reads the cursor of @report from @path, if there is one.
 *   -EBADMSG  what the file holds is no cursor
 *   -EINVAL   it is that of another report
 *   -EISDIR, -EACCES and the like: it cannot be read, or not be written later
 */
int cursor_load(const char *path, const char *report, struct cursor *out, struct err *err);

/*
 * Narrows @args, the window of @report, to what came after the cursor, and moves that to the
 * end of it. Within the transaction that reads the rows. -ESTALE when the cursor is one of
 * another database, or of a later state of this one.
 */
int cursor_apply(struct cursor *c, const struct report *report, struct report_args *args,
		 sqlite3 *db, struct err *err);

/* Writes it, for the output was delivered. -ENOSPC and the like. */
int cursor_save(const struct cursor *c, struct err *err);

#endif
