/*
 * connmon.so: what connmon-query adds to SQL, for the shell of SQLite and every other
 * program that loads extensions: .load /usr/lib/.../connmon/connmon
 */
#include "functions.h"

/* sqlite3_vtab_distinct() */
#define OLDEST_SQLITE 3038000

SQLITE_EXTENSION_INIT1

__attribute__((visibility("default"))) int sqlite3_connmon_init(sqlite3 *db, char **message,
								const sqlite3_api_routines *api);

/* SQLite makes the name out of the file's. */
int sqlite3_connmon_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
	struct err err = {0};

	SQLITE_EXTENSION_INIT2(api);
	if (sqlite3_libversion_number() < OLDEST_SQLITE) {
		*message = sqlite3_mprintf("connmon needs SQLite 3.38 or newer, this is %s",
					   sqlite3_libversion());
		return SQLITE_ERROR;
	}
	if (functions_register(db, &err) == 0)
		return SQLITE_OK;
	*message = sqlite3_mprintf("%s", err.msg);
	return SQLITE_ERROR;
}
