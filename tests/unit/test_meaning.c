/* What the migrations say of the tables and views that they make. */
#include "unit.h"

#include "meaning.h"
#include "tempdb.h"

static void each_table_view_and_column_has_a_meaning(void **state)
{
	struct tempdb *temp = *state;
	AUTO_DB *db = NULL;
	AUTO_STMT *stmt = NULL;
	AUTO_MEANINGS *m = NULL;
	struct err err = {0};
	char before[64] = "";
	int n = 0, bad = 0;

	if (db_open_writer(temp->path, false, &db, &err) || meanings_read(&m, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "SELECT s.name, c.name, c.type FROM sqlite_schema s"
					    " JOIN pragma_table_xinfo(s.name) c"
					    " WHERE s.type IN ('table', 'view') ORDER BY 1, c.cid",
					    -1, &stmt, NULL),
			 SQLITE_OK);
	for (; sqlite3_step(stmt) == SQLITE_ROW; n++) {
		const char *object = (const char *)sqlite3_column_text(stmt, 0);
		const char *column = (const char *)sqlite3_column_text(stmt, 1);
		const char *type = (const char *)sqlite3_column_text(stmt, 2);

		if (strcmp(object, before) != 0 && !meaning_of(m, object, NULL)) {
			print_error("nothing is said of %s\n", object);
			bad++;
		}
		if (!meaning_of(m, object, column)) {
			print_error("nothing is said of %s.%s\n", object, column);
			bad++;
		}
		snprintf(before, sizeof(before), "%s", object);
		if (!type[0] && !meaning_type(m, object, column)) {
			print_error("of %s.%s no type is known\n", object, column);
			bad++;
		}
	}
	assert_true(n > 200);
	if (bad)
		fail_msg("%d are missing; query/meaning.h says how to write them", bad);
}

static void the_meaning_is_that_of_the_last_migration(void **state)
{
	AUTO_MEANINGS *m = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(meanings_read(&m, &err), 0);
	/* behind the column, over several lines, in a table that got its name later */
	assert_string_equal(
		meaning_of(m, "connection", "closer_id"),
		"who closed it, of process; 0: its owner; NULL when no process here did");
	/* in slashes */
	assert_string_equal(meaning_of(m, "process", "parent_id"),
			    "as it was when this one began; NULL when only its pid is known");
	/* of a view, by another */
	assert_string_equal(meaning_of(m, "last_day", "outcome"),
			    meaning_of(m, "ended_connections", "outcome"));
	assert_string_equal(meaning_type(m, "last_day", "outcome"), "TEXT");
	assert_null(meaning_of(m, "last_day", "no_such"));
	assert_null(meaning_of(m, "no_such", NULL));
	assert_null(meaning_of(m, "no_such", "*"));
}

static void endings_tell_the_unit(void **state)
{
	(void)state;
	assert_string_equal(meaning_unit("connect_us"), "us");
	assert_string_equal(meaning_unit("connect_us_max"), "us");
	assert_string_equal(meaning_unit("tx_bytes"), "bytes");
	assert_string_equal(meaning_unit("ended_at"), "RFC 3339, UTC");
	assert_string_equal(meaning_unit("status"), "");
	assert_string_equal(meaning_unit("_us"), "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tempdb_setup, tempdb_teardown)
	const struct CMUnitTest tests[] = {
		T(each_table_view_and_column_has_a_meaning),
		T(the_meaning_is_that_of_the_last_migration),
		T(endings_tell_the_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
