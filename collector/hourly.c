#include "hourly.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "connection.h"
#include "db.h"
#include "tally.h"

#define HOUR_US	     3600000000LL
#define SETTLE_US    5000000LL /* records that are under way when an hour ends are still of it */
#define MAX_HOUR     70389528  /* the year 10000 */
#define ROOM	     (64 << 10)
#define KNOWN_OWNERS 4096 /* a power of two */

enum stage {
	STAGE_SEEK,  /* for the next hour that has rows */
	STAGE_READ,  /* its rows */
	STAGE_WRITE, /* their sums */
};

struct hourly {
	sqlite3 *db; /* borrowed */
	sqlite3_stmt *first_row, *rows, *program_of, *put_hourly, *put_program, *set_watermark;
	int64_t until_hour; /* the watermark */
	int64_t floor_us;
	int64_t idle_hour; /* nothing to do in this hour; -1: not known */
	size_t room;

	/* Of the hour in work: */
	enum stage stage;
	int64_t hour;
	int64_t next_id;     /* what is read next */
	bool without_peer;   /* of the two tables, hourly_program is made */
	struct tally *tally; /* NULL: none */
	struct tally
		*programs; /* what is in tally, and was in its parts before; NULL: see fold() */
	struct known_owner {
		int64_t process_id, program_id;
	} owners[KNOWN_OWNERS];
};

/* In the order of tally_row's members; put_row() makes the last two. */
#define SUM_COLUMNS                                                                                \
	"attempts, failed, resets, tx_bytes, rx_bytes, retransmits, connects, connect_us_sum,"     \
	" connect_us_max, duration_us_sum, start_us, start_span_us"
#define KEY_AND_SUM_VALUES                                                                         \
	"?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18"
#define PEER_AT 19

static int prepare(struct hourly *h, struct err *err)
{
	const struct db_statement all[] = {
		{&h->first_row, "SELECT id FROM connection WHERE id >= ?1 ORDER BY id LIMIT 1"},
		{&h->rows,
		 "SELECT id, duration_us, direction, outcome, flags, peer_addr, peer_port,"
		 " local_port, process_id, container_id, tx_bytes, rx_bytes, connect_us,"
		 " retransmits FROM connection WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3"},
		{&h->program_of, "SELECT program_id FROM process WHERE id = ?1"},
		{&h->put_hourly, "INSERT OR REPLACE INTO hourly(hour, direction, service_port,"
				 " program_id, container_id, loopback, " SUM_COLUMNS ", peer_addr)"
				 " VALUES(" KEY_AND_SUM_VALUES ", ?19)"},
		{&h->put_program,
		 "INSERT OR REPLACE INTO hourly_program(hour, direction, service_port,"
		 " program_id, container_id, loopback, " SUM_COLUMNS ")"
		 " VALUES(" KEY_AND_SUM_VALUES ")"},
		{&h->set_watermark, "UPDATE extent SET totals_until_hour = ?1"},
	};

	return db_prepare_all(h->db, all, sizeof(all) / sizeof(all[0]), err);
}

/* Runs a SELECT of one number at most: *@value stays as it is when there is none. */
static int select_number(struct hourly *h, sqlite3_stmt *stmt, int64_t key, int64_t *value,
			 struct err *err)
{
	int rc;

	sqlite3_bind_int64(stmt, 1, key);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*value = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "reading for the totals: %s",
			       sqlite3_errmsg(h->db));
	return 0;
}

static int read_watermark(struct hourly *h, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int ret =
		db_prepare(h->db, "SELECT totals_until_hour FROM extent WHERE id = ?1", &stmt, err);

	h->until_hour = -1;
	if (!ret)
		ret = select_number(h, stmt, 1, &h->until_hour, err);
	if (ret)
		return ret;
	if (h->until_hour < 0 || h->until_hour > MAX_HOUR)
		return err_set(err, -EUCLEAN, "does not say up to when it holds totals");
	h->floor_us = h->until_hour * HOUR_US;
	return 0;
}

int hourly_new(sqlite3 *db, struct hourly **out, struct err *err)
{
	struct hourly *h = calloc(1, sizeof(*h));
	int ret;

	if (!h)
		return err_set(err, -ENOMEM, "no memory for the totals");
	h->db = db;
	h->room = ROOM;
	h->idle_hour = -1;
	ret = prepare(h, err);
	if (!ret)
		ret = read_watermark(h, err);
	if (ret) {
		hourly_free(h);
		return ret;
	}
	*out = h;
	return 0;
}

void hourly_free(struct hourly *h)
{
	if (!h)
		return;
	sqlite3_finalize(h->first_row);
	sqlite3_finalize(h->rows);
	sqlite3_finalize(h->program_of);
	sqlite3_finalize(h->put_hourly);
	sqlite3_finalize(h->put_program);
	sqlite3_finalize(h->set_watermark);
	tally_free(h->tally);
	tally_free(h->programs);
	free(h);
}

void hourly_set_room(struct hourly *h, size_t max_keys)
{
	h->room = max_keys;
}

