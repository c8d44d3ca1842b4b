#include "retain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "files.h"
#include "oldest.h"
#include "purge.h"
#include "sent.h"
#include "wal.h"

#define MIB		   (1ull << 20)
#define MIN_ROOM	   (32 * MIB) /* for the WAL and the shm, of max_bytes */
#define MAX_AUTOCHECKPOINT 1000	      /* pages: 4 MB; a commit with it takes some ms */
#define MAX_JOURNAL_LIMIT  (64 * MIB)
#define MIN_SPARE_PAGES	   1024		     /* for what is written beside connections */
#define VACUUM_PAGES	   "64"		     /* at once: some ms */
#define ROOM_NS		   (200 * NS_PER_MS) /* the longest that a flush waits for room */
#define LOOK_NS		   NS_PER_S	     /* between two looks at the file system */
#define TELL_EVERY_NS	   (30 * NS_PER_S)
#define FOLD_EVERY_NS	   (10 * NS_PER_S) /* a reader may be in the way */
/* Below this much left on the file system, the oldest rows go: 1/50 of it, for a small one is
 * made for little; 64 MiB are what the WAL may take, a batch and more. */
#define RESERVE_PART 50
#define MAX_RESERVE  (64 * MIB)

#define TOO_SMALL "--max-size is reached, and what is left cannot be deleted so fast; give it more"

struct retain {
	sqlite3 *db;	  /* borrowed */
	const char *path; /* the database's, as SQLite has it; "": in memory */
	struct retention retention;
	int64_t held_ns; /* when the file to hold for was read; 0: never */
	int64_t sent_id; /* what it said */
	bool is_unheld;	 /* it could not be read */
	struct note note;
	struct oldest *oldest;
	struct purge *purge;
	struct wal *wal;
	sqlite3_stmt *page_count, *free_count;
	int64_t page_bytes;
	int64_t max_pages; /* of the database alone; 0: no bound */
	struct aside_files aside;
	int64_t looked_ns, told_ns, folded_ns;
	bool is_low; /* the file system has less than the reserve left */
};

/* ---- what SQLite may use ---- */

static int ask(struct retain *r, sqlite3_stmt *stmt, int64_t *value, struct err *err)
{
	int rc = sqlite3_step(stmt);

	*value = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_reset(stmt);
	return rc == SQLITE_ROW ? 0
				: err_set(err, db_errno(rc), "measuring the database: %s",
					  sqlite3_errmsg(r->db));
}

static uint64_t room(const struct retention *retention)
{
	uint64_t part = retention->max_bytes / 8;

	return part > MIN_ROOM ? part : MIN_ROOM;
}

static int set_limits(struct retain *r, struct err *err)
{
	const uint64_t wal_bytes = room(&r->retention);
	uint64_t checkpoint = wal_bytes / 8 / (uint64_t)r->page_bytes, journal = wal_bytes / 4;
	char sql[160]; /* pragmas take no parameters */

	if (checkpoint > MAX_AUTOCHECKPOINT)
		checkpoint = MAX_AUTOCHECKPOINT;
	if (journal > MAX_JOURNAL_LIMIT)
		journal = MAX_JOURNAL_LIMIT;
	snprintf(sql, sizeof(sql),
		 "PRAGMA wal_autocheckpoint=%" PRIu64 "; PRAGMA journal_size_limit=%" PRIu64
		 "; PRAGMA max_page_count=%" PRId64,
		 checkpoint, journal, r->max_pages);
	return db_exec(r->db, sql, err);
}

static int prepare(struct retain *r, struct err *err)
{
	const struct db_statement all[] = {
		{&r->page_count, "PRAGMA page_count"},
		{&r->free_count, "PRAGMA freelist_count"},
	};
	AUTO_STMT *page_size = NULL;
	int ret = db_prepare_all(r->db, all, sizeof(all) / sizeof(all[0]), err);

	if (!ret)
		ret = db_prepare(r->db, "PRAGMA page_size", &page_size, err);
	if (!ret)
		ret = ask(r, page_size, &r->page_bytes, err);
	/* Debian's SQLite else writes zeros over each page that becomes free. */
	if (!ret)
		ret = db_exec(r->db, "PRAGMA secure_delete=FAST", err);
	if (ret || r->retention.max_bytes == 0)
		return ret;
	r->max_pages = (int64_t)(r->retention.max_bytes - room(&r->retention)) / r->page_bytes;
	return set_limits(r, err);
}

int retain_new(sqlite3 *db, const struct retention *retention, struct dictionary *dictionary,
	       const struct note *note, struct retain **out, struct err *err)
{
	struct retain *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return err_set(err, -ENOMEM, "no memory for the retention");
	r->db = db;
	r->path = sqlite3_db_filename(db, "main");
	r->retention = *retention;
	r->note = *note;
	ret = prepare(r, err);
	files_aside(r->path, &r->aside);
	if (!ret)
		ret = purge_new(db, dictionary, &r->purge, err);
	if (!ret)
		ret = oldest_new(db, r->purge, &r->oldest, err);
	if (!ret)
		ret = wal_new(db, retention->max_bytes ? room(retention) : 0, note, &r->wal, err);
	if (ret) {
		retain_free(r);
		return ret;
	}
	*out = r;
	return 0;
}

