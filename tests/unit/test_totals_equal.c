/*
 * What totals says is what a plain GROUP BY over the view connections says, for any
 * history, window, filter and grouping. The cases are random, and always the same.
 */
#include "totals_db.h"

#define N_HOURS	    8
#define FIRST_US    (NOW_US - N_HOURS * US_PER_HOUR)
#define N_HISTORIES 12
#define N_QUESTIONS 60

static uint64_t seed;

/* A number from 0 to @n - 1. */
static int64_t any(int64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)((seed >> 11) % (uint64_t)n);
}

static const char *any_of(const char *const *words, int n)
{
	return words[any(n)];
}

#define ANY_OF(...)                                                                                \
	any_of((const char *const[]){__VA_ARGS__},                                                 \
	       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static int64_t any_duration(void)
{
	switch (any(4)) {
	case 0:
		return 0;
	case 1:
		return any(3 * US_PER_HOUR);
	default:
		return any(2000000);
	}
}

/* Often at or beside the edge of an hour, or of five minutes. */
static int64_t any_time(void)
{
	int64_t hour = FIRST_US + any(N_HOURS) * US_PER_HOUR;

	switch (any(7)) {
	case 0:
		return hour;
	case 1:
		return hour + any(3) - 1;
	case 2:
		return hour + any(12) * US_PER_SLOT;
	case 3:
		return hour + any(12) * US_PER_SLOT + any(3) - 1;
	default:
		return hour + any(US_PER_HOUR);
	}
}

static const char *any_peer(void)
{
	return ANY_OF("10.0.0.2", "10.0.0.3", "2001:db8::1", "127.0.0.1", "::1");
}

static const char *any_number(void)
{
	static char text[4][24];
	static int at;

	at = (at + 1) % 4;
	if (any(3) == 0)
		return "NULL";
	snprintf(text[at], sizeof(text[at]), "%lld", (long long)any(100000));
	return text[at];
}

static void add_rows(sqlite3 *db)
{
	for (int i = 0; i < 300; i++)
		run_f(db,
		      "INSERT OR IGNORE INTO connection (id, duration_us, direction, outcome, flags,"
		      " peer_addr, peer_port, local_port, process_id, container_id, tx_bytes,"
		      " rx_bytes, connect_us, retransmits, local_id, error)"
		      " VALUES (%lld, %lld, %lld, %s, %s, %Q, %s, %s, %s, %s, %lld, %lld, %s, %lld,"
		      " %s, %s)",
		      any_time(), any_duration(), any(2), ANY_OF("2", "2", "3", "4", "16", "17"),
		      ANY_OF("0", "32", "1"), any_peer(), ANY_OF("80", "443"), ANY_OF("22", "443"),
		      ANY_OF("1", "2", "3", "4", "5", "6", "65537", "NULL"),
		      ANY_OF("1", "2", "3", "NULL"), any(5000), any(5000), any_number(), any(3),
		      ANY_OF("1", "2"), ANY_OF("NULL", "111"));
	for (int i = 0; i < 12; i++)
		run_f(db,
		      "INSERT INTO open_row (id, start_us, seen_us, direction, outcome, flags,"
		      " local_addr, peer_addr, peer_port, local_port, process_id, container_id,"
		      " tx_bytes, rx_bytes, connect_us, retransmits, netns)"
		      " VALUES (%d, %lld, %lld, %lld, %lld, %s, '10.0.0.1', %Q, 80, 443, %s, %s, %lld,"
		      " 3, %s, 1, 1)",
		      i + 1, any_time(), NOW_US, any(2), any(2), ANY_OF("0", "32"), any_peer(),
		      ANY_OF("1", "4", "NULL"), ANY_OF("1", "NULL"), any(9), any_number());
}

static const char *const windows[] = {"active", "started", "ended"};

static const char *window_condition(const char *window)
{
	if (!strcmp(window, "active"))
		return "id >= :s AND id - duration_us < :u";
	if (!strcmp(window, "started"))
		return "id >= :s AND id - duration_us >= :s AND id - duration_us < :u";
	return "id >= :s AND id < :u AND ended_at IS NOT NULL";
}

struct question {
	const char *window, *filter;
	int64_t since, until, bucket;
	const char *keys[4];
	int n_keys;
};

/* Of the rows; with @rows_only also what hours do not know. */
static struct question any_question(bool rows_only)
{
	struct question q = {.window = any_of(windows, 3),
			     .since = any_time(),
			     .until = any_time()};

	if (any(3) == 0)
		q.until = NOW_US;
	if (any(6) == 0)
		q.since = 0;
	q.bucket = (int64_t[]){60, 300, 3600, 7200, 1000, 0}[any(6)] * 1000000;
	q.filter = ANY_OF("1", "1", "direction = 'out'", "direction = 'in'",
			  "peer_addr = '10.0.0.2'", "service_port = 443", "loopback = 1",
			  "NOT loopback", "comm = 'curl' AND direction = 'out'",
			  "peer_addr = '::1' AND direction = 'in' AND service_port = 443",
			  "container_id = 'c0ffee'", "direction IN ('in', 'out')",
			  "peer_addr IN ('::1', '127.0.0.1', '::1')", "direction = 'sideways'",
			  "direction = 'out' AND loopback = 0", "service_port = 443.0",
			  "direction = 'OUT' COLLATE NOCASE", "ip_in(peer_addr, '10.0.0.0/8')",
			  "uid IS NULL");
	if (rows_only)
		q.filter = ANY_OF("failed = 1", "failed AND failed = 1", "outcome = 'refused'",
				  "pid = 11 AND direction = 'out'", "netns = 4026531840",
				  "failed = 0", "failed = 1 AND peer_addr = '::1'");
	q.n_keys = (int)any(4);
	for (int i = 0; i < q.n_keys; i++) {
		q.keys[i] =
			ANY_OF("bucket", "direction", "peer_addr", "service_port", "comm", "exe",
			       "uid", "container", "container_id", "pod", "loopback", "family");
		if (rows_only && any(2))
			q.keys[i] =
				ANY_OF("outcome", "error", "pid", "netns", "local_addr", "failed");
	}
	return q;
}

static char *totals_sql(const struct question *q)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);

	sqlite3_str_appendall(sql, "SELECT ");
	for (int i = 0; i < q->n_keys; i++)
		sqlite3_str_appendf(sql, "%s, ", q->keys[i]);
	sqlite3_str_appendf(
		sql,
		"sum(connections), sum(failures), sum(resets), sum(tx_bytes), sum(rx_bytes),"
		" sum(retransmits), ifnull(sum(connects), 0), ifnull(sum(connect_us_sum), 0),"
		" max(connect_us_max), sum(duration_us_sum), min(first_start_us),"
		" max(last_start_us) FROM totals(:s, :u, '%s', :b) WHERE %s",
		q->window, q->filter);
	for (int i = 0; i < q->n_keys; i++)
		sqlite3_str_appendf(sql, "%s%d", i ? ", " : " GROUP BY ", i + 1);
	return sqlite3_str_finish(sql);
}

