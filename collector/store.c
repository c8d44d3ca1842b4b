#include "store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "dictionary.h"
#include "dns_rows.h"
#include "flushed.h"
#include "guard.h"
#include "hold.h"
#include "hourly.h"
#include "leftover.h"
#include "open_rows.h"
#include "run.h"
#include "wal.h"

#define PATIENT_MS   5000
#define IMPATIENT_MS 100 /* the flush is tried again soon */
#define CHECK_NS     (5 * NS_PER_S)
#define UPKEEP_NS    (10 * NS_PER_MS)
/* A power cut loses no more than five seconds, the man page says: this leaves one for what may be
 * under way. */
#define SYNC_NS (4 * NS_PER_S)

/* What a flush takes, and for each row. */
#define FLUSH_BYTES (256ull << 10)
#define ENDED_BYTES 300
#define OPEN_BYTES  200
#define NAME_BYTES  1000 /* in pages that hold little else of a flush */

/* Of flushed.h; in the order they have in connection, so that SQLite need not move them about. */
#define ENDED_COLUMNS                                                                              \
	"id, duration_us, direction, outcome, flags, peer_addr, peer_port, local_port,"            \
	" process_id, container_id, tx_bytes, rx_bytes, connect_us, retransmits, local_id, error," \
	" closer_id, accept_wait_us, srtt_us, min_rtt_us, cookie, owner_source, thread"

struct store {
	sqlite3 *db;
	struct run *run;
	struct dictionary *dictionary;
	struct hourly *hourly;
	struct retain *retain;
	struct flushed rows; /* those being written */
	struct open_rows *open_rows;
	struct dns_rows *dns_rows;
	sqlite3_stmt *put_ended, *put_listener, *end_listener;
	int64_t last_id; /* the key of the newest row in connection */
	uint64_t recorded;
	int patience_ms;
	bool durable;
	int64_t unsynced_ns; /* the first commit that a power cut may undo; 0: there is none */
};

static int prepare(struct store *s, struct err *err)
{
	const struct db_statement all[] = {
		{&s->put_ended,
		 "INSERT INTO connection(" ENDED_COLUMNS ") SELECT " ENDED_COLUMNS " FROM flushed"},
		{&s->put_listener,
		 "INSERT INTO listener(netns, addr, port, program_id, from_us, to_us, cookie)"
		 " VALUES(?1, ?2, ?3, (SELECT program_id FROM process WHERE id = ?4), ?5, ?6, ?7)"},
		{&s->end_listener, "UPDATE listener SET to_us = ?2 WHERE id = ?1"},
	};

	int rc = flushed_attach(&s->rows, s->db);

	if (rc != SQLITE_OK)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(s->db));
	return db_prepare_all(s->db, all, sizeof(all) / sizeof(all[0]), err);
}

static int begin(struct store *s, const struct store_config *config, struct err *err)
{
	int ret = db_exec(s->db, "BEGIN IMMEDIATE", err);

	if (!ret)
		ret = run_begin(s->db, config, &s->run, err);
	return db_end(s->db, ret, err);
}

/* As it is, without writing its WAL back. */
static void abandon(struct store *s)
{
	if (s->db)
		sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	store_free(s);
}

int store_open(const struct store_config *config, struct processes *processes,
	       struct containers *containers, struct store **out, struct err *err)
{
	struct store *s = calloc(1, sizeof(*s));
	int64_t boot, boot_offset_ns;
	int ret;

