#include "series.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "connection.h"
#include "db.h"
#include "tally.h"

#define SETTLE_US    5000000LL /* records that are under way at an end are of before it */
#define MAX_US	     253402300800000000LL /* the year 10000 */
#define ROOM	     (64 << 10)
#define KNOWN_OWNERS 4096 /* a power of two */

enum stage {
	STAGE_SEEK,  /* for the next interval that has rows */
	STAGE_READ,  /* its rows */
	STAGE_WRITE, /* their sums */
};

struct series {
	sqlite3 *db; /* borrowed */
	const struct series_kind *kind;
	sqlite3_stmt *first_row, *last_row, *rows, *program_of, *put_peer, *put_program, *set_marks;
	int64_t until; /* the watermark: intervals are numbered from the epoch */
	int64_t from;  /* older ones were never made; 0: nothing to say of that */
	int64_t floor_us;
	int64_t idle_in; /* nothing to do in this interval; -1: not known */
	size_t room;

	struct ahead ahead; /* what another series has read */
	struct series *fed; /* that takes over what is summed here; NULL: none; borrowed */

	/* Of the interval in work: */
	enum stage stage;
	int64_t at;
	int64_t empty_us;    /* no row ended from then on until it began */
	int64_t next_id;     /* what is read next */
	bool without_peer;   /* of the two tables, the one without is made */
	struct tally *tally; /* NULL: none */
	/* What is in tally, and was in its parts before; NULL: see fold(). */
	struct tally *programs;
	struct known_owner {
		int64_t process_id, program_id;
	} owners[KNOWN_OWNERS];
};

#define PEER_AT 19 /* after the interval, the rest of the key and the sums */

static int prepare(struct series *s, struct err *err)
{
	const struct db_statement all[] = {
		{&s->first_row, "SELECT id FROM connection WHERE id >= ?1 ORDER BY id LIMIT 1"},
		{&s->last_row, "SELECT id FROM connection WHERE id >= ?1 ORDER BY id DESC LIMIT 1"},
		{&s->rows,
		 "SELECT id, duration_us, direction, outcome, flags, peer_addr, peer_port,"
		 " local_port, process_id, container_id, tx_bytes, rx_bytes, connect_us,"
		 " retransmits FROM connection WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3"},
		{&s->program_of, "SELECT program_id FROM process WHERE id = ?1"},
		{&s->put_peer, s->kind->put_peer},
		{&s->put_program, s->kind->put_program},
		{&s->set_marks, s->kind->set_marks},
	};

	return db_prepare_all(s->db, all, sizeof(all) / sizeof(all[0]), err);
}

/* Runs a SELECT of one number at most: *@value stays as it is when there is none. */
static int select_number(struct series *s, sqlite3_stmt *stmt, int64_t key, int64_t *value,
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
			       sqlite3_errmsg(s->db));
	return 0;
}

static int read_watermark(struct series *s, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int ret = db_prepare(s->db, s->kind->until, &stmt, err);

	s->until = -1;
	if (!ret)
		ret = select_number(s, stmt, 1, &s->until, err);
	if (ret)
		return ret;
	if (s->until < 0 || s->until > MAX_US / s->kind->width_us)
		return err_set(err, -EUCLEAN, "does not say up to when it holds totals");
	s->floor_us = s->until * s->kind->width_us;
	return 0;
}

