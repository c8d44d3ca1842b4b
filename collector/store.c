#include "store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "db.h"
#include "dictionary.h"
#include "leftover.h"

#define PATIENT_MS   5000
#define IMPATIENT_MS 100		/* the flush is tried again soon */
#define MAX_US	     253402300800000000 /* the year 10000: later times are no times */
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LEN  36

/* What connection and open_connection have in common, after their times. */
#define FACTS                                                                                      \
	"direction, outcome, error, local_addr, local_port, peer_addr, peer_port, process_id,"     \
	" closer_id, container_id, netns, connect_us, tx_bytes, rx_bytes, retransmits, srtt_us,"   \
	" min_rtt_us, cookie, owner_source, flags"
#define FACT_VALUES                                                                                \
	"?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22," \
	" ?23"

static const char *const gap_names[GAP_REASONS] = {
	[GAP_RING_FULL] = "ring_full", [GAP_TABLE_FULL] = "table_full",
	[GAP_RECURSION] = "recursion", [GAP_DISK_FULL] = "disk_full",
	[GAP_CORRUPT] = "corrupt",
};

struct store {
	sqlite3 *db;
	struct dictionary *dictionary;
	sqlite3_stmt *put_ended, *put_open, *drop_open, *put_gap, *put_clock, *update_run;
	char boot_id[BOOT_ID_LEN + 1];
	int64_t run;
	int64_t last_id; /* the key of the newest row in connection */
	int64_t previous_end_boot_ns;
	uint64_t recorded;
};

static int step(struct store *s, sqlite3_stmt *stmt, const char *what, struct err *err)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "writing %s: %s", what, sqlite3_errmsg(s->db));
	return 0;
}

static int64_t wall_us(int64_t boot_ns, int64_t offset_ns)
{
	return (boot_ns + offset_ns) / NS_PER_US;
}

/* ---- a run ---- */

static int read_boot_id(char *id, struct err *err)
{
	int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, BOOT_ID_LEN);

	if (fd >= 0)
		close(fd);
	if (n != BOOT_ID_LEN)
		return err_set(err, -EIO, "%s: cannot be read; is /proc mounted?", BOOT_ID_PATH);
	id[BOOT_ID_LEN] = '\0';
	return 0;
}

/* Runs a SELECT of at most one row of integers into @values; they keep what they
 * hold when there is no row, and where the row says NULL. ?1 is the boot id. */
static int select_ints(struct store *s, const char *sql, int64_t *values, int n, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc, ret = db_prepare(s->db, sql, &stmt, err);

	if (ret)
		return ret;
	sqlite3_bind_text(stmt, 1, s->boot_id, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(s->db));
	for (int i = 0; rc == SQLITE_ROW && i < n; i++)
		if (sqlite3_column_type(stmt, i) != SQLITE_NULL)
			values[i] = sqlite3_column_int64(stmt, i);
	return 0;
}

static int put_gap(struct store *s, int64_t from_us, int64_t to_us, const char *reason,
		   uint64_t count, struct err *err)
{
	sqlite3_bind_int64(s->put_gap, 1, from_us < to_us ? from_us : to_us);
	sqlite3_bind_int64(s->put_gap, 2, to_us);
	sqlite3_bind_text(s->put_gap, 3, reason, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s->put_gap, 4, (int64_t)count);
	if (count == 0)
		sqlite3_bind_null(s->put_gap, 4); /* nobody can know */
	return step(s, s->put_gap, "a gap", err);
}

static int put_clock(struct store *s, int64_t now_boot_ns, int64_t offset_ns, struct err *err)
{
	sqlite3_bind_int64(s->put_clock, 1, wall_us(now_boot_ns, offset_ns));
	sqlite3_bind_int64(s->put_clock, 2, s->run);
	sqlite3_bind_int64(s->put_clock, 3, offset_ns / NS_PER_US);
	return step(s, s->put_clock, "the clock", err);
}