static char *plain_sql(const struct question *q)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);

	sqlite3_str_appendall(sql, "SELECT ");
	for (int i = 0; i < q->n_keys; i++)
		sqlite3_str_appendf(sql, "%s, ",
				    strcmp(q->keys[i], "bucket") ? q->keys[i]
								 : "min(id, :u - 1) / :b * :b");
	sqlite3_str_appendf(
		sql,
		"%s, sum(failed), sum(outcome IN ('reset_by_peer', 'reset_by_us')), sum(tx_bytes),"
		" sum(rx_bytes), sum(retransmits), count(connect_us), ifnull(sum(connect_us), 0),"
		" max(connect_us), sum(duration_us), min(id - duration_us), max(id - duration_us)"
		" FROM connections WHERE %s AND (%s)",
		q->n_keys ? "count(*)" : "nullif(count(*), 0)", window_condition(q->window),
		q->filter);
	for (int i = 0; i < q->n_keys; i++)
		sqlite3_str_appendf(sql, "%s%d", i ? ", " : " GROUP BY ", i + 1);
	return sqlite3_str_finish(sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const struct question *q, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_bind_int64(stmt, sqlite3_bind_parameter_index(stmt, ":s"), q->since);
	sqlite3_bind_int64(stmt, sqlite3_bind_parameter_index(stmt, ":u"), q->until);
	if (q->bucket)
		sqlite3_bind_int64(stmt, sqlite3_bind_parameter_index(stmt, ":b"), q->bucket);
	return stmt;
}