	if (!s)
		return err_set(err, -ENOMEM, "no memory for the store");
	ret = db_open_writer(config->path, config->durable, &s->db, err);
	if (ret)
		goto fail;
	ret = hold_take(s->db, err);
	if (!ret)
		ret = prepare(s, err);
	if (!ret)
		ret = begin(s, config, err);
	if (!ret)
		ret = run_boot(s->run, &boot, &boot_offset_ns, err);
	if (!ret)
		ret = dictionary_new(s->db, processes, containers, boot, boot_offset_ns,
				     &s->dictionary, err);
	if (!ret)
		ret = open_rows_new(s->db, &s->open_rows, err);
	if (!ret)
		ret = dns_rows_new(s->db, run_id(s->run), &config->retention, &s->dns_rows, err);
	if (!ret)
		ret = hourly_new(s->db, &s->hourly, err);
	if (!ret)
		ret = retain_new(s->db, &config->retention, s->dictionary, &config->note,
				 &s->retain, err);
	if (ret == -EINVAL) /* what is in it is not what we put there */
		ret = err->code = -EUCLEAN;
	if (ret) {
		err_wrap(err, "%s", config->path);
		goto fail;
	}
	s->last_id = run_last_connection(s->run);
	s->patience_ms = PATIENT_MS;
	s->durable = config->durable;
	if (!s->durable)
		s->unsynced_ns = config->now_boot_ns; /* that the run began */
	*out = s;
	return 0;

fail:
	if (ret == -EUCLEAN)
		abandon(s);
	else
		store_free(s);
	return ret;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	dictionary_free(s->dictionary);
	hourly_free(s->hourly);
	open_rows_free(s->open_rows);
	dns_rows_free(s->dns_rows);
	sqlite3_finalize(s->put_ended);
	sqlite3_finalize(s->put_listener);
	sqlite3_finalize(s->end_listener);
	run_free(s->run);
	db_close(s->db);
	flushed_clear(&s->rows);
	retain_free(s->retain);
	free(s);
}

int64_t store_previous_end_boot_ns(const struct store *s)
{
	return run_previous_end_boot_ns(s->run);
}

bool store_intruder(const char *path, pid_t *pid)
{
	return hold_find_intruder(path, pid);
}

static int is_over(void *until_ns)
{
	return clock_boot_ns() > *(int64_t *)until_ns;
}

int store_check(sqlite3 *reader, struct err *err)
{
	int64_t until_ns = clock_boot_ns() + CHECK_NS;
	AUTO_STMT *stmt = NULL;
	const char *words;
	int rc;

	guard_open(reader);
	sqlite3_progress_handler(reader, 10000, is_over, &until_ns);
	rc = sqlite3_prepare_v2(reader, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_INTERRUPT) /* a long one: what was looked at is whole */
		return 0;
	if (rc != SQLITE_ROW)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(reader));
	words = (const char *)sqlite3_column_text(stmt, 0);
	if (!words || strcmp(words, "ok") == 0)
		return 0;
	return err_set(
		err, -EUCLEAN,
		"it is damaged (%.*s); when the collector starts, it is set aside, and a new "
		"one begun",
		(int)strcspn(words, "\n"), words);
}

bool store_resumes(const struct store *s, struct capture *out)
{
	return run_resumes(s->run, out);
}

void store_set_patience(struct store *s, bool patient)
{
	s->patience_ms = patient ? PATIENT_MS : IMPATIENT_MS;
	sqlite3_busy_timeout(s->db, s->patience_ms);
}

uint64_t store_recorded(const struct store *s)
{
	return s->recorded;
}

int store_each_open(struct store *s, int (*each)(void *ctx, const struct connection *c), void *ctx,
		    struct err *err)
{
	return leftover_each(s->db, run_id(s->run), each, ctx, err);
}

int store_each_listener(struct store *s, int (*each)(void *ctx, const struct listener *l),
			void *ctx, struct err *err)
{
	return leftover_each_listener(s->db, each, ctx, err);
}

/* ---- a flush ---- */

static void bind_nonzero(sqlite3_stmt *stmt, int at, int64_t value)
{
	if (value)
		sqlite3_bind_int64(stmt, at, value);
	else
		sqlite3_bind_null(stmt, at);
}

/* Most are closed by their owner, and to have found that once is enough. */
static int closer_row(struct store *s, const struct connection *c, int64_t owner, int64_t *row,
		      struct err *err)
{
	*row = owner;
	if (c->process_row == 0 && memcmp(&c->closer, &c->owner, sizeof(c->owner)) == 0)
		return 0;
	return dictionary_process(s->dictionary, &c->closer, row, err);
}

/* What a row refers to. */
static int refer(struct store *s, struct flushed_row *r, struct err *err)
{
	const struct connection *c = r->c;
	int ret = 0;

	r->process_id = c->process_row;
	r->container_id = c->container_row;
	if (!r->process_id)
		ret = dictionary_process(s->dictionary, &c->owner, &r->process_id, err);
	if (!ret)
		ret = closer_row(s, c, r->process_id, &r->closer_id, err);
	if (!ret && !r->container_id)
		ret = dictionary_container(s->dictionary, c->cgroup_id, &r->container_id, err);
	return ret;
}

