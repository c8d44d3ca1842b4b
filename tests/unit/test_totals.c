/*
 * totals: where it reads, what it refuses, and what it does with what cannot be. That its
 * sums are right is shown by test_totals_equal.c.
 */
#include "totals_db.h"

#include "totals_hash.h"

/* What SQLite says about @sql, which must fail. Valid until the next call. */
static const char *error_of(sqlite3 *db, const char *sql)
{
	static char text[512];
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_DONE)
		fail_msg("%s did not fail", sql);
	snprintf(text, sizeof(text), "%s", sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	return text;
}

static void all_arguments_may_be_left_out_or_null(void **state)
{
	sqlite3 *db = db_of(state);

	add_history(db);
	assert_int_equal(tempdb_number(db, "SELECT sum(connections) FROM totals"), 4);
	assert_int_equal(tempdb_number(db,
				       "SELECT connections FROM totals(NULL, NULL, NULL, NULL)"),
			 4);
	assert_string_equal(tempdb_text(db, "SELECT bucket FROM totals"), "NULL");
	/* A number is one, however it was reckoned. */
	assert_int_equal(tempdb_number(db, "SELECT connections FROM totals(1769860800e6 - 3600e6)"),
			 1);
	assert_int_equal(tempdb_number(db, "SELECT connections FROM totals"
					   " WHERE since_us = 1769860800000000 - 3600000000"),
			 1);
	assert_string_equal(
		tempdb_text(db, "SELECT count(*) || since_us || until_us || window || bucket_us"
				" FROM totals(1, 2, 'ended', 3)"),
		"NULL");
}

static void a_wrong_argument_is_told(void **state)
{
	sqlite3 *db = db_of(state);

	assert_string_equal(error_of(db, "SELECT * FROM totals('yesterday')"),
			    "totals: since_us is \"yesterday\", and must be a number of"
			    " microseconds");
	assert_string_equal(error_of(db, "SELECT * FROM totals(1, x'00')"),
			    "totals: until_us is \"\", and must be a number of microseconds");
	assert_string_equal(error_of(db, "SELECT * FROM totals(1, 2, 'last')"),
			    "totals: there is no window \"last\"; write 'active', 'started' or"
			    " 'ended'");
	assert_string_equal(error_of(db, "SELECT * FROM totals(1, 2, 'ended', -1)"),
			    "totals: bucket_us is -1, and must not be negative");
	assert_string_equal(error_of(db, "SELECT * FROM totals(1, 2, 'ended', 1, 5)"),
			    "too many arguments on totals() - max 4");
}

/* One value of a sum that no sum can hold tells whether it was read. */
static void only_what_is_asked_for_is_read(void **state)
{
	sqlite3 *db = db_of(state);

	add_history(db);
	tempdb_run(db, "UPDATE hourly SET tx_bytes = 0x7fffffffffffffff WHERE direction = 1;"
		       "INSERT INTO hourly SELECT hour, direction, '10.0.0.4', service_port, 1,"
		       " container_id, loopback, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1"
		       "  FROM hourly WHERE direction = 1");
	assert_string_equal(error_of(db, "SELECT sum(tx_bytes), min(peer_addr) FROM totals"),
			    "integer overflow");
	assert_string_equal(error_of(db, "SELECT min(tx_bytes), min(family) FROM totals"),
			    "totals: a sum is larger than 2^63");
	assert_int_equal(tempdb_number(db, "SELECT sum(tx_bytes) FROM totals"
					   " WHERE direction = 'out' AND peer_addr > ''"),
			 30);
	assert_int_equal(tempdb_number(db, "SELECT sum(tx_bytes) FROM totals"
					   " WHERE direction = 'out' GROUP BY family"),
			 30);
	assert_int_equal(tempdb_number(db, "SELECT sum(tx_bytes) FROM totals"
					   " WHERE family = 4 AND service_port = 443"),
			 20);
	assert_int_equal(tempdb_number(db, "SELECT sum(tx_bytes) FROM totals"
					   " WHERE peer_addr = '10.0.0.2'"),
			 20);
	/* Without the peer, from hourly_program. */
	assert_int_equal(tempdb_number(db, "SELECT sum(tx_bytes) FROM totals"), 40);
}