static int begin_run(struct store *s, const struct store_config *c, struct err *err)
{
	int64_t now_us = wall_us(c->now_boot_ns, c->offset_ns), last_us = 0;
	AUTO_STMT *stmt = NULL;
	int ret;

	ret = select_ints(s, "SELECT max(id) FROM connection", &s->last_id, 1, err);
	if (!ret)
		ret = select_ints(s, "SELECT max(ifnull(stop_us, last_commit_us)) FROM run",
				  &last_us, 1, err);
	if (!ret)
		ret = db_prepare(s->db,
				 "INSERT INTO run(boot_id, version, pid, start_us, last_commit_us,"
				 " seen, recorded, lost, recursion_misses, rescued)"
				 " VALUES(?1, ?2, ?3, ?4, ?4, 0, 0, 0, 0, 0)",
				 &stmt, err);
	if (ret)
		return ret;
	if (s->last_id > MAX_US || last_us > MAX_US)
		return err_set(err, -EINVAL,
			       "holds rows from the far future; is it damaged? "
			       "Name another file with --db");
	sqlite3_bind_text(stmt, 1, s->boot_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, CONNMON_VERSION, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, getpid());
	sqlite3_bind_int64(stmt, 4, now_us);
	ret = step(s, stmt, "the run", err);
	if (ret)
		return ret;
	s->run = sqlite3_last_insert_rowid(s->db);
	if (last_us > 0) {
		s->previous_end_boot_ns = last_us * NS_PER_US - c->offset_ns;
		ret = put_gap(s, last_us, now_us, "stopped", 0, err);
		if (ret)
			return ret;
	}
	return put_clock(s, c->now_boot_ns, c->offset_ns, err);
}

static int prepare(struct store *s, struct err *err)
{
	const struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} all[] = {
		{&s->put_ended, "INSERT INTO connection(id, duration_us, " FACTS ")"
				" VALUES(?1, ?2, " FACT_VALUES ")"},
		{&s->put_open, "INSERT INTO open_connection(id, start_us, seen_us, " FACTS ")"
			       " VALUES(?1, ?2, ?3, " FACT_VALUES ")"},
		{&s->drop_open, "DELETE FROM open_connection WHERE id = ?1"},
		{&s->put_gap, "INSERT INTO gap(from_us, to_us, reason, count)"
			      " VALUES(?1, ?2, ?3, ?4)"},
		/* Two steps within one microsecond: the later is the one that holds. */
		{&s->put_clock, "INSERT OR REPLACE INTO clock(at_us, run_id, offset_us)"
				" VALUES(?1, ?2, ?3)"},
		{&s->update_run, "UPDATE run SET last_commit_us = ?2, seen = ?3, recorded = ?4,"
				 " lost = ?5, recursion_misses = ?6, rescued = ?7 WHERE id = ?1"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int ret = db_prepare(s->db, all[i].sql, all[i].stmt, err);

		if (ret)
			return ret;
	}
	return 0;
}

int store_open(const struct store_config *config, struct processes *processes,
	       struct containers *containers, struct store **out, struct err *err)
{
	int64_t boot[2] = {0, 0}; /* first run, its offset */
	struct store *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return err_set(err, -ENOMEM, "no memory for the store");
	ret = read_boot_id(s->boot_id, err);
	if (!ret)
		ret = db_open_writer(config->path, config->durable, &s->db, err);
	if (ret)
		goto fail;
	ret = prepare(s, err);
	if (!ret)
		ret = db_exec(s->db, "BEGIN IMMEDIATE", err);
	if (!ret)
		ret = begin_run(s, config, err);
	if (!ret)
		ret = db_exec(s->db, "COMMIT", err);
	if (!ret)
		ret = select_ints(s,
				  "SELECT run.id, offset_us FROM run JOIN clock ON run_id = run.id"
				  " WHERE boot_id = ?1 ORDER BY run.id, at_us LIMIT 1",
				  boot, 2, err);
	if (!ret)
		ret = dictionary_new(s->db, processes, containers, boot[0], boot[1] * NS_PER_US,
				     &s->dictionary, err);
	if (ret) {
		err_wrap(err, "%s", config->path);
		goto fail;
	}
	*out = s;
	return 0;

fail:
	store_free(s);
	return ret;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	dictionary_free(s->dictionary);
	sqlite3_finalize(s->put_ended);
	sqlite3_finalize(s->put_open);
	sqlite3_finalize(s->drop_open);
	sqlite3_finalize(s->put_gap);
	sqlite3_finalize(s->put_clock);
	sqlite3_finalize(s->update_run);
	db_close(s->db);
	free(s);
}