/* How many rows both have, which must be the same ones, in any order. */
static int compare(sqlite3 *db, const struct question *q)
{
	char *totals = totals_sql(q), *plain = plain_sql(q);
	char *sql = sqlite3_mprintf(
		"SELECT (SELECT count(*) FROM (%s)), (SELECT count(*) FROM (%s)),"
		" (SELECT count(*) FROM (SELECT * FROM (%s) EXCEPT SELECT * FROM (%s)))",
		totals, plain, totals, plain);
	sqlite3_stmt *stmt = prepare(db, q, sql);
	int n;

	assert_non_null(sql);
	if (sqlite3_step(stmt) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	n = sqlite3_column_int(stmt, 0);
	if (n != sqlite3_column_int(stmt, 1) || sqlite3_column_int(stmt, 2) != 0)
		fail_msg("%s\nsince %lld until %lld bucket %lld: %d rows, not %d; %d differ",
			 totals, (long long)q->since, (long long)q->until, (long long)q->bucket, n,
			 sqlite3_column_int(stmt, 1), sqlite3_column_int(stmt, 2));
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	sqlite3_free(totals);
	sqlite3_free(plain);
	return n;
}

static void any_history(sqlite3 *db)
{
	int64_t slots = N_HOURS * 12, until = NOW_SLOT - any(slots + 1);

	tempdb_run(db, "BEGIN; DELETE FROM connection; DELETE FROM open_row;"
		       "DELETE FROM hourly; DELETE FROM hourly_program;"
		       "DELETE FROM recent; DELETE FROM recent_program");
	add_rows(db);
	add_totals(db, any(8) ? NOW_HOUR - any(N_HOURS + 1) : 0);
	add_recent(db, any(8) ? until - any(slots) : 0, any(8) ? until : 0);
	/* At and after the marks anything may stand, and before those from which. */
	tempdb_run(db, "UPDATE hourly SET attempts = attempts + 1 WHERE hour >="
		       " (SELECT totals_until_hour FROM extent);"
		       "UPDATE hourly_program SET attempts = attempts + 1 WHERE hour >="
		       " (SELECT totals_until_hour FROM extent);"
		       "UPDATE recent SET attempts = attempts + 1, start_us = 0 WHERE slot NOT"
		       " BETWEEN (SELECT recent_from_slot FROM extent)"
		       " AND (SELECT recent_until_slot FROM extent) - 1;"
		       "UPDATE recent_program SET attempts = attempts + 1, start_us = 0"
		       " WHERE slot NOT BETWEEN (SELECT recent_from_slot FROM extent)"
		       " AND (SELECT recent_until_slot FROM extent) - 1; COMMIT");
}

/* The very moment at which some connection started. */
static int64_t a_start(sqlite3 *db)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "SELECT id - duration_us FROM connection LIMIT 1 OFFSET %d",
		 (int)any(200));
	return tempdb_number(db, sql);
}