static int refer_ended(struct store *s, const struct flush *f, int64_t *last_id, struct err *err)
{
	for (size_t i = 0; i < f->n_ended; i++) {
		const struct connection *c = &f->ended[i];
		struct flushed_row *r = &s->rows.row[s->rows.n++];
		int64_t id = clock_wall_us(c->end_boot_ns, f->offset_ns);
		int ret;

		r->c = c;
		r->id = *last_id = id > *last_id ? id : *last_id + 1;
		ret = refer(s, r, err);
		if (!ret)
			ret = dictionary_local_address(s->dictionary, c, &r->local_id, err);
		if (ret)
			return ret;
		if (r->closer_id && r->closer_id == r->process_id)
			r->closer_id = CLOSER_IS_OWNER;
	}
	return 0;
}

static int reserve(struct store *s, size_t n, struct err *err)
{
	s->rows.n = 0;
	return flushed_reserve(&s->rows, n) ? err_set(err, -ENOMEM, "no memory for rows") : 0;
}

static int write_ended(struct store *s, const struct flush *f, int64_t *last_id, struct err *err)
{
	int ret = reserve(s, f->n_ended, err);

	if (!ret)
		ret = refer_ended(s, f, last_id, err);
	if (!ret)
		ret = db_step(s->db, s->put_ended, "connections", err);
	if (!ret)
		ret = open_rows_end(s->open_rows, err);
	return ret;
}

static int write_open(struct store *s, const struct flush *f, struct err *err)
{
	int ret = reserve(s, f->n_open, err);

	for (size_t i = 0; i < f->n_open && !ret; i++) {
		const struct connection *c = f->open[i];
		struct flushed_row *r = &s->rows.row[s->rows.n++];

		r->c = c;
		r->id = c->open_row ? c->open_row : (int64_t)c->id;
		ret = refer(s, r, err);
	}
	return ret ? ret : open_rows_write(s->open_rows, err);
}

static int write_listener(struct store *s, struct listener *l, int64_t offset_ns, struct err *err)
{
	char addr[INET6_ADDRSTRLEN];
	int64_t process;
	int ret;

	if (l->row) {
		sqlite3_bind_int64(s->end_listener, 1, l->row);
		sqlite3_bind_int64(s->end_listener, 2, clock_wall_us(l->to_boot_ns, offset_ns));
		return db_step(s->db, s->end_listener, "a listener that ended", err);
	}
	ret = dictionary_process(s->dictionary, &l->owner, &process, err);
	if (ret)
		return ret;
	inet_ntop(l->family == 6 ? AF_INET6 : AF_INET, &l->addr, addr, sizeof(addr));
	sqlite3_bind_int64(s->put_listener, 1, l->netns);
	sqlite3_bind_text(s->put_listener, 2, addr, -1, SQLITE_STATIC);
	sqlite3_bind_int(s->put_listener, 3, l->port);
	bind_nonzero(s->put_listener, 4, process);
	sqlite3_bind_int64(s->put_listener, 5, clock_wall_us(l->from_boot_ns, offset_ns));
	bind_nonzero(s->put_listener, 6,
		     l->to_boot_ns ? clock_wall_us(l->to_boot_ns, offset_ns) : 0);
	sqlite3_bind_int64(s->put_listener, 7, (int64_t)l->cookie);
	ret = db_step(s->db, s->put_listener, "a listener", err);
	if (!ret)
		l->row = -sqlite3_last_insert_rowid(s->db); /* until the commit */
	return ret;
}

/* The new rows stand, or they do not. */
static void settle_listeners(const struct flush *f, bool committed)
{
	for (size_t i = 0; i < f->n_listeners; i++)
		if (f->listeners[i]->row < 0)
			f->listeners[i]->row = committed ? -f->listeners[i]->row : 0;
}