void retain_free(struct retain *r)
{
	if (!r)
		return;
	sqlite3_finalize(r->page_count);
	sqlite3_finalize(r->free_count);
	oldest_free(r->oldest);
	purge_free(r->purge);
	wal_free(r->wal);
	free(r);
}

/* ---- size ---- */

struct pages {
	int64_t all, free;
};

static int count_pages(struct retain *r, struct pages *out, struct err *err)
{
	int ret = ask(r, r->page_count, &out->all, err);

	return ret ? ret : ask(r, r->free_count, &out->free, err);
}

/* Pages that may yet be written without the database growing above its bound. */
static int64_t left(const struct retain *r, const struct pages *p)
{
	return r->max_pages - (p->all - p->free);
}

static int64_t spare_pages(const struct retain *r)
{
	int64_t part = r->max_pages / 64;

	return part > MIN_SPARE_PAGES ? part : MIN_SPARE_PAGES;
}

static void tell(struct retain *r, const char *what)
{
	int64_t now_ns = clock_boot_ns();

	if (r->told_ns && now_ns - r->told_ns < TELL_EVERY_NS)
		return;
	r->told_ns = now_ns;
	note(&r->note, "%s: %s", r->path, what);
}

/* Deletes some of what is oldest, whatever its age; 0: there is nothing left. */
static int delete_some(struct retain *r, struct err *err)
{
	bool untotalled = false;
	int ret = oldest_delete(r->oldest, r->max_pages * r->page_bytes, &untotalled, err);

	if (untotalled)
		tell(r, "--max-size is so small that connections are deleted before they are "
			"totalled; give it more");
	return ret;
}

/* Gives free pages back to the file system. 1: some went; 0: none did, as in a file that was
 * made without auto_vacuum: to try that again at once would be a busy loop. */
static int shrink(struct retain *r, const struct pages *before, struct err *err)
{
	int64_t all = 0;
	int ret = db_exec(r->db, "PRAGMA incremental_vacuum(" VACUUM_PAGES ")", err);

	/* The bound on pages cannot be set below what is there, so it follows. */
	if (!ret && r->max_pages)
		ret = set_limits(r, err);
	if (!ret)
		ret = ask(r, r->page_count, &all, err);
	return ret ? ret : all < before->all;
}

/* A step towards a database that has @wanted pages left below its bound, and no page above
 * it. 1: there may be more to do, 0: it is so, or no step leads there. */
static int keep_small(struct retain *r, int64_t wanted, struct err *err)
{
	struct pages pages;
	int ret;

	if (r->max_pages == 0)
		return 0;
	ret = count_pages(r, &pages, err);
	if (ret)
		return ret;
	if (left(r, &pages) < wanted) {
		ret = delete_some(r, err);
		if (ret)
			return ret;
	}
	return pages.all > r->max_pages && pages.free > 0 ? shrink(r, &pages, err) : 0;
}

/* The WAL of what was set aside costs room, and nothing when it is written back. True: it has been,
 * or part of it. */
static bool fold_aside(struct retain *r)
{
	const struct file_sizes sizes = files_measure(r->path);
	const uint64_t all = sizes.db + sizes.wal + sizes.shm + r->aside.bytes;

	r->folded_ns = clock_boot_ns();
	if (all >= r->retention.max_bytes ||
	    !wal_fold(r->aside.oldest, r->retention.max_bytes - all))
		return false;
	files_aside(r->path, &r->aside);
	return true;
}

/* What was set aside counts, too, and goes when its room is needed. */
static void drop_aside(struct retain *r, uint64_t bytes)
{
	if (r->aside.oldest[0] && clock_boot_ns() - r->folded_ns >= FOLD_EVERY_NS)
		fold_aside(r);
	while (r->aside.oldest[0]) {
		struct file_sizes sizes = files_measure(r->path);

		if (sizes.db + sizes.wal * 2 + sizes.shm + r->aside.bytes + bytes * 2 <=
		    r->retention.max_bytes)
			return;
		if (fold_aside(r))
			continue;
		if (!files_remove(r->aside.oldest))
			return;
		note(&r->note, "%s: removed with what it recorded, for --max-size needs its room",
		     r->aside.oldest);
		files_aside(r->path, &r->aside);
	}
}

bool retain_must_wait(struct retain *r)
{
	return wal_is_long(r->wal);
}

int retain_explain_full(struct retain *r, uint64_t bytes, struct err *err)
{
	struct err ignored;
	struct pages pages;

	if (r->max_pages == 0 || count_pages(r, &pages, &ignored) ||
	    left(r, &pages) > 4 * (int64_t)bytes / r->page_bytes)
		return err->code;
	return err_set(err, -EFBIG, TOO_SMALL);
}

