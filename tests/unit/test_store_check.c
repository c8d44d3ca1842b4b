/* What connmon-collect --check finds of a database: whole, or where it is damaged. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "storedb.h"

#define MANY_ROWS                                                                                  \
	"WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"         \
	"INSERT INTO gap(from_us, to_us, reason) SELECT i, i, 'stopped' FROM n"

static int setup(void **state)
{
	struct storedb *f;
	struct err err = {0};

	if (storedb_setup(state, 0) != 0)
		return -1;
	f = *state;
	return db_exec(f->db, MANY_ROWS, &err);
}

static void a_database_of_very_many_rows_is_whole(void **state)
{
	const struct storedb *f = *state;
	struct err err = {0};

	assert_int_equal(store_check(f->db, &err), 0);
}

static void a_row_that_cannot_be_is_damage_and_told(void **state)
{
	const struct storedb *f = *state;
	struct err err = {0};

	assert_int_equal(db_exec(f->db,
				 "PRAGMA ignore_check_constraints = 1;"
				 "INSERT INTO gap(from_us, to_us, reason) VALUES(1, 1, 'nonsense');"
				 "PRAGMA ignore_check_constraints = 0",
				 &err),
			 0);
	assert_int_equal(store_check(f->db, &err), -EUCLEAN);
	assert_non_null(strstr(err.msg, "gap"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_database_of_very_many_rows_is_whole, setup,
						storedb_teardown),
		cmocka_unit_test_setup_teardown(a_row_that_cannot_be_is_damage_and_told, setup,
						storedb_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
