#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "db.h"

#define MAX_US	     253402300800000000 /* the year 10000: later times are no times */
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LEN  36

const char *const run_gap_names[GAP_REASONS] = {
	[GAP_RING_FULL] = "ring_full", [GAP_TABLE_FULL] = "table_full",
	[GAP_RECURSION] = "recursion", [GAP_DISK_FULL] = "disk_full",
	[GAP_CORRUPT] = "corrupt",
};

const char *const run_record_names[PROBE_RECORDS] = {"attempt", "open", "end",	"owner",
						     "listen",	"exec", "exit", "cgroup"};

struct run {
	sqlite3 *db; /* borrowed */
	sqlite3_stmt *put_gap, *put_clock, *shift_open, *shift_listeners, *put_account, *update,
		*put_capture;
	char boot_id[BOOT_ID_LEN + 1];
	int64_t id;
	int64_t last_connection;
	int64_t previous_end_boot_ns;
	struct capture capture; /* where this run begins */
	bool resumed;
};

static int read_boot_id(char *id, struct err *err)
{
	int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, BOOT_ID_LEN);
	const int why = n < 0 ? errno : EIO;

	if (fd >= 0)
		close(fd);
	if (n != BOOT_ID_LEN)
		return err_set(err, -EIO, "%s: %s; is /proc mounted?", BOOT_ID_PATH, strerror(why));
	id[BOOT_ID_LEN] = '\0';
	return 0;
}

/* Runs a SELECT of at most one row of integers into @values; they keep what they
 * hold when there is no row, and where the row says NULL. ?1 is the boot id. */
static int select_ints(struct run *r, const char *sql, int64_t *values, int n, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc, ret = db_prepare(r->db, sql, &stmt, err);

	if (ret)
		return ret;
	sqlite3_bind_text(stmt, 1, r->boot_id, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(r->db));
	for (int i = 0; rc == SQLITE_ROW && i < n; i++)
		if (sqlite3_column_type(stmt, i) != SQLITE_NULL)
			values[i] = sqlite3_column_int64(stmt, i);
	return 0;
}

static int put_gap(struct run *r, int64_t from_us, int64_t to_us, const char *reason,
		   uint64_t count, const struct loser *loser, struct err *err)
{
	sqlite3_bind_int64(r->put_gap, 1, from_us < to_us ? from_us : to_us);
	sqlite3_bind_int64(r->put_gap, 2, to_us);
	sqlite3_bind_text(r->put_gap, 3, reason, -1, SQLITE_STATIC);
	sqlite3_bind_int64(r->put_gap, 4, (int64_t)count);
	if (count == 0)
		sqlite3_bind_null(r->put_gap, 4); /* nobody can know */
	sqlite3_bind_null(r->put_gap, 5);
	sqlite3_bind_null(r->put_gap, 6);
	if (loser && loser->count) {
		sqlite3_bind_int64(r->put_gap, 5, loser->uid);
		sqlite3_bind_int64(r->put_gap, 6, (int64_t)loser->count);
	}
	return db_step(r->db, r->put_gap, "a gap", err);
}

static int shift(struct run *r, sqlite3_stmt *stmt, int64_t step_ns, struct err *err)
{
	sqlite3_bind_int64(stmt, 1, step_ns / NS_PER_US);
	sqlite3_bind_int64(stmt, 2, MAX_US);
	return db_step(r->db, stmt, "the clock", err);
}

/* From now on the clocks are @offset apart, after a step of @step. What is open keeps
 * its begin in the new time, in which it will end. */
static int set_clock(struct run *r, int64_t now_boot_ns, int64_t offset_ns, int64_t step_ns,
		     struct err *err)
{
	if (llabs(step_ns) > CLOCK_OFFSET_NOISE_NS) {
		int ret = shift(r, r->shift_open, step_ns, err);

		if (!ret)
			ret = shift(r, r->shift_listeners, step_ns, err);
		if (ret)
			return ret;
	}
	sqlite3_bind_int64(r->put_clock, 1, clock_wall_us(now_boot_ns, offset_ns));
	sqlite3_bind_int64(r->put_clock, 2, r->id);
	sqlite3_bind_int64(r->put_clock, 3, offset_ns / NS_PER_US);
	return db_step(r->db, r->put_clock, "the clock", err);
}

