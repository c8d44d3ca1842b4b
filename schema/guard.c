#include "guard.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* SQLite's defaults would let one statement or one file take all of the memory. */
static const struct {
	int id, value;
} limits[] = {
	{SQLITE_LIMIT_LENGTH, 16 << 20}, /* bytes of a text, a blob or a row */
	{SQLITE_LIMIT_SQL_LENGTH, 100000},
	{SQLITE_LIMIT_EXPR_DEPTH, 100},
	{SQLITE_LIMIT_VDBE_OP, 1000000},
	{SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000}, /* each % in it multiplies the time */
	{SQLITE_LIMIT_ATTACHED, 0},
	{SQLITE_LIMIT_WORKER_THREADS, 0},
};

static const struct {
	int id, value;
} switches[] = {
	{SQLITE_DBCONFIG_DEFENSIVE, 1},
	{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
	{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
	{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	{SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
	/* A column that is misspelt in double quotes is an error, and no text. */
	{SQLITE_DBCONFIG_DQS_DML, 0},
	{SQLITE_DBCONFIG_DQS_DDL, 0},
};

int guard_limit(sqlite3 *db, struct err *err)
{
	/* What else a file could name in CREATE VIRTUAL TABLE: large, and fed with its bytes. */
	static const char *modules[] = {"json_each", "json_tree", NULL};
	int rc = SQLITE_OK;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		sqlite3_limit(db, limits[i].id, limits[i].value);
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]) && rc == SQLITE_OK; i++)
		rc = sqlite3_db_config(db, switches[i].id, switches[i].value, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_drop_modules(db, modules);
	if (rc != SQLITE_OK)
		return err_set(err, -EIO, "limiting what may be asked: %s", sqlite3_errstr(rc));
	return 0;
}

static bool is_one_of(const char *name, const char *const names[])
{
	for (; *names; names++)
		if (!sqlite3_stricmp(name, *names))
			return true;
	return false;
}

/* Those that only tell, whatever the argument is. */
static const char *const telling_pragmas[] = {
	"table_info",	   "table_xinfo", "table_list",	      "index_list",
	"index_info",	   "index_xinfo", "foreign_key_list", "function_list",
	"collation_list",  "module_list", "pragma_list",      "database_list",
	"compile_options", NULL,
};

/* Those that only tell when they have none. */
static const char *const asking_pragmas[] = {
	"application_id", "user_version", "schema_version", "page_count",  "page_size",
	"freelist_count", "encoding",	  "journal_mode",   "auto_vacuum", NULL,
};

/* They load code, take an address for code, or write into the log of the process. */
static const char *const dangerous_functions[] = {
	"load_extension", "fts3_tokenizer", "sqlite_log", "readfile", "writefile", "edit", NULL,
};

/* SQLITE_OPEN_READONLY alone still lets ATTACH, VACUUM INTO and temporary tables through, and
 * PRAGMA query_only can be switched off again by a PRAGMA. */
static int allow_reading(void *ctx, int action, const char *a, const char *b, const char *c,
			 const char *d)
{
	bool allowed;

	(void)ctx, (void)c, (void)d;
	switch (action) {
	case SQLITE_UPDATE:
		/* sqlite3_declare_vtab() compiles one, without running it, for a table-valued
		 * function (totals). From a user it is refused even so. */
		return strcmp(a, "sqlite_master") == 0 ? SQLITE_IGNORE : SQLITE_DENY;
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return is_one_of(b, dangerous_functions) ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_PRAGMA:
		allowed = is_one_of(a, telling_pragmas) || (!b && is_one_of(a, asking_pragmas));
		return allowed ? SQLITE_OK : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

void guard_close(sqlite3 *db)
{
	sqlite3_set_authorizer(db, allow_reading, NULL);
}

void guard_open(sqlite3 *db)
{
	sqlite3_set_authorizer(db, NULL, NULL);
}