/* One value that no row has tells whether it was read. */
static void of_deleted_rows_five_minutes_tell_nothing(void **state)
{
	sqlite3 *db = db_of(state);

	add_history(db);
	add_recent(db, NOW_SLOT - 24, NOW_SLOT);
	tempdb_run(db, "UPDATE recent_program SET attempts = 100");
	assert_int_equal(tempdb_number(db, "SELECT sum(connections) FROM"
					   " totals(1769860800e6 - 7200e6, NULL, 'ended')"),
			 101);
	assert_int_equal(tempdb_number(db, "SELECT sum(connections) FROM"
					   " totals(1769860800e6 - 3600e6, NULL, 'ended')"),
			 100);
	tempdb_run(db, "UPDATE extent SET rows_from_us = 1769860800000000 - 1000000;"
		       "DELETE FROM connection WHERE id < 1769860800000000 - 1000000");
	assert_int_equal(tempdb_number(db, "SELECT sum(connections) FROM"
					   " totals(1769860800e6 - 3600e6, NULL, 'ended')"),
			 1);
}

static void of_deleted_rows_whole_hours_are_known(void **state)
{
	sqlite3 *db = db_of(state);
	char sql[256];

	add_ended(db, NOW_US - 3 * US_PER_HOUR + 10000000, 1000, 0, "10.0.0.4", 25, "4");
	add_history(db);
	tempdb_run(db, "DELETE FROM connection WHERE id < 1769860800000000 - 3600000000;"
		       "UPDATE extent SET rows_from_us = 1769860800000000 - 3600000000");
	assert_int_equal(tempdb_number(db, "SELECT sum(connections) FROM totals"), 5);
	/* From the middle of an hour on: that one is left out. */
	snprintf(sql, sizeof(sql), "SELECT sum(connections) FROM totals(%lld)",
		 (long long)(NOW_US - 3 * US_PER_HOUR + 1));
	assert_int_equal(tempdb_number(db, sql), 2);
	/* An hour as a whole, if it cannot be cut: where it begins. */
	snprintf(sql, sizeof(sql),
		 "SELECT connections FROM totals(0, %lld, 'ended', 60000000) WHERE bucket = %lld",
		 (long long)NOW_US, (long long)(NOW_US - 2 * US_PER_HOUR));
	assert_int_equal(tempdb_number(db, sql), 1);
	/* Of an hour in which some started too early, what surely did not. */
	snprintf(sql, sizeof(sql), "SELECT sum(connections) FROM totals(%lld, NULL, 'started')",
		 (long long)(NOW_US - 3 * US_PER_HOUR));
	assert_int_equal(tempdb_number(db, sql), 3);
}

static void what_starts_with_the_window_is_in_it(void **state)
{
	sqlite3 *db = db_of(state);
	char sql[128];

	add_history(db);
	/* The last one of its hour; the one before started 5 us earlier. */
	snprintf(sql, sizeof(sql), "SELECT sum(connections) FROM totals(%lld, NULL, 'started')",
		 (long long)(NOW_US - 3 * US_PER_HOUR + 5 - 1000));
	assert_int_equal(tempdb_number(db, sql), 3);
}

static void deleted_totals_are_not_missed_where_rows_are(void **state)
{
	sqlite3 *db = db_of(state);

	add_history(db);
	tempdb_run(db, "DELETE FROM hourly; DELETE FROM hourly_program");
	assert_int_equal(tempdb_number(db, "SELECT sum(connections) FROM totals"), 4);
	add_totals(db, NOW_HOUR - 1);
	tempdb_run(db, "DELETE FROM hourly WHERE hour < 491626;"
		       "DELETE FROM hourly_program WHERE hour < 491626;"
		       "UPDATE extent SET totals_from_hour = 491626");
	assert_int_equal(tempdb_number(db, "SELECT sum(connections) FROM totals"), 4);
}

static void txn_state(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc, (void)argv;
	sqlite3_result_int(ctx, sqlite3_txn_state(sqlite3_context_db_handle(ctx), "main"));
}

/* So that extent, sums and rows are of one moment. */
static void it_reads_in_one_transaction(void **state)
{
	sqlite3 *db = db_of(state);

	add_history(db);
	sqlite3_create_function(db, "txn_state", 0, SQLITE_UTF8, NULL, txn_state, NULL, NULL);
	assert_int_equal(tempdb_number(db, "SELECT txn_state()"), SQLITE_TXN_NONE);
	assert_int_equal(tempdb_number(db, "SELECT txn_state() FROM totals"), SQLITE_TXN_READ);
}