static int write_all(struct store *s, const struct flush *f, int64_t *last_id, struct err *err)
{
	int ret = 0;

	dictionary_begin(s->dictionary, f->offset_ns);
	if (f->clock_step_ns)
		ret = run_set_clock(s->run, f, err);
	s->rows.offset_ns = f->offset_ns;
	s->rows.seen_us = clock_wall_us(f->now_boot_ns, f->offset_ns);
	if (f->n_ended && !ret)
		ret = write_ended(s, f, last_id, err);
	if (f->n_open && !ret)
		ret = write_open(s, f, err);
	for (size_t i = 0; i < f->n_listeners && !ret; i++)
		ret = write_listener(s, f->listeners[i], f->offset_ns, err);
	if (!ret)
		ret = dictionary_exits(s->dictionary, err);
	if (!ret && f->has_dns)
		ret = dns_rows_write(s->dns_rows, f, err);
	return ret ? ret : run_write(s->run, f, s->recorded + f->n_ended, err);
}

/* About what it adds to the database: on the safe side, for what rows refer to is not counted. */
static uint64_t flush_bytes(const struct flush *f)
{
	return FLUSH_BYTES + ENDED_BYTES * f->n_ended + OPEN_BYTES * (f->n_open + f->n_listeners) +
	       NAME_BYTES * f->n_names;
}

int store_write(struct store *s, const struct flush *f, struct err *err)
{
	int64_t last_id = s->last_id, floor_us = hourly_floor_us(s->hourly);
	int ret = retain_make_room(s->retain, flush_bytes(f), err);

	if (ret)
		return ret;
	if (last_id < floor_us - 1)
		last_id = floor_us - 1;
	ret = db_exec(s->db, "BEGIN IMMEDIATE", err);
	if (!ret)
		ret = write_all(s, f, &last_id, err);
	ret = db_end(s->db, ret, err);
	settle_listeners(f, ret == 0);
	if (ret) {
		dictionary_forget(s->dictionary);
		return ret == -ENOSPC ? retain_explain_full(s->retain, flush_bytes(f), err) : ret;
	}
	dictionary_committed(s->dictionary);
	dns_rows_committed(s->dns_rows);
	s->last_id = last_id;
	s->recorded += f->n_ended;
	if (!s->durable && !s->unsynced_ns)
		s->unsynced_ns = f->now_boot_ns;
	return 0;
}

static int sync_now(struct store *s, int64_t now_ns, struct err *err)
{
	int ret = s->unsynced_ns ? wal_sync(s->db, err) : 0;

	s->unsynced_ns = ret ? now_ns : 0; /* tried again as much later */
	return ret;
}

/* Left to itself, the kernel keeps a page of the WAL in memory for half a minute, or longer. */
int store_sync(struct store *s, struct err *err)
{
	int64_t now_ns = clock_boot_ns();

	return s->unsynced_ns && now_ns - s->unsynced_ns >= SYNC_NS ? sync_now(s, now_ns, err) : 0;
}

int store_upkeep(struct store *s, int64_t now_boot_ns, int64_t offset_ns, struct err *err)
{
	int64_t now_us = clock_wall_us(now_boot_ns, offset_ns);
	int ret, more;

	sqlite3_busy_timeout(s->db, 0);
	ret = more = open_rows_sweep(s->open_rows, err);
	if (ret == 0 && !retain_must_wait(s->retain))
		ret = more = hourly_step(s->hourly, now_us, UPKEEP_NS, err);
	if (ret == 0 && !retain_must_wait(s->retain))
		ret = more = dns_rows_step(s->dns_rows, now_us, err);
	/* Also when there are totals to be made, or they find no room: they need some. */
	if (ret >= 0 || ret == -ENOSPC)
		ret = retain_step(s->retain, now_us, UPKEEP_NS / 2, err);
	sqlite3_busy_timeout(s->db, s->patience_ms);
	return ret ? ret : more;
}

int store_close(struct store *s, int64_t now_boot_ns, int64_t offset_ns, struct err *err)
{
	int ret = run_end(s->run, now_boot_ns, offset_ns, err);

	if (!ret && !s->durable) {
		s->unsynced_ns = now_boot_ns;
		ret = sync_now(s, now_boot_ns, err);
	}
	store_free(s);
	return ret;
}

int store_set_aside(struct store *s, struct err *err)
{
	struct err ignored = {0};
	int ret = db_exec(s->db, "BEGIN IMMEDIATE", &ignored);

	/* As far as that can be: it may be set aside because nothing can be written any more. */
	if (!ret)
		db_end(s->db, run_set_aside(s->run, &ignored), &ignored);
	ret = sync_now(s, clock_boot_ns(), err);
	abandon(s);
	return ret;
}