int64_t store_previous_end_boot_ns(const struct store *s)
{
	return s->previous_end_boot_ns;
}

void store_set_patience(struct store *s, bool patient)
{
	sqlite3_busy_timeout(s->db, patient ? PATIENT_MS : IMPATIENT_MS);
}

uint64_t store_recorded(const struct store *s)
{
	return s->recorded;
}

int store_each_open(struct store *s,
		    int (*each)(void *ctx, const struct connection *c, bool same_boot), void *ctx,
		    struct err *err)
{
	return leftover_each(s->db, s->run, each, ctx, err);
}

/* ---- a flush ---- */

static void bind_nonzero(sqlite3_stmt *stmt, int at, int64_t value)
{
	if (value)
		sqlite3_bind_int64(stmt, at, value);
	else
		sqlite3_bind_null(stmt, at);
}

/* Binds FACT_VALUES; the two texts need INET6_ADDRSTRLEN bytes and must live until
 * the step. */
static int bind_facts(struct store *s, sqlite3_stmt *stmt, const struct connection *c, char *local,
		      char *peer, struct err *err)
{
	int family = c->family == 6 ? AF_INET6 : AF_INET;
	int64_t process = c->process_row, closer = 0, container = c->container_row;
	int ret = 0;

	if (!process)
		ret = dictionary_process(s->dictionary, &c->owner, &process, err);
	if (!ret)
		ret = dictionary_process(s->dictionary, &c->closer, &closer, err);
	if (!ret && !container)
		ret = dictionary_container(s->dictionary, c->cgroup_id, &container, err);
	if (ret)
		return ret;
	inet_ntop(family, &c->local_addr, local, INET6_ADDRSTRLEN);
	inet_ntop(family, &c->peer_addr, peer, INET6_ADDRSTRLEN);
	sqlite3_bind_int(stmt, 4, c->direction);
	sqlite3_bind_int(stmt, 5, c->outcome);
	bind_nonzero(stmt, 6, c->error);
	sqlite3_bind_text(stmt, 7, local, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 8, c->local_port);
	sqlite3_bind_text(stmt, 9, peer, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 10, c->peer_port);
	bind_nonzero(stmt, 11, process);
	bind_nonzero(stmt, 12, closer);
	bind_nonzero(stmt, 13, container);
	sqlite3_bind_int64(stmt, 14, c->netns);
	if (c->direction == DIRECTION_OUT && c->established_boot_ns)
		sqlite3_bind_int64(stmt, 15,
				   (c->established_boot_ns - c->start_boot_ns) / NS_PER_US);
	else
		sqlite3_bind_null(stmt, 15);
	sqlite3_bind_int64(stmt, 16, (int64_t)c->tx_bytes);
	sqlite3_bind_int64(stmt, 17, (int64_t)c->rx_bytes);
	sqlite3_bind_int64(stmt, 18, c->retransmits);
	bind_nonzero(stmt, 19, c->srtt_us);
	bind_nonzero(stmt, 20, c->min_rtt_us == MIN_RTT_NONE ? 0 : c->min_rtt_us);
	bind_nonzero(stmt, 21, (int64_t)c->cookie);
	bind_nonzero(stmt, 22, c->owner_source);
	sqlite3_bind_int(stmt, 23, (int)c->flags);
	return 0;
}