int retain_make_room(struct retain *r, uint64_t bytes, struct err *err)
{
	int64_t deadline_ns;
	int64_t wanted = (int64_t)bytes / r->page_bytes;
	struct pages pages;
	int ret;

	if (r->max_pages == 0)
		return 0;
	drop_aside(r, bytes);
	ret = wal_make_room(r->wal, bytes, err);
	if (ret)
		return ret;
	deadline_ns = clock_boot_ns() + ROOM_NS; /* now that the WAL was written back */
	do {
		ret = keep_small(r, wanted, err);
		/* While rows come without a pause, there is no other time for it. */
		if (ret > 0 && purge_step(r->purge, clock_boot_ns() + 2 * NS_PER_MS, err) < 0)
			return err->code;
	} while (ret > 0 && clock_boot_ns() < deadline_ns);
	if (ret < 0)
		return ret;
	ret = count_pages(r, &pages, err);
	if (ret)
		return ret;
	if (left(r, &pages) < wanted)
		return err_set(err, -EFBIG, TOO_SMALL);
	return wal_make_room(r->wal, bytes, err); /* deleting writes, too */
}

/* ---- the file system ---- */

static void look_at_file_system(struct retain *r)
{
	const int64_t now_ns = clock_boot_ns();
	uint64_t free_bytes, all, reserve;

	if (r->looked_ns && now_ns - r->looked_ns < LOOK_NS)
		return;
	r->looked_ns = now_ns;
	r->is_low = false;
	if (!files_room(r->path, &free_bytes, &all))
		return;
	reserve = all / RESERVE_PART < MAX_RESERVE ? all / RESERVE_PART : MAX_RESERVE;
	r->is_low = free_bytes < reserve;
}

/* A step towards more room on the file system: the WAL first, for nothing is lost by that;
 * then free pages; then the oldest rows that are in the totals. Each step is small, so the
 * WAL needs hardly more room than it has, and is written back at once. */
static int give_back(struct retain *r, struct err *err)
{
	struct pages pages;
	int ret;

	look_at_file_system(r);
	if (!r->is_low)
		return 0;
	ret = count_pages(r, &pages, err);
	if (!ret && pages.free == 0) {
		ret = oldest_delete_rows(r->oldest, INT64_MAX, err);
		if (ret > 0)
			tell(r, "the disk is nearly full, so the oldest connections are deleted; "
				"free some space");
		if (ret <= 0)
			return ret;
	}
	if (!ret || ret == 1)
		ret = shrink(r, &pages, err);
	if (ret <= 0)
		return ret;
	wal_truncate(r->wal);
	r->looked_ns = 0;
	return 1;
}

/* ---- age ---- */

/* Connections that ended before this may go for their age. */
static int64_t too_old_us(struct retain *r, int64_t now_us)
{
	const int64_t now_ns = clock_boot_ns();
	int64_t old_us = now_us - r->retention.rows_ns / NS_PER_US;

	if (!r->retention.hold_for)
		return old_us;
	if (r->held_ns == 0 || now_ns - r->held_ns >= LOOK_NS) {
		int ret = sent_read(r->retention.hold_for, &r->sent_id);

		if (ret && !r->is_unheld)
			note(&r->note,
			     "--hold-for %s: %s; until it can be read nothing is held, and "
			     "connections are deleted for their age",
			     r->retention.hold_for, strerror(-ret));
		r->is_unheld = ret != 0;
		r->held_ns = now_ns;
	}
	return r->is_unheld || old_us <= r->sent_id ? old_us : r->sent_id + 1;
}

static int drop_old(struct retain *r, int64_t now_us, struct err *err)
{
	int64_t totals_us =
		r->retention.totals_ns ? now_us - r->retention.totals_ns / NS_PER_US : INT64_MIN;
	int ret = 0;

	if (r->retention.rows_ns)
		ret = oldest_delete_rows(r->oldest, too_old_us(r, now_us), err);
	if (ret == 0)
		ret = oldest_delete_recent(r->oldest, totals_us, err);
	if (ret == 0)
		ret = oldest_delete_totals(r->oldest, totals_us, err);
	return ret;
}

int retain_step(struct retain *r, int64_t now_us, int64_t budget_ns, struct err *err)
{
	const int64_t deadline_ns = clock_boot_ns() + budget_ns;
	int ret = 0;

	if (wal_is_long(r->wal)) /* what is deleted now would make it longer */
		return 0;
	do {
		ret = keep_small(r, spare_pages(r), err);
		if (ret == 0)
			ret = give_back(r, err);
		if (ret == 0)
			ret = drop_old(r, now_us, err);
		if (ret == 0)
			ret = purge_step(r->purge, deadline_ns, err);
	} while (ret > 0 && clock_boot_ns() < deadline_ns && !wal_is_long(r->wal));
	return ret;
}