int series_new(sqlite3 *db, const struct series_kind *kind, struct series **out, struct err *err)
{
	struct series *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return err_set(err, -ENOMEM, "no memory for the totals");
	s->db = db;
	s->kind = kind;
	s->room = s->ahead.max_keys = ROOM;
	s->ahead.width_us = kind->width_us;
	s->idle_in = -1;
	ret = prepare(s, err);
	if (!ret)
		ret = read_watermark(s, err);
	if (ret) {
		series_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void series_free(struct series *s)
{
	if (!s)
		return;
	sqlite3_finalize(s->first_row);
	sqlite3_finalize(s->last_row);
	sqlite3_finalize(s->rows);
	sqlite3_finalize(s->program_of);
	sqlite3_finalize(s->put_peer);
	sqlite3_finalize(s->put_program);
	sqlite3_finalize(s->set_marks);
	ahead_clear(&s->ahead);
	tally_free(s->tally);
	tally_free(s->programs);
	free(s);
}

void series_feed(struct series *from, struct series *to)
{
	from->fed = to;
}

void series_set_room(struct series *s, size_t max_keys)
{
	s->room = s->ahead.max_keys = max_keys;
}

int64_t series_floor_us(const struct series *s)
{
	return s->floor_us;
}

/* ---- seeking ---- */

static void begin_reading(struct series *s)
{
	s->next_id = s->at * s->kind->width_us;
	s->stage = STAGE_READ;
}

/* Goes on from where another series has read up to. */
static void begin_ahead(struct series *s)
{
	int64_t until_us;
	struct tally *ahead = ahead_take(&s->ahead, s->at * s->kind->width_us, &until_us);

	if (!ahead)
		return;
	tally_free(s->tally);
	s->tally = ahead;
	s->next_id = until_us;
}

/* Of those that are kept for a while only, the old ones of a long history, or of what came
 * while none could be made, are passed over. By the last row, and not by the clock, which may
 * be wrong. */
static int skip_old(struct series *s, int64_t *first, struct err *err)
{
	int64_t id = -1;
	int ret;

	*first = s->until;
	if (!s->kind->kept)
		return 0;
	ret = select_number(s, s->last_row, s->until * s->kind->width_us, &id, err);
	if (ret || id / s->kind->width_us - s->kind->kept <= s->until)
		return ret;
	*first = s->from = id / s->kind->width_us - s->kind->kept;
	return 0;
}

static int begin_interval(struct series *s, int64_t at, struct err *err)
{
	int ret = tally_new(s->room, &s->tally, err);

	if (!ret)
		ret = tally_new(s->room, &s->programs, err);
	if (ret) {
		tally_free(s->tally);
		s->tally = NULL;
		return ret;
	}
	s->at = at;
	s->floor_us = (at + 1) * s->kind->width_us;
	s->without_peer = false;
	/* What was known may have been deleted since, and its number be another's. */
	memset(s->owners, 0, sizeof(s->owners));
	begin_reading(s);
	begin_ahead(s);
	return 1;
}

/* Intervals without rows are passed over, and the watermark stays behind the last row: while
 * the clock is wrong and nothing is recorded it goes nowhere. */
static int seek(struct series *s, int64_t now_in, struct err *err)
{
	int64_t first, id = -1;
	int ret = skip_old(s, &first, err);

	if (!ret)
		ret = select_number(s, s->first_row, first * s->kind->width_us, &id, err);
	if (ret)
		return ret;
	s->empty_us = first * s->kind->width_us;
	if (id >= 0 && id / s->kind->width_us < now_in)
		return begin_interval(s, id / s->kind->width_us, err);
	s->idle_in = now_in;
	return 0;
}

/* ---- reading ---- */

static int find_program(struct series *s, int64_t process_id, int64_t *program_id, struct err *err)
{
	struct known_owner *known = &s->owners[(uint64_t)process_id % KNOWN_OWNERS];

	if (known->process_id != process_id) {
		int64_t found = 0;
		int ret = select_number(s, s->program_of, process_id, &found, err);

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

static int add_row(struct series *s, struct err *err)
{
	int64_t process_id = sqlite3_column_int64(s->rows, 8);
	struct tally_row row = {0};
	int ret = 0;

	row.key.direction = (uint8_t)sqlite3_column_int(s->rows, 2);
	row.key.loopback = (sqlite3_column_int(s->rows, 4) & CONNECTION_LOOPBACK) != 0;
	row.key.service_port =
		(uint16_t)sqlite3_column_int(s->rows, row.key.direction == DIRECTION_OUT ? 6 : 7);
	row.key.container_id = sqlite3_column_int64(s->rows, 9);
	if (process_id)
		ret = find_program(s, process_id, &row.key.program_id, err);
	if (!ret && !s->without_peer)
		ret = read_peer(s->rows, row.key.peer_addr, err);
	if (ret)
		return ret;
	read_sums(s->rows, &row.sums);
	return tally_add(s->tally, &row, err);
}

/* By key and not by one long statement, which would hold its snapshot and so the WAL. */
static int read_rows(struct series *s, struct err *err)
{
	int rc, n = 0, ret = 0;

	sqlite3_bind_int64(s->rows, 1, s->next_id);
	sqlite3_bind_int64(s->rows, 2, (s->at + 1) * s->kind->width_us);
	sqlite3_bind_int(s->rows, 3, SERIES_READ_ROWS);
	while ((rc = sqlite3_step(s->rows)) == SQLITE_ROW) {
		ret = add_row(s, err);
		if (ret)
			break;
		s->next_id = sqlite3_column_int64(s->rows, 0) + 1;
		n++;
	}
	if (!ret && rc != SQLITE_DONE)
		ret = err_set(err, db_errno(rc), "reading for the totals: %s",
			      sqlite3_errmsg(s->db));
	sqlite3_reset(s->rows);
	if (ret)
		return ret;
	if (n < SERIES_READ_ROWS) {
		tally_sort(s->tally);
		s->stage = STAGE_WRITE;
	}
	return 1;
}

/* ---- writing ---- */

static int put_row(struct series *s, const struct tally_row *row, struct err *err)
{
	const struct tally_key *k = &row->key;
	const struct tally_sums *sums = &row->sums;
	const int64_t values[] = {
		s->at,
		k->direction,
		k->service_port,
		k->program_id,
		k->container_id,
		k->loopback,
		sums->attempts,
		sums->failed,
		sums->resets,
		sums->tx_bytes,
		sums->rx_bytes,
		sums->retransmits,
		sums->connects,
		sums->connect_us_sum,
		sums->connect_us_max,
		sums->duration_us_sum,
		sums->first_start_us - s->at * s->kind->width_us,
		sums->last_start_us - sums->first_start_us,
	};
	sqlite3_stmt *put = s->without_peer ? s->put_program : s->put_peer;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		sqlite3_bind_int64(put, (int)i + 1, values[i]);
	if (!s->without_peer)
		sqlite3_bind_text(put, PEER_AT, k->peer_addr, -1, SQLITE_STATIC);
	return db_step(s->db, put, s->kind->what, err);
}

static bool is_wanted(const struct series *s, const struct tally_key *key)
{
	return s->without_peer || s->kind->peers_in || key->direction == DIRECTION_OUT;
}

/* Up to SERIES_WRITE_ROWS of them; *@n: how many were taken; *@done: all is written. */
static int put_rows(struct series *s, size_t *n, bool *done, struct err *err)
{
	const struct tally_row *row = NULL;
	int ret = 0;

	while (!ret && *n < SERIES_WRITE_ROWS && (row = tally_take(s->tally))) {
		++*n;
		if (!is_wanted(s, &row->key)) /* nor is any of the next */
			break;
		ret = put_row(s, row, err);
	}
	*done = !ret && !row && s->without_peer && tally_is_last_part(s->tally);
	if (*done) {
		sqlite3_bind_int64(s->set_marks, 1, s->at + 1);
		sqlite3_bind_int64(s->set_marks, 2, s->from);
		ret = db_step(s->db, s->set_marks, "how far the totals are", err);
	}
	return ret;
}

static void forget_programs(struct series *s)
{
	tally_free(s->programs);
	s->programs = NULL;
}

/* The sums without the peer are sums of those by peer. Where they are too many, all rows are
 * read once more for them. */
static void fold(struct series *s)
{
	struct err ignored;

	if (s->programs && (tally_merge(s->tally, s->programs, false, &ignored) != 0 ||
			    !tally_is_whole(s->programs)))
		forget_programs(s);
}

/* From the sums by peer to those without. */
static int begin_programs(struct series *s, struct err *err)
{
	struct tally *next = s->programs;
	int ret = next ? 0 : tally_new(s->room, &next, err);

	if (ret)
		return ret;
	if (s->fed)
		ahead_add(&s->fed->ahead, s->tally, s->empty_us, s->at * s->kind->width_us,
			  (s->at + 1) * s->kind->width_us);
	tally_free(s->tally);
	s->tally = next;
	s->without_peer = true;
	if (s->programs)
		tally_sort(s->tally); /* and on with STAGE_WRITE */
	else
		begin_reading(s);
	s->programs = NULL;
	return 1;
}

static int end_interval(struct series *s)
{
	tally_free(s->tally);
	s->tally = NULL;
	s->until = s->at + 1;
	s->stage = STAGE_SEEK;
	return 1;
}

/* Goes on after all rows of this part are written. */
static int end_part(struct series *s, bool is_done, struct err *err)
{
	if (is_done)
		return end_interval(s);
	if (!s->without_peer)
		fold(s);
	if (!tally_next_part(s->tally))
		return begin_programs(s, err);
	begin_reading(s);
	return 1;
}

static int write_rows(struct series *s, struct err *err)
{
	bool done = false;
	size_t n = 0;
	int ret = db_exec(s->db, "BEGIN IMMEDIATE", err);

	if (!ret)
		ret = put_rows(s, &n, &done, err);
	ret = db_end(s->db, ret, err);
	if (ret) {
		tally_put_back(s->tally, n);
		return ret;
	}
	return n < SERIES_WRITE_ROWS ? end_part(s, done, err) : 1;
}

/* ---- a step ---- */

int series_step(struct series *s, int64_t now_us, struct err *err)
{
	int64_t now_in = (now_us - SETTLE_US) / s->kind->width_us;

	switch (s->stage) {
	case STAGE_SEEK:
		/* Not "before that one": the clock may have been set back. */
		return now_in == s->idle_in ? 0 : seek(s, now_in, err);
	case STAGE_READ:
		return read_rows(s, err);
	case STAGE_WRITE:
		return write_rows(s, err);
	}
	return 0;
}