static void compare_many(sqlite3 *db, bool rows_only)
{
	int n = 0;

	for (int h = 0; h < N_HISTORIES; h++) {
		seed = (uint64_t)h + 1;
		any_history(db);
		for (int i = 0; i < N_QUESTIONS; i++) {
			struct question q = any_question(rows_only);

			if (any(4) == 0)
				q.since = a_start(db);
			if (any(4) == 0)
				q.until = a_start(db);

			n += compare(db, &q);
		}
	}
	assert_true(n > N_HISTORIES * N_QUESTIONS);
}

static void totals_are_what_group_by_says(void **state)
{
	compare_many(((struct totals_db *)*state)->db, false);
}

static void also_by_what_hours_do_not_know(void **state)
{
	compare_many(((struct totals_db *)*state)->db, true);
}

static char *all_rows(sqlite3 *db, char *sql)
{
	sqlite3_str *all = sqlite3_str_new(NULL);
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(stmt) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(stmt); i++)
			sqlite3_str_appendf(all, "%s|", sqlite3_column_text(stmt, i));
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	return sqlite3_str_finish(all);
}

/* An ORDER BY of what is grouped by is no sort of its own; of +1 it is one. */
static void groups_come_in_the_order_that_is_asked_for(void **state)
{
	static const struct {
		const char *by, *order, *sorted;
	} cases[] = {
		{"direction, peer_addr", "1, 2", "+direction, 2"},
		{"peer_addr, direction", "1, 2 DESC", "+peer_addr, 2 DESC"},
		{"comm, service_port", "1 DESC, 2", "+comm DESC, 2"},
		{"uid, container", "1, 2 DESC", "+uid, 2 DESC"},
		{"bucket, exe", "1 DESC, 2", "+bucket DESC, 2"},
		{"direction, outcome", "1 DESC, 2", "+direction DESC, 2"},
		{"pid, peer_addr", "1, 2", "+pid, 2"},
	};
	sqlite3 *db = ((struct totals_db *)*state)->db;
	static const char format[] =
		"SELECT %s, sum(connections), min(comm) FROM totals(0, NULL, 'active', 3600000000)"
		" GROUP BY 1, 2 ORDER BY %s";

	for (int h = 0; h < N_HISTORIES; h++) {
		seed = (uint64_t)h + 1;
		any_history(db);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			char *got =
				all_rows(db, sqlite3_mprintf(format, cases[i].by, cases[i].order));
			char *want =
				all_rows(db, sqlite3_mprintf(format, cases[i].by, cases[i].sorted));

			assert_string_equal(got, want);
			sqlite3_free(got);
			sqlite3_free(want);
		}
	}
}

static void what_is_distinct_is_told_once(void **state)
{
	static const char *const columns[] = {"direction, 1", "service_port, peer_addr",
					      "comm, failed", "1 + uid, 1", "container, pid"};
	sqlite3 *db = ((struct totals_db *)*state)->db;

	for (int h = 0; h < 3; h++) {
		seed = (uint64_t)h + 1;
		any_history(db);
		for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
			char *got = all_rows(db, sqlite3_mprintf("SELECT * FROM (SELECT DISTINCT %s"
								 " FROM totals) ORDER BY 1, 2",
								 columns[i]));
			char *want = all_rows(
				db, sqlite3_mprintf("SELECT %s FROM (SELECT * FROM totals LIMIT -1"
						    " OFFSET 0) GROUP BY %s ORDER BY 1, 2",
						    columns[i], columns[i]));

			assert_string_equal(got, want);
			sqlite3_free(got);
			sqlite3_free(want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(totals_are_what_group_by_says, totals_db_open,
						totals_db_close),
		cmocka_unit_test_setup_teardown(also_by_what_hours_do_not_know, totals_db_open,
						totals_db_close),
		cmocka_unit_test_setup_teardown(what_is_distinct_is_told_once, totals_db_open,
						totals_db_close),
		cmocka_unit_test_setup_teardown(groups_come_in_the_order_that_is_asked_for,
						totals_db_open, totals_db_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