static int write_ended(struct store *s, const struct connection *c, int64_t offset_ns,
		       int64_t *last_id, struct err *err)
{
	char local[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN];
	int64_t id = wall_us(c->end_boot_ns, offset_ns);
	int64_t duration_us = (c->end_boot_ns - c->start_boot_ns) / NS_PER_US;
	int ret;

	if (id <= *last_id)
		id = *last_id + 1;
	*last_id = id;
	sqlite3_bind_int64(s->put_ended, 1, id);
	sqlite3_bind_int64(s->put_ended, 2, duration_us > 0 ? duration_us : 0);
	ret = bind_facts(s, s->put_ended, c, local, peer, err);
	if (!ret)
		ret = step(s, s->put_ended, "a connection", err);
	if (ret || !c->open_row)
		return ret;
	sqlite3_bind_int64(s->drop_open, 1, c->open_row);
	return step(s, s->drop_open, "a connection that ended", err);
}

static int write_open(struct store *s, const struct connection *c, const struct flush *f,
		      struct err *err)
{
	char local[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN];
	int ret;

	sqlite3_bind_int64(s->put_open, 1, (int64_t)c->id);
	sqlite3_bind_int64(s->put_open, 2, wall_us(c->start_boot_ns, f->offset_ns));
	sqlite3_bind_int64(s->put_open, 3, wall_us(f->now_boot_ns, f->offset_ns));
	ret = bind_facts(s, s->put_open, c, local, peer, err);
	return ret ? ret : step(s, s->put_open, "an open connection", err);
}

static int update_run(struct store *s, const struct flush *f, uint64_t recorded, struct err *err)
{
	sqlite3_bind_int64(s->update_run, 1, s->run);
	sqlite3_bind_int64(s->update_run, 2, wall_us(f->now_boot_ns, f->offset_ns));
	sqlite3_bind_int64(s->update_run, 3, (int64_t)f->seen);
	sqlite3_bind_int64(s->update_run, 4, (int64_t)recorded);
	sqlite3_bind_int64(s->update_run, 5, (int64_t)f->seen_lost);
	sqlite3_bind_int64(s->update_run, 6, (int64_t)f->recursion_misses);
	sqlite3_bind_int64(s->update_run, 7, (int64_t)f->rescued);
	return step(s, s->update_run, "the run", err);
}

static int write_all(struct store *s, const struct flush *f, int64_t *last_id, struct err *err)
{
	int64_t now_us = wall_us(f->now_boot_ns, f->offset_ns);
	int ret = 0;

	for (size_t i = 0; i < f->n_ended && !ret; i++)
		ret = write_ended(s, &f->ended[i], f->offset_ns, last_id, err);
	for (size_t i = 0; i < f->n_open && !ret; i++)
		ret = write_open(s, f->open[i], f, err);
	for (int i = 0; i < GAP_REASONS && !ret; i++)
		if (f->lost[i])
			ret = put_gap(s, wall_us(f->lost_since_boot_ns, f->offset_ns), now_us,
				      gap_names[i], f->lost[i], err);
	if (!ret && f->clock_stepped)
		ret = put_clock(s, f->now_boot_ns, f->offset_ns, err);
	return ret ? ret : update_run(s, f, s->recorded + f->n_ended, err);
}

int store_write(struct store *s, const struct flush *f, struct err *err)
{
	int64_t last_id = s->last_id;
	int ret;

	ret = db_exec(s->db, "BEGIN IMMEDIATE", err);
	if (!ret)
		ret = write_all(s, f, &last_id, err);
	if (!ret)
		ret = db_exec(s->db, "COMMIT", err);
	if (ret) {
		/* SQLite may have rolled back by itself: then this does nothing. */
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		dictionary_forget(s->dictionary);
		return ret;
	}
	s->last_id = last_id;
	s->recorded += f->n_ended;
	return 0;
}

int store_close(struct store *s, int64_t now_boot_ns, int64_t offset_ns, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int ret =
		db_prepare(s->db, "UPDATE run SET stop_us = ?2, last_commit_us = ?2 WHERE id = ?1",
			   &stmt, err);

	if (!ret) {
		sqlite3_bind_int64(stmt, 1, s->run);
		sqlite3_bind_int64(stmt, 2, wall_us(now_boot_ns, offset_ns));
		ret = step(s, stmt, "the end of the run", err);
	}
	sqlite3_finalize(stmt);
	stmt = NULL;
	store_free(s);
	return ret;
}
