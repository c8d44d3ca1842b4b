/* The views, which are the public face, on rows put into the tables by hand. */
#include "unit.h"

#include "history.h"
#include "tempdb.h"

static struct tempdb *temp;

static int open_temp(void **state)
{
	*state = tempdb_setup_writer(&temp);
	return 0;
}

static int close_temp(void **state)
{
	db_close(*state);
	return tempdb_teardown((void **)&temp);
}

/* The query plan, a line a step. */
static const char *plan(sqlite3 *db, const char *sql)
{
	static char buf[4096];
	char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt = NULL;
	size_t used = 0;

	if (sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	buf[0] = '\0';
	while (sqlite3_step(stmt) == SQLITE_ROW)
		used += (size_t)snprintf(buf + used, sizeof(buf) - used, "%s\n",
					 sqlite3_column_text(stmt, 3));
	sqlite3_finalize(stmt);
	sqlite3_free(explain);
	return buf;
}

static void put(sqlite3 *db, enum direction direction, enum outcome outcome, int error, int source)
{
	sqlite3_stmt *stmt = NULL;

	assert_int_equal(
		sqlite3_prepare_v2(db,
				   "INSERT INTO connection(id, duration_us, direction, outcome,"
				   " error, local_id, local_port, peer_addr, peer_port,"
				   " tx_bytes, rx_bytes, retransmits, owner_source, flags)"
				   " VALUES(ifnull((SELECT max(id) FROM connection), 0) + 1, 1, ?1,"
				   " ?2, nullif(?3, 0), 1, 40000, '10.0.0.2', 443,"
				   " 0, 0, 0, nullif(?4, 0), 0)",
				   -1, &stmt, NULL),
		SQLITE_OK);
	sqlite3_bind_int(stmt, 1, direction);
	sqlite3_bind_int(stmt, 2, outcome);
	sqlite3_bind_int(stmt, 3, error);
	sqlite3_bind_int(stmt, 4, source);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
}

static const struct {
	enum outcome outcome;
	const char *name;
} outcomes[] = {
	{OUTCOME_CLOSED, "closed"},
	{OUTCOME_RESET_BY_PEER, "reset_by_peer"},
	{OUTCOME_RESET_BY_US, "reset_by_us"},
	{OUTCOME_TIMED_OUT, "timed_out"},
	{OUTCOME_NEVER_ACCEPTED, "never_accepted"},
	{OUTCOME_KILLED, "killed"},
	{OUTCOME_LOST, "lost"},
	{OUTCOME_ENDED_BY_ERROR, "error"},
	{OUTCOME_REFUSED, "refused"},
	{OUTCOME_TIMEOUT, "timeout"},
	{OUTCOME_UNREACHABLE, "unreachable"},
	{OUTCOME_CANCELLED, "cancelled"},
	{OUTCOME_NO_PORT, "no_port"},
	{OUTCOME_DENIED, "denied"},
	{OUTCOME_ERROR, "error"},
};

static void every_outcome_has_its_name_and_says_whether_it_failed(void **state)
{
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		tempdb_run(*state, "DELETE FROM connection");
		put(*state, DIRECTION_OUT, outcomes[i].outcome, 0, 0);
		assert_string_equal(tempdb_text(*state, "SELECT outcome FROM connections"),
				    outcomes[i].name);
		assert_string_equal(tempdb_text(*state, "SELECT failed FROM connections"),
				    outcomes[i].outcome >= OUTCOME_FAILED ? "1" : "0");
	}
}

static void every_owner_source_has_its_name(void **state)
{
	static const char *const names[] = {"NULL", "connect",	"accept", "close",
					    "scan", "listener", "kernel"};

	for (int source = OWNER_UNKNOWN; source <= OWNER_KERNEL; source++) {
		tempdb_run(*state, "DELETE FROM connection");
		put(*state, DIRECTION_IN, OUTCOME_CLOSED, 0, source);
		assert_string_equal(tempdb_text(*state, "SELECT owner_source FROM connections"),
				    names[source]);
	}
}

static void errors_have_their_names_and_unknown_ones_their_number(void **state)
{
	put(*state, DIRECTION_OUT, OUTCOME_REFUSED, 111, 0);
	assert_string_equal(tempdb_text(*state, "SELECT error FROM connections"), "ECONNREFUSED");
	tempdb_run(*state, "DELETE FROM connection");
	put(*state, DIRECTION_OUT, OUTCOME_ERROR, 77, 0);
	assert_string_equal(tempdb_text(*state, "SELECT error FROM connections"), "77");
}

static void the_service_port_is_the_peers_out_and_ours_in(void **state)
{
	put(*state, DIRECTION_OUT, OUTCOME_CLOSED, 0, 0);
	put(*state, DIRECTION_IN, OUTCOME_CLOSED, 0, 0);
	assert_string_equal(
		tempdb_text(*state, "SELECT service_port FROM connections WHERE direction = 'out'"),
		"443");
	assert_string_equal(
		tempdb_text(*state, "SELECT service_port FROM connections WHERE direction = 'in'"),
		"40000");
}

static void put_open(sqlite3 *db)
{
	tempdb_run(
		db,
		"INSERT INTO open_row(id, start_us, seen_us, direction, outcome, local_addr,"
		" local_port, peer_addr, peer_port, netns, tx_bytes, rx_bytes, retransmits, flags)"
		" VALUES(5, (unixepoch('now') - 7200) * 1000000, 0, 0, 1, '::1', 1, '::2', 2, 1,"
		" 0, 0, 0, 0)");
}