static void arguments_may_come_from_another_table(void **state)
{
	sqlite3 *db = db_of(state);

	add_history(db);
	assert_string_equal(
		tempdb_text(db, "SELECT group_concat(since || ':' || n) FROM (SELECT"
				" column1 AS since, sum(connections) AS n FROM"
				" (VALUES (0), (1769860800000000 - 3600000000)), totals(column1)"
				" GROUP BY since ORDER BY since)"),
		"0:4,1769857200000000:1");
}

static void a_view_in_the_file_cannot_use_it(void **state)
{
	sqlite3 *db = db_of(state);

	tempdb_run(db, "DROP VIEW open_connections;"
		       "CREATE VIEW open_connections AS SELECT * FROM totals");
	assert_string_equal(error_of(db, "SELECT * FROM totals"),
			    "totals: unsafe use of virtual table \"totals\"");
}

static void outcomes_and_errors_have_the_names_that_the_view_gives_them(void **state)
{
	sqlite3 *db = db_of(state);

	for (int i = 0; i < 140; i++) {
		add_ended(db, NOW_US - 140 + i, 1, 0, "10.0.0.2", 1000 + i, "1");
		run_f(db, "UPDATE connection SET outcome = %d, error = %d WHERE id = %lld", i % 40,
		      i, (long long)(NOW_US - 140 + i));
	}
	assert_string_equal(
		tempdb_text(db, "SELECT count(*) || ' ' || count(DISTINCT outcome) || ' ' ||"
				" count(DISTINCT error) FROM totals t JOIN ended_connections e"
				" USING (service_port, outcome, error) WHERE t.failed = e.failed"),
		"140 16 140");
}

static void how_it_adds_rows_is_nobody_elses(void **state)
{
	sqlite3 *db = db_of(state);
	const char *told = "totals_add_row is for totals only";

	assert_string_equal(error_of(db, "SELECT totals_add_row()"), told);
	assert_string_equal(error_of(db, "SELECT totals_add_row(NULL, 1)"), told);
	assert_string_equal(error_of(db, "SELECT totals_add_row('struct reader', 1, 2)"), told);
}

static void a_damaged_extent_is_told(void **state)
{
	sqlite3 *db = db_of(state);
	static const char *const damages[] = {
		"DELETE FROM extent",
		"INSERT INTO extent VALUES (1, -1, 0, 0, 0, 0)",
		"UPDATE extent SET totals_until_hour = 0x7fffffffffffffff",
		"UPDATE extent SET totals_until_hour = 0, rows_from_us = -1",
		"UPDATE extent SET rows_from_us = 0, totals_from_hour = 0x7000000000000000",
		("UPDATE extent SET totals_from_hour = 0, recent_until_slot = 0x700000000000000"),
		"UPDATE extent SET recent_until_slot = 0, recent_from_slot = -1",
		("DROP TABLE extent; CREATE TABLE extent AS SELECT 1 AS id, 'x' AS totals_until_hour,"
		 " 'y' AS rows_from_us, NULL AS totals_from_hour, 0 AS recent_until_slot,"
		 " 0 AS recent_from_slot"),
	};

	add_history(db);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		tempdb_run(db, damages[i]);
		assert_string_equal(
			error_of(db, "SELECT comm, connections FROM totals"),
			"totals: the database is damaged: extent says nothing sensible");
	}
}

/* Whatever stands where a number should: an answer or an error. */
static void foreign_types_do_no_harm(void **state)
{
	static const char *const tables[] = {"connection", "hourly",	"hourly_program", "program",
					     "process",	   "container", "open_row"};
	static const char *const values[] = {"'text'", "x'00ff'", "1e300",
					     "NULL",   "-1",	  "0x7fffffffffffffff"};
	sqlite3 *db = db_of(state);

	add_history(db);
	tempdb_run(db, "PRAGMA legacy_alter_table=ON");
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		run_f(db,
		      "CREATE TABLE old AS SELECT * FROM %s; DROP TABLE %s;"
		      "ALTER TABLE old RENAME TO %s",
		      tables[t], tables[t], tables[t]);
	for (size_t v = 0; v < 6; v++) {
		for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
			sqlite3_stmt *stmt = NULL;
			char *sql = sqlite3_mprintf("SELECT name FROM pragma_table_info(%Q)"
						    " WHERE name NOT IN ('hour', 'id')",
						    tables[t]);

			sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
			while (sqlite3_step(stmt) == SQLITE_ROW)
				run_f(db, "UPDATE %s SET \"%s\" = %s", tables[t],
				      sqlite3_column_text(stmt, 0), values[v]);
			sqlite3_finalize(stmt);
			sqlite3_free(sql);
		}
		for (size_t i = 0; i < 3; i++) {
			static const char *const questions[] = {
				"SELECT * FROM totals",
				("SELECT bucket, comm, exe, uid, pod, container, peer_addr, family,"
				 " direction, loopback, tx_bytes, first_start_us, last_start_us,"
				 " connect_us_max FROM totals(0, NULL, 'started', 3600000000)"),
				("SELECT comm, container, direction, tx_bytes, connections"
				 " FROM totals WHERE service_port = 443")};
			sqlite3_stmt *stmt = NULL;
			int rc = sqlite3_prepare_v2(db, questions[i], -1, &stmt, NULL);

			while (rc == SQLITE_OK || rc == SQLITE_ROW)
				rc = sqlite3_step(stmt);
			assert_true(rc == SQLITE_DONE || *sqlite3_errmsg(db));
			sqlite3_finalize(stmt);
		}
	}
}