static int prepare(struct run *r, struct err *err)
{
	const struct db_statement all[] = {
		{&r->put_gap, "INSERT INTO gap(from_us, to_us, reason, count, uid, uid_count)"
			      " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
		/* Two steps within one microsecond: the later is the one that holds. */
		{&r->put_clock, "INSERT OR REPLACE INTO clock(at_us, run_id, offset_us)"
				" VALUES(?1, ?2, ?3)"},
		{&r->shift_open,
		 "UPDATE open_row SET start_us = start_us + ?1, seen_us = seen_us + ?1"
		 " WHERE start_us BETWEEN 0 AND ?2 AND seen_us BETWEEN 0 AND ?2"},
		{&r->shift_listeners, "UPDATE listener SET from_us = from_us + ?1"
				      " WHERE to_us IS NULL AND from_us BETWEEN 0 AND ?2"},
		{&r->put_account,
		 "INSERT OR REPLACE INTO account(run_id, record, seen, recorded, lost, filtered)"
		 " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
		{&r->update, "UPDATE run SET last_commit_us = ?2, seen = ?3, recorded = ?4,"
			     " lost = ?5, recursion_misses = ?6, rescued = ?7 WHERE id = ?1"},
		{&r->put_capture, "INSERT OR REPLACE INTO capture(id, boot_id, instance,"
				  " ring_position, counters) VALUES(1, ?1, ?2, ?3, ?4)"},
	};

	return db_prepare_all(r->db, all, sizeof(all) / sizeof(all[0]), err);
}

/* What was left open stands without a socket since the boot, also for a run after this one:
 * another socket may get the same cookie. */
static int forget_cookies(struct run *r, struct err *err)
{
	return db_exec(r->db,
		       "UPDATE open_row SET cookie = NULL;"
		       "UPDATE listener SET cookie = NULL WHERE to_us IS NULL",
		       err);
}

/* ---- programs that outlive a run ---- */

/* What the file says is checked: it may be another's, or damaged. */
static int read_capture(struct run *r, const struct store_config *c, struct err *err)
{
	uint64_t position;
	AUTO_STMT *stmt = NULL;
	int rc, ret = db_prepare(r->db,
				 "SELECT ring_position, counters FROM capture"
				 " WHERE boot_id = ?1 AND instance = ?2",
				 &stmt, err);

	if (ret)
		return ret;
	sqlite3_bind_text(stmt, 1, r->boot_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, c->instance_ns);
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(r->db));
	if (rc == SQLITE_DONE || sqlite3_column_bytes(stmt, 1) != sizeof(r->capture.counters))
		return 0;
	position = (uint64_t)sqlite3_column_int64(stmt, 0);
	if (position < c->ring_from || position > c->ring_to)
		return 0; /* another collector has read on, into another database */
	r->resumed = true;
	r->capture.instance_ns = c->instance_ns;
	r->capture.ring_position = position;
	memcpy(&r->capture.counters, sqlite3_column_blob(stmt, 1), sizeof(r->capture.counters));
	return 0;
}

/* What the programs of the last run had still to tell stands in another account. */
static int close_account(sqlite3 *db, struct err *err)
{
	return db_exec(db,
		       "UPDATE run SET seen = recorded + lost"
		       " WHERE id = (SELECT max(id) FROM run);"
		       "UPDATE account SET seen = recorded + lost + filtered"
		       " WHERE run_id = (SELECT max(id) FROM run)",
		       err);
}

/* Before the new run is there. The last one may have been killed: what its programs had
 * still to tell is this one's. */
static int take_over_account(struct run *r, struct err *err)
{
	if (r->resumed)
		return close_account(r->db, err);
	/* From here on other programs fill the tables: that position says nothing more. */
	return db_exec(r->db, "DELETE FROM capture", err);
}

static int write_capture(struct run *r, const struct capture *c, struct err *err)
{
	sqlite3_bind_text(r->put_capture, 1, r->boot_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(r->put_capture, 2, c->instance_ns);
	sqlite3_bind_int64(r->put_capture, 3, (int64_t)c->ring_position);
	sqlite3_bind_blob(r->put_capture, 4, &c->counters, sizeof(c->counters), SQLITE_STATIC);
	return db_step(r->db, r->put_capture, "the position in the ring", err);
}

static int begin(struct run *r, const struct store_config *c, struct err *err)
{
	int64_t now_us = clock_wall_us(c->now_boot_ns, c->offset_ns), before_ns;
	struct {
		int64_t end_us, offset_us, same_boot;
	} last = {0, c->offset_ns / NS_PER_US, true};
	AUTO_STMT *stmt = NULL;
	int ret;

	ret = select_ints(r, "SELECT max(id) FROM connection", &r->last_connection, 1, err);
	if (!ret)
		/* Not the greatest of all ends, nor of all clock rows: the wall clock may
		 * have been set back. Across a boot the wall clock is all we have. */
		ret = select_ints(
			r,
			"SELECT ifnull(stop_us, last_commit_us), CASE boot_id WHEN ?1 THEN"
			" (SELECT offset_us FROM clock WHERE run_id = run.id"
			"  ORDER BY at_us - offset_us DESC LIMIT 1) END, boot_id = ?1"
			" FROM run ORDER BY id DESC LIMIT 1",
			&last.end_us, 3, err);
	if (!ret && c->instance_ns)
		ret = read_capture(r, c, err);
	if (!ret)
		ret = take_over_account(r, err);
	if (!ret)
		ret = db_prepare(r->db,
				 "INSERT INTO run(boot_id, version, pid, start_us, last_commit_us,"
				 " seen, recorded, lost, recursion_misses, rescued)"
				 " VALUES(?1, ?2, ?3, ?4, ?4, 0, 0, 0, 0, 0)",
				 &stmt, err);
	if (ret)
		return ret;
	if (r->last_connection > MAX_US || last.end_us > MAX_US || last.offset_us < -MAX_US ||
	    last.offset_us > MAX_US)
		return err_set(err, -EUCLEAN, "holds rows from the far future");
	sqlite3_bind_text(stmt, 1, r->boot_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, CONNMON_VERSION, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, getpid());
	sqlite3_bind_int64(stmt, 4, now_us);
	ret = db_step(r->db, stmt, "the run", err);
	if (ret)
		return ret;
	r->id = sqlite3_last_insert_rowid(r->db);
	if (!last.same_boot)
		ret = forget_cookies(r, err);
	if (ret)
		return ret;
	before_ns = last.offset_us * NS_PER_US;
	if (last.end_us > 0) {
		r->previous_end_boot_ns = last.end_us * NS_PER_US - before_ns;
		if (!r->resumed)
			ret = put_gap(r, clock_wall_us(r->previous_end_boot_ns, c->offset_ns),
				      now_us, "stopped", 0, NULL, err);
		if (ret)
			return ret;
	}
	if (c->instance_ns && !r->resumed) {
		ret = c->begin(c->ctx, r->previous_end_boot_ns, &r->capture, err);
		if (!ret)
			ret = write_capture(r, &r->capture, err);
		if (ret)
			return ret;
	}
	if (c->aside_reason && last.end_us == 0) { /* else it has been said */
		ret = put_gap(r, c->aside_from_us, now_us, c->aside_reason, 0, NULL, err);
		if (ret)
			return ret;
	}
	return set_clock(r, c->now_boot_ns, c->offset_ns, c->offset_ns - before_ns, err);
}

int run_begin(sqlite3 *db, const struct store_config *config, struct run **out, struct err *err)
{
	struct run *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return err_set(err, -ENOMEM, "no memory for the run");
	r->db = db;
	ret = read_boot_id(r->boot_id, err);
	if (!ret)
		ret = prepare(r, err);
	if (!ret)
		ret = begin(r, config, err);
	if (ret) {
		run_free(r);
		return ret;
	}
	*out = r;
	return 0;
}

void run_free(struct run *r)
{
	if (!r)
		return;
	sqlite3_finalize(r->put_gap);
	sqlite3_finalize(r->put_clock);
	sqlite3_finalize(r->shift_open);
	sqlite3_finalize(r->shift_listeners);
	sqlite3_finalize(r->put_account);
	sqlite3_finalize(r->update);
	sqlite3_finalize(r->put_capture);
	free(r);
}

int64_t run_id(const struct run *r)
{
	return r->id;
}

int64_t run_last_connection(const struct run *r)
{
	return r->last_connection;
}

int64_t run_previous_end_boot_ns(const struct run *r)
{
	return r->previous_end_boot_ns;
}

bool run_resumes(const struct run *r, struct capture *out)
{
	*out = r->capture;
	return r->resumed;
}

int run_boot(struct run *r, int64_t *id, int64_t *offset_ns, struct err *err)
{
	int64_t values[2] = {0, 0};
	int ret = select_ints(r,
			      "SELECT run.id, offset_us FROM run JOIN clock ON run_id = run.id"
			      " WHERE boot_id = ?1 ORDER BY run.id, at_us - offset_us LIMIT 1",
			      values, 2, err);

	*id = values[0];
	*offset_ns = values[1] * NS_PER_US;
	return ret;
}

int run_set_clock(struct run *r, const struct flush *f, struct err *err)
{
	return set_clock(r, f->now_boot_ns, f->offset_ns, f->clock_step_ns, err);
}

static int write_account(struct run *r, const struct flush *f, struct err *err)
{
	int ret = 0;

	for (int i = 0; i < PROBE_RECORDS && !ret; i++) {
		const struct record_account *a = &f->account[i];

		sqlite3_bind_int64(r->put_account, 1, r->id);
		sqlite3_bind_text(r->put_account, 2, run_record_names[i], -1, SQLITE_STATIC);
		sqlite3_bind_int64(r->put_account, 3, (int64_t)a->seen);
		sqlite3_bind_int64(r->put_account, 4, (int64_t)a->recorded);
		sqlite3_bind_int64(r->put_account, 5, (int64_t)a->lost);
		sqlite3_bind_int64(r->put_account, 6, (int64_t)a->filtered);
		ret = db_step(r->db, r->put_account, "the account", err);
	}
	return ret;
}

int run_write(struct run *r, const struct flush *f, uint64_t recorded, struct err *err)
{
	int64_t now_us = clock_wall_us(f->now_boot_ns, f->offset_ns);
	int64_t since_us = clock_wall_us(f->lost_since_boot_ns, f->offset_ns);
	int ret = 0;

	for (int i = 0; i < GAP_REASONS && !ret; i++)
		if (f->lost[i])
			ret = put_gap(r, since_us, now_us, run_gap_names[i], f->lost[i],
				      &f->loser[i], err);
	if (!ret)
		ret = write_account(r, f, err);
	if (!ret && f->capture.instance_ns)
		ret = write_capture(r, &f->capture, err);
	if (ret)
		return ret;
	sqlite3_bind_int64(r->update, 1, r->id);
	sqlite3_bind_int64(r->update, 2, now_us);
	sqlite3_bind_int64(r->update, 3, (int64_t)f->seen);
	sqlite3_bind_int64(r->update, 4, (int64_t)recorded);
	sqlite3_bind_int64(r->update, 5, (int64_t)f->seen_lost);
	sqlite3_bind_int64(r->update, 6, (int64_t)f->recursion_misses);
	sqlite3_bind_int64(r->update, 7, (int64_t)f->rescued);
	return db_step(r->db, r->update, "the run", err);
}

int run_end(struct run *r, int64_t now_boot_ns, int64_t offset_ns, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int ret =
		db_prepare(r->db, "UPDATE run SET stop_us = ?2, last_commit_us = ?2 WHERE id = ?1",
			   &stmt, err);

	if (ret)
		return ret;
	sqlite3_bind_int64(stmt, 1, r->id);
	sqlite3_bind_int64(stmt, 2, clock_wall_us(now_boot_ns, offset_ns));
	return db_step(r->db, stmt, "the end of the run", err);
}

int run_set_aside(struct run *r, struct err *err)
{
	return close_account(r->db, err);
}