int64_t hourly_floor_us(const struct hourly *h)
{
	return h->floor_us;
}

/* ---- seeking ---- */

static void begin_reading(struct hourly *h)
{
	h->next_id = h->hour * HOUR_US;
	h->stage = STAGE_READ;
}

/* Hours without rows are passed over, and the watermark stays behind the last row: while the
 * clock is wrong and nothing is recorded it goes nowhere. */
static int seek_hour(struct hourly *h, int64_t now_hour, struct err *err)
{
	int64_t id = -1;
	int ret = select_number(h, h->first_row, h->until_hour * HOUR_US, &id, err);

	if (ret)
		return ret;
	if (id < 0 || id / HOUR_US >= now_hour) {
		h->idle_hour = now_hour;
		return 0;
	}
	ret = tally_new(h->room, &h->tally, err);
	if (!ret)
		ret = tally_new(h->room, &h->programs, err);
	if (ret) {
		tally_free(h->tally);
		h->tally = NULL;
		return ret;
	}
	h->hour = id / HOUR_US;
	h->floor_us = (h->hour + 1) * HOUR_US;
	h->without_peer = false;
	/* What was known may have been deleted since, and its number be another's. */
	memset(h->owners, 0, sizeof(h->owners));
	begin_reading(h);
	return 1;
}

/* ---- reading ---- */

static int find_program(struct hourly *h, int64_t process_id, int64_t *program_id, struct err *err)
{
	struct known_owner *known = &h->owners[(uint64_t)process_id % KNOWN_OWNERS];

	if (known->process_id != process_id) {
		int64_t found = 0;
		int ret = select_number(h, h->program_of, process_id, &found, err);

		if (ret)
			return ret;
		*known = (struct known_owner){process_id, found};
	}
	*program_id = known->program_id;
	return 0;
}

static int read_peer(sqlite3_stmt *row, char *peer, struct err *err)
{
	const void *text = sqlite3_column_text(row, 5);
	int len = sqlite3_column_bytes(row, 5);

	if (!text || len >= TALLY_PEER_SIZE)
		return err_set(err, text ? -EUCLEAN : -ENOMEM,
			       "totals: connection %lld has no address for a peer",
			       (long long)sqlite3_column_int64(row, 0));
	memcpy(peer, text, (size_t)len);
	return 0;
}

static void read_sums(sqlite3_stmt *row, struct tally_sums *s)
{
	int outcome = sqlite3_column_int(row, 3);
	int64_t duration_us = sqlite3_column_int64(row, 1);
	int64_t start_us = sqlite3_column_int64(row, 0) - duration_us;

	*s = (struct tally_sums){
		.attempts = 1,
		.failed = outcome >= OUTCOME_FAILED,
		.resets = outcome == OUTCOME_RESET_BY_PEER || outcome == OUTCOME_RESET_BY_US,
		.tx_bytes = sqlite3_column_int64(row, 10),
		.rx_bytes = sqlite3_column_int64(row, 11),
		.retransmits = sqlite3_column_int64(row, 13),
		.duration_us_sum = duration_us,
		.first_start_us = start_us,
		.last_start_us = start_us,
	};
	if (sqlite3_column_type(row, 12) != SQLITE_NULL) {
		s->connects = 1;
		s->connect_us_sum = s->connect_us_max = sqlite3_column_int64(row, 12);
	}
}

static int add_row(struct hourly *h, struct err *err)
{
	int64_t process_id = sqlite3_column_int64(h->rows, 8);
	struct tally_row row = {0};
	int ret = 0;

	row.key.direction = (uint8_t)sqlite3_column_int(h->rows, 2);
	row.key.loopback = (sqlite3_column_int(h->rows, 4) & CONNECTION_LOOPBACK) != 0;
	row.key.service_port =
		(uint16_t)sqlite3_column_int(h->rows, row.key.direction == DIRECTION_OUT ? 6 : 7);
	row.key.container_id = sqlite3_column_int64(h->rows, 9);
	if (process_id)
		ret = find_program(h, process_id, &row.key.program_id, err);
	if (!ret && !h->without_peer)
		ret = read_peer(h->rows, row.key.peer_addr, err);
	if (ret)
		return ret;
	read_sums(h->rows, &row.sums);
	return tally_add(h->tally, &row, err);
}

/* By key and not by one long statement, which would hold its snapshot and so the WAL. */
static int read_rows(struct hourly *h, struct err *err)
{
	int rc, n = 0, ret = 0;

	sqlite3_bind_int64(h->rows, 1, h->next_id);
	sqlite3_bind_int64(h->rows, 2, (h->hour + 1) * HOUR_US);
	sqlite3_bind_int(h->rows, 3, HOURLY_READ_ROWS);
	while ((rc = sqlite3_step(h->rows)) == SQLITE_ROW) {
		ret = add_row(h, err);
		if (ret)
			break;
		h->next_id = sqlite3_column_int64(h->rows, 0) + 1;
		n++;
	}
	if (!ret && rc != SQLITE_DONE)
		ret = err_set(err, db_errno(rc), "reading for the totals: %s",
			      sqlite3_errmsg(h->db));
	sqlite3_reset(h->rows);
	if (ret)
		return ret;
	if (n < HOURLY_READ_ROWS) {
		tally_sort(h->tally);
		h->stage = STAGE_WRITE;
	}
	return 1;
}

