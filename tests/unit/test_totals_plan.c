/* totals: which keys it reads, and that SQLite need not sort what it gives. */
#include "totals_db.h"

static bool sorts(sqlite3 *db, const char *sql)
{
	char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt = NULL;
	bool found = false;

	if (sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(stmt) == SQLITE_ROW)
		found |= strstr((const char *)sqlite3_column_text(stmt, 3), "TEMP B-TREE") != NULL;
	sqlite3_finalize(stmt);
	sqlite3_free(explain);
	return found;
}

static void groups_need_no_sorting(void **state)
{
	sqlite3 *db = db_of(state);

	assert_false(sorts(db, "SELECT comm, sum(connections) FROM totals GROUP BY comm"));
	assert_false(
		sorts(db, "SELECT uid, comm, exe, sum(tx_bytes) FROM totals GROUP BY 3, 2, 1"));
	assert_false(sorts(db, "SELECT peer_addr, sum(connections) FROM totals"
			       " WHERE direction = 'out' GROUP BY peer_addr"));
	assert_false(sorts(db, "SELECT peer_addr, few(comm, connections) FROM totals GROUP BY 1"));
	/* Here the order is asked for, or no column of the key. */
	assert_true(sorts(db, "SELECT comm, sum(connections) FROM totals GROUP BY 1 ORDER BY 2"));
	assert_true(sorts(db, "SELECT comm FROM totals ORDER BY comm"));
	assert_true(sorts(db, "SELECT count(*) FROM totals GROUP BY connections"));
}

/* The plans of the statements that @sql makes totals run, one below the other. */
struct inner {
	sqlite3_stmt *outer;
	char *sql[64];
	int n;
};

static int note_statement(unsigned what, void *context, void *stmt, void *text)
{
	struct inner *inner = context;

	(void)what, (void)text;
	if (stmt != inner->outer && inner->n < 64)
		inner->sql[inner->n++] = sqlite3_mprintf("%s", sqlite3_sql(stmt));
	return 0;
}

static const char *plans_inside(sqlite3 *db, const char *sql)
{
	static char text[4096];
	struct inner inner = {0};

	text[0] = '\0';
	if (sqlite3_prepare_v2(db, sql, -1, &inner.outer, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note_statement, &inner);
	while (sqlite3_step(inner.outer) == SQLITE_ROW)
		;
	sqlite3_trace_v2(db, 0, NULL, NULL);
	sqlite3_finalize(inner.outer);
	for (int i = 0; i < inner.n; i++) {
		char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", inner.sql[i]);
		sqlite3_stmt *stmt = NULL;

		assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &stmt, NULL), SQLITE_OK);
		while (sqlite3_step(stmt) == SQLITE_ROW)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n",
				 sqlite3_column_text(stmt, 3));
		sqlite3_finalize(stmt);
		sqlite3_free(explain);
		sqlite3_free(inner.sql[i]);
	}
	return text;
}

static void assert_has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("no \"%s\" in:\n%s", words, text);
}

static void what_it_reads_are_ranges_of_keys(void **state)
{
	sqlite3 *db = db_of(state);
	const char *plans;

	add_history(db);
	plans = plans_inside(db, "SELECT peer_addr, connections FROM totals"
				 " WHERE direction = 'out'");
	assert_has(plans, "SEARCH main.hourly USING PRIMARY KEY (hour=? AND direction=?)\n");
	assert_has(plans, "SEARCH c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)\n");
	plans = plans_inside(db, "SELECT connections FROM totals"
				 " WHERE peer_addr = '10.0.0.2' AND service_port = 443");
	assert_has(plans,
		   "SEARCH main.hourly USING PRIMARY KEY (hour=? AND direction=? AND peer_addr=?"
		   " AND service_port=?)\n");
	plans = plans_inside(db, "SELECT comm, connections FROM totals");
	assert_has(plans, "SEARCH main.hourly_program USING PRIMARY KEY (hour=?)\n");
	assert_has(plans, "SEARCH main.program USING INTEGER PRIMARY KEY (rowid=?)\n");
	assert_null(strstr(plans, "main.hourly USING"));
	plans = plans_inside(db, "SELECT pid, connections FROM totals WHERE failed = 1");
	assert_has(plans, "SEARCH c USING INDEX connection_failed (id>? AND id<?)\n");
}

static void parts_of_hours_are_read_by_five_minutes(void **state)
{
	sqlite3 *db = db_of(state);
	const char *plans;

	add_history(db);
	add_recent(db, NOW_SLOT - 24, NOW_SLOT - 1);
	plans = plans_inside(db, "SELECT peer_addr, connections FROM totals(1769860800e6 - 3000e6)"
				 " WHERE direction = 'out'");
	assert_has(plans, "SEARCH main.recent USING PRIMARY KEY (slot=? AND direction=?)\n");
	assert_has(plans, "SEARCH c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)\n");
	plans = plans_inside(db, "SELECT connections FROM totals(1769860800e6 - 3000e6)"
				 " WHERE direction = 'out' AND peer_addr = '10.0.0.2'");
	assert_has(plans, "SEARCH main.recent USING PRIMARY KEY (slot=? AND direction=? AND"
			  " peer_addr=?)\n");
	plans = plans_inside(db, "SELECT comm, connections FROM totals(1769860800e6 - 3000e6)");
	assert_has(plans, "SEARCH main.recent_program USING PRIMARY KEY (slot=?)\n");
	assert_null(strstr(plans, "main.recent USING"));
	/* They do not know who connected to this node. */
	plans = plans_inside(db,
			     "SELECT peer_addr, connections FROM totals(1769860800e6 - 3000e6)");
	assert_null(strstr(plans, "(slot=?"));
	plans = plans_inside(db, "SELECT peer_addr, connections FROM totals(1769860800e6 - 3000e6)"
				 " WHERE direction = 'in'");
	assert_null(strstr(plans, "(slot=?"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, totals_db_open, totals_db_close)
	const struct CMUnitTest tests[] = {
		TEST(groups_need_no_sorting),
		TEST(what_it_reads_are_ranges_of_keys),
		TEST(parts_of_hours_are_read_by_five_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
