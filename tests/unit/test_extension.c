/* connmon.so in a program whose SQLite it cannot do with. */
#include "unit.h"

#define SQLITE_CORE 1 /* what is called here is the SQLite that is here */
#include <sqlite3ext.h>
#include <string.h>

#include "functions.h"

static const sqlite3_api_routines *routines; /* of the SQLite that is here */
static bool refuses;

int sqlite3_connmon_init(sqlite3 *db, char **message, const sqlite3_api_routines *api);

int functions_register(sqlite3 *db, struct err *err)
{
	assert_non_null(db);
	return refuses ? err_set(err, -7, "a function of this name cannot be had") : 0;
}

static int find_routines(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
	(void)db, (void)message;
	routines = api;
	return SQLITE_OK;
}

static int its_number(void)
{
	return 3037002;
}

static const char *its_version(void)
{
	return "3.37.2";
}

/* Opens a database and loads it, @message being what it says. */
static int load(const sqlite3_api_routines *api, char **message)
{
	sqlite3 *db;
	int rc;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	*message = NULL;
	rc = sqlite3_connmon_init(db, message, api ? api : routines);
	sqlite3_close(db);
	return rc;
}

static void an_older_sqlite_is_told_by_its_version(void **state)
{
	sqlite3_api_routines older;
	char *message;

	(void)state;
	assert_int_equal(load(NULL, &message), SQLITE_OK);
	assert_null(message);
	older = *routines;
	older.libversion_number = its_number;
	older.libversion = its_version;
	assert_int_equal(load(&older, &message), SQLITE_ERROR);
	assert_string_equal(message, "connmon needs SQLite 3.38 or newer, this is 3.37.2");
	sqlite3_free(message);
}

static void what_cannot_be_added_is_told(void **state)
{
	char *message;

	(void)state;
	refuses = true;
	assert_int_equal(load(NULL, &message), SQLITE_ERROR);
	assert_string_equal(message, "a function of this name cannot be had");
	sqlite3_free(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_sqlite_is_told_by_its_version),
		cmocka_unit_test(what_cannot_be_added_is_told),
	};

	sqlite3_auto_extension((void (*)(void))find_routines);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