/* ---- writing ---- */

static int put_row(struct hourly *h, const struct tally_row *row, struct err *err)
{
	const struct tally_key *k = &row->key;
	const struct tally_sums *s = &row->sums;
	const int64_t values[] = {
		h->hour,
		k->direction,
		k->service_port,
		k->program_id,
		k->container_id,
		k->loopback,
		s->attempts,
		s->failed,
		s->resets,
		s->tx_bytes,
		s->rx_bytes,
		s->retransmits,
		s->connects,
		s->connect_us_sum,
		s->connect_us_max,
		s->duration_us_sum,
		s->first_start_us - h->hour * HOUR_US,
		s->last_start_us - s->first_start_us,
	};
	sqlite3_stmt *put = h->without_peer ? h->put_program : h->put_hourly;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		sqlite3_bind_int64(put, (int)i + 1, values[i]);
	if (!h->without_peer)
		sqlite3_bind_text(put, PEER_AT, k->peer_addr, -1, SQLITE_STATIC);
	return db_step(h->db, put, "the totals of an hour", err);
}

/* Up to HOURLY_WRITE_ROWS of them; *@n: how many were taken; *@done: the hour is complete. */
static int put_rows(struct hourly *h, size_t *n, bool *done, struct err *err)
{
	const struct tally_row *row = NULL;
	int ret = 0;

	while (!ret && *n < HOURLY_WRITE_ROWS && (row = tally_take(h->tally))) {
		++*n;
		ret = put_row(h, row, err);
	}
	*done = !ret && !row && h->without_peer && tally_is_last_part(h->tally);
	if (*done) {
		sqlite3_bind_int64(h->set_watermark, 1, h->hour + 1);
		ret = db_step(h->db, h->set_watermark, "how far the totals are", err);
	}
	return ret;
}

static void forget_programs(struct hourly *h)
{
	tally_free(h->programs);
	h->programs = NULL;
}

/* The sums without the peer are sums of those by peer. Where they are too many, all rows are
 * read once more for them. */
static void fold(struct hourly *h)
{
	struct err ignored;

	if (h->programs &&
	    (tally_fold(h->tally, h->programs, &ignored) != 0 || !tally_is_whole(h->programs)))
		forget_programs(h);
}

/* From the sums by peer to those without. */
static int begin_programs(struct hourly *h, struct err *err)
{
	struct tally *next = h->programs;
	int ret = next ? 0 : tally_new(h->room, &next, err);

	if (ret)
		return ret;
	tally_free(h->tally);
	h->tally = next;
	h->without_peer = true;
	if (h->programs)
		tally_sort(h->tally); /* and on with STAGE_WRITE */
	else
		begin_reading(h);
	h->programs = NULL;
	return 1;
}

static int end_hour(struct hourly *h)
{
	tally_free(h->tally);
	h->tally = NULL;
	h->until_hour = h->hour + 1;
	h->stage = STAGE_SEEK;
	return 1;
}

/* Goes on after all rows of this part are written. */
static int end_part(struct hourly *h, bool hour_is_done, struct err *err)
{
	if (hour_is_done)
		return end_hour(h);
	if (!h->without_peer)
		fold(h);
	if (!tally_next_part(h->tally))
		return begin_programs(h, err);
	begin_reading(h);
	return 1;
}

static int write_rows(struct hourly *h, struct err *err)
{
	bool done = false;
	size_t n = 0;
	int ret = db_exec(h->db, "BEGIN IMMEDIATE", err);

	if (!ret)
		ret = put_rows(h, &n, &done, err);
	ret = db_end(h->db, ret, err);
	if (ret) {
		tally_put_back(h->tally, n);
		return ret;
	}
	return n < HOURLY_WRITE_ROWS ? end_part(h, done, err) : 1;
}

/* ---- a step ---- */

static int piece(struct hourly *h, int64_t now_hour, struct err *err)
{
	switch (h->stage) {
	case STAGE_SEEK:
		return seek_hour(h, now_hour, err);
	case STAGE_READ:
		return read_rows(h, err);
	case STAGE_WRITE:
		return write_rows(h, err);
	}
	return 0;
}

int hourly_step(struct hourly *h, int64_t now_us, int64_t budget_ns, struct err *err)
{
	int64_t now_hour = (now_us - SETTLE_US) / HOUR_US, begin_ns;
	int ret;

	/* Not "before that hour": the clock may have been set back. */
	if (h->stage == STAGE_SEEK && now_hour == h->idle_hour)
		return 0;
	begin_ns = clock_boot_ns();
	do
		ret = piece(h, now_hour, err);
	while (ret > 0 && clock_boot_ns() - begin_ns < budget_ns);
	return ret;
}