static void an_open_connection_has_no_end_and_is_active_now(void **state)
{
	put_open(*state);
	assert_string_equal(tempdb_text(*state, "SELECT ended_at FROM connections"), "NULL");
	assert_string_equal(tempdb_text(*state, "SELECT outcome FROM connections"), "open");
	assert_string_equal(tempdb_text(*state, "SELECT family FROM connections"), "6");
	assert_string_equal(tempdb_text(*state, "SELECT count(*) FROM last_hour"), "1");
	assert_string_equal(tempdb_text(*state,
					"SELECT abs(c.id - c.duration_us - o.start_us) < 1000"
					" FROM connections c, open_connection o"),
			    "1");
	assert_string_equal(tempdb_text(*state, "SELECT abs(duration_us - 7200e6) < 5e6"
						" FROM connections"),
			    "1");
}

static void times_are_iso_8601_with_milliseconds(void **state)
{
	put(*state, DIRECTION_OUT, OUTCOME_CLOSED, 0, 0);
	tempdb_run(*state, "UPDATE connection SET id = 1769853600123456, duration_us = 1000000");
	assert_string_equal(tempdb_text(*state, "SELECT ended_at FROM connections"),
			    "2026-01-31T10:00:00.123Z");
	assert_string_equal(tempdb_text(*state, "SELECT started_at FROM connections"),
			    "2026-01-31T09:59:59.123Z");
}

static void the_program_and_the_container_are_joined_in(void **state)
{
	tempdb_run(*state,
		   "INSERT INTO container(id, cgroup_id, path, runtime, name, container_id, pod)"
		   " VALUES(1, 77, '/docker-x.scope', 'docker', 'abc', '0123', 'shop/web-0');"
		   "INSERT INTO program VALUES(1, 'curl', '/usr/bin/curl', 1000, 1);"
		   "INSERT INTO process(id, boot, pid, start_us, program_id)"
		   " VALUES(1, 1, 4711, 5, 1)");
	put(*state, DIRECTION_OUT, OUTCOME_CLOSED, 0, OWNER_CONNECT);
	tempdb_run(*state, "UPDATE connection SET process_id = 1, closer_id = 1, container_id = 1");
	assert_string_equal(tempdb_text(*state,
					"SELECT comm || exe || pid || uid || container ||"
					" closed_by || container_id || pod FROM connections"),
			    "curl/usr/bin/curl47111000abc47110123shop/web-0");
	tempdb_run(*state, "UPDATE connection SET closer_id = 0"); /* the owner */
	assert_string_equal(tempdb_text(*state, "SELECT closed_by FROM connections"), "4711");
}

static void since_is_a_range_of_the_key_through_every_view(void **state)
{
	static const char *const sql[] = {
		"SELECT * FROM connections WHERE id >= 5",
		"SELECT peer_addr, count(*) FROM connections WHERE id >= 5 GROUP BY 1",
		"SELECT * FROM last_hour",
		"SELECT comm, count(*) FROM last_day GROUP BY 1",
		"SELECT * FROM connections WHERE id >= 5 AND id - duration_us < 9",
	};

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		const char *steps = plan(*state, sql[i]);

		if (!strstr(steps, "SEARCH c USING INTEGER PRIMARY KEY (rowid>?)"))
			fail_msg("%s\n%s", sql[i], steps);
	}
}

static void the_newest_rows_come_without_reading_everything(void **state)
{
	const char *steps = plan(*state, "SELECT * FROM connections ORDER BY id DESC LIMIT 20");

	if (!strstr(steps, "MERGE (UNION ALL)\nLEFT\nSCAN c\n"))
		fail_msg("%s", steps);
}

static void failures_are_found_by_their_own_index(void **state)
{
	const char *steps = plan(*state, "SELECT * FROM connections WHERE failed AND id >= 5");

	if (!strstr(steps, "SEARCH c USING INDEX connection_failed (id>?)"))
		fail_msg("%s", steps);
}

static void a_gap_needs_a_known_reason(void **state)
{
	struct err err = {0};

	assert_int_not_equal(
		db_exec(*state,
			"INSERT INTO gap(id, from_us, to_us, reason, count) VALUES(1, 2, 3, 'no idea', NULL)",
			&err),
		0);
	tempdb_run(
		*state,
		"INSERT INTO gap(id, from_us, to_us, reason, count) VALUES(1, 1000000, 2000000, 'ring_full', 7)");
	assert_string_equal(tempdb_text(*state, "SELECT from_at || reason || count FROM gaps"),
			    "1970-01-01T00:00:01.000Zring_full7");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_temp, close_temp)
	const struct CMUnitTest tests[] = {
		T(every_outcome_has_its_name_and_says_whether_it_failed),
		T(every_owner_source_has_its_name),
		T(errors_have_their_names_and_unknown_ones_their_number),
		T(the_service_port_is_the_peers_out_and_ours_in),
		T(an_open_connection_has_no_end_and_is_active_now),
		T(times_are_iso_8601_with_milliseconds),
		T(the_program_and_the_container_are_joined_in),
		T(since_is_a_range_of_the_key_through_every_view),
		T(the_newest_rows_come_without_reading_everything),
		T(failures_are_found_by_their_own_index),
		T(a_gap_needs_a_known_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