static void groups_take_no_more_memory_than_they_may(void **state)
{
	struct sums s = {.n_keys = 2, .n_values = 1, .kinds = {SUM_ADD}, .max_bytes = 1 << 20};
	int64_t *values, n = 0, code = 0;
	int rc = SQLITE_OK;

	(void)state;
	for (; rc == SQLITE_OK; n++)
		rc = sums_group(&s, (int64_t[]){n, 1}, &values);
	assert_int_equal(rc, SQLITE_FULL);
	assert_true(n > 8192 && n < (1 << 20) / 24);
	sums_clear(&s);

	s.max_bytes = 1 << 20;
	rc = SQLITE_OK;
	for (n = 0; rc == SQLITE_OK; n++)
		rc = sums_text(&s, (const char *)&n, sizeof(n), &code);
	assert_int_equal(rc, SQLITE_FULL);
	assert_true(n > 8192);
	sums_clear(&s);
}

/* The same as by searching a list, of texts of all lengths. */
static void each_text_has_one_code(void **state)
{
	struct sums s = {.max_bytes = 1 << 24};
	char text[64];
	int64_t code;

	(void)state;
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < 3000; i++) {
			int len = snprintf(text, sizeof(text), "%.*s%d", i % 23,
					   "a text that goes before", i);

			assert_int_equal(sums_text(&s, text, (size_t)len, &code), SQLITE_OK);
			assert_int_equal(code, i);
		}
	}
	assert_int_equal(sums_text(&s, "", 0, &code), SQLITE_OK);
	assert_int_equal(code, 3000);
	sums_clear(&s);
}

/* SQLite's own limit on its memory; a shell has none. */
static void want_of_memory_is_an_error(void **state)
{
	sqlite3 *db = db_of(state);

	tempdb_run(db,
		   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
		   " INSERT INTO connection (id, duration_us, direction, outcome, flags,"
		   " peer_addr, peer_port, local_port, tx_bytes, rx_bytes, retransmits, local_id)"
		   " SELECT i, 0, 0, 2, 0, 'peer' || i, 1, 1, 0, 0, 0, 1 FROM n");
	assert_int_equal(tempdb_number(db, "SELECT count(DISTINCT peer_addr) FROM totals"), 60000);
	sqlite3_hard_heap_limit64(sqlite3_memory_used() + 3000000);
	assert_string_equal(error_of(db, "SELECT peer_addr, connections FROM totals"),
			    "out of memory");
	sqlite3_hard_heap_limit64(0);
	assert_int_equal(tempdb_number(db, "SELECT count(DISTINCT peer_addr) FROM totals"), 60000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, totals_db_open, totals_db_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_arguments_may_be_left_out_or_null),
		TEST(a_wrong_argument_is_told),
		TEST(only_what_is_asked_for_is_read),
		TEST(of_deleted_rows_five_minutes_tell_nothing),
		TEST(of_deleted_rows_whole_hours_are_known),
		TEST(what_starts_with_the_window_is_in_it),
		TEST(deleted_totals_are_not_missed_where_rows_are),
		TEST(it_reads_in_one_transaction),
		TEST(arguments_may_come_from_another_table),
		TEST(a_view_in_the_file_cannot_use_it),
		TEST(outcomes_and_errors_have_the_names_that_the_view_gives_them),
		TEST(how_it_adds_rows_is_nobody_elses),
		TEST(a_damaged_extent_is_told),
		TEST(foreign_types_do_no_harm),
		TEST(want_of_memory_is_an_error),
		cmocka_unit_test(groups_take_no_more_memory_than_they_may),
		cmocka_unit_test(each_text_has_one_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
