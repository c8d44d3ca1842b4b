#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embed.h"
#include "full.h"
#include "guard.h"

extern const struct embed schema_migrations[];

#define BUSY_TIMEOUT_MS 5000
#define DB_ID_OFFSET	68 /* in the file: https://www.sqlite.org/fileformat2.html */

const char *db_default_path(void)
{
	const char *path = getenv("CONNMON_DB");

	return path && *path ? path : DB_DEFAULT_PATH;
}

int db_schema_version(void)
{
	int n = 0;

	while (schema_migrations[n].name)
		n++;
	return n;
}

int db_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL: /* a lock to repair the shm with, tried for long */
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_INTERRUPT:
		return -EINTR;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	default:
		break;
	}
	if (rc == SQLITE_IOERR_SHORT_READ) /* a WAL that ends within a page it should hold */
		return -EUCLEAN;
	/* The shm, the only file to be given its size before anything is written to it. */
	return rc == SQLITE_IOERR_SHMSIZE ? -ENOSPC : -EIO;
}

int db_prepare_all(sqlite3 *db, const struct db_statement *all, size_t n, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = db_prepare(db, all[i].sql, all[i].stmt, err);
	return ret;
}

int db_step(sqlite3 *db, sqlite3_stmt *stmt, const char *what, struct err *err)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "writing %s: %s", what, sqlite3_errmsg(db));
	return 0;
}

/* SQLite's words leave out why a file cannot be opened: a limit of descriptors, say. */
static int failed(sqlite3 *db, int rc, struct err *err)
{
	const int why = (rc & 0xff) == SQLITE_CANTOPEN ? sqlite3_system_errno(db) : 0;

	return err_set(err, db_errno(rc), "%s%s%s", sqlite3_errmsg(db), why ? ": " : "",
		       why ? strerror(why) : "");
}

int db_exec(sqlite3 *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : failed(db, rc, err);
}

int db_end(sqlite3 *db, int ret, struct err *err)
{
	if (!ret)
		ret = db_exec(db, "COMMIT", err);
	if (ret) /* SQLite may have done it by itself: then this does nothing */
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return ret;
}

int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	AUTO_STMT *more = NULL;
	const char *tail = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, &tail);

	/* The writer's are our own: the names that they miss are damaged where they are stored. */
	if (rc == SQLITE_ERROR && sqlite3_db_readonly(db, "main") == 0)
		return err_set(err, -EUCLEAN, "%s", sqlite3_errmsg(db));
	if (rc == SQLITE_ERROR || rc == SQLITE_AUTH)
		return err_set(err, -EINVAL, "%s", sqlite3_errmsg(db));
	if (rc != SQLITE_OK)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
	if (!stmt)
		return err_set(err, -EINVAL, "the statement is empty");
	/* A comment or white space may follow, another statement may not. */
	if (sqlite3_prepare_v2(db, tail, -1, &more, NULL) != SQLITE_OK || more)
		return err_set(err, -EINVAL, "only one statement can be run at a time");
	*out = stmt;
	stmt = NULL;
	return 0;
}

void db_close(sqlite3 *db)
{
	sqlite3_close_v2(db);
}

void db_closep(sqlite3 **db)
{
	db_close(*db);
}

void db_finalizep(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}

static int query_int(sqlite3 *db, const char *sql, int *value, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW)
		return failed(db, rc, err);
	*value = sqlite3_column_int(stmt, 0);
	return 0;
}

/* Whether the damaged file @path was ours, as far as what is left of its begin shows: it has
 * our number where SQLite keeps that of the application, or no room for one. */
static bool was_ours(const char *path)
{
	static const char magic[16] = "SQLite format 3";
	unsigned char header[DB_ID_OFFSET + 4] = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, header, sizeof(header), 0);
	const unsigned char *id = header + DB_ID_OFFSET;

	if (fd >= 0)
		close(fd);
	if (n < (ssize_t)sizeof(header))
		return n > 0 && memcmp(header, magic, n < 16 ? (size_t)n : 16) == 0;
	return ((unsigned int)id[0] << 24 | id[1] << 16 | id[2] << 8 | id[3]) == DB_APPLICATION_ID;
}

/* Whether the open database is ours. *@version: how many migrations it has had;
 * 0 with nothing in the file yet. */
static int check_owner(sqlite3 *db, int *version, struct err *err)
{
	int application_id, n_objects = 0, ret;

	ret = query_int(db, "PRAGMA application_id", &application_id, err);
	if (!ret)
		ret = query_int(db, "PRAGMA user_version", version, err);
	/* Asked only of what may be empty: that of a foreign file may be long. */
	if (!ret && application_id == 0 && *version == 0)
		ret = query_int(db, "SELECT count(*) FROM sqlite_schema", &n_objects, err);
	if (ret == -EUCLEAN && !was_ours(sqlite3_db_filename(db, "main")))
		return err_set(err, -EINVAL,
			       "is not a SQLite database; name another file with --db");
	if (ret)
		return ret;
	if (application_id == 0 && *version == 0 && n_objects == 0)
		return 0;
	if (application_id != DB_APPLICATION_ID)
		return err_set(err, -EINVAL,
			       "is a database of another application; name another file with --db");
	if (*version < 0)
		return err_set(err, -EUCLEAN, "its schema has no number");
	if (*version > db_schema_version())
		return err_set(err, -EPROTO,
			       "has schema %d, newer than this program's %d; upgrade connmon",
			       *version, db_schema_version());
	return 0;
}

static int migrate_all(sqlite3 *db, struct err *err)
{
	char stamp[96]; /* pragmas take no parameters */
	int version, ret = check_owner(db, &version, err);

	if (ret)
		return ret;
	for (; version < db_schema_version(); version++) {
		ret = db_exec(db, schema_migrations[version].text, err);
		if (ret) {
			if (sqlite3_errcode(db) == SQLITE_ERROR) /* it is not what it says */
				ret = err->code = -EUCLEAN;
			return err_wrap(err, "migration %s", schema_migrations[version].name);
		}
	}
	snprintf(stamp, sizeof(stamp), "PRAGMA application_id=%d; PRAGMA user_version=%d",
		 DB_APPLICATION_ID, version);
	return db_exec(db, stamp, err);
}

static int migrate(sqlite3 *db, struct err *err)
{
	/* IMMEDIATE: of two that start at once the second must see what the first did. */
	int ret = db_exec(db, "BEGIN IMMEDIATE", err);

	return ret ? ret : db_end(db, migrate_all(db, err), err);
}

static int check_path(const char *path, bool create, struct err *err)
{
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR,
			       "is a directory; name a file in it, as in --db %s/connmon.db", path);
	/* Opening a pipe would wait for whoever writes to it. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "is no regular file; name another with --db");
	if (create)
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	switch (errno) {
	case ENOENT:
		return err_set(
			err, -ENOENT, "%s",
			create ? "its folder does not exist; create it first"
			       : "no such file; start connmon-collect, or name the file with --db");
	case EACCES:
	case EPERM:
		return err_set(err, -EACCES,
			       "no permission; run as root, or name another file with --db");
	case EROFS:
		return err_set(err, -EROFS, "the file system is read-only; name another with --db");
	case ENOSPC:
		return err_set(err, -ENOSPC, FULL_DISK);
	case EDQUOT:
		return err_set(err, -ENOSPC, FULL_QUOTA);
	default:
		return err_set(err, -errno, "%s", strerror(errno));
	}
}

int db_check_path(const char *path, bool create, struct err *err)
{
	return check_path(path, create, err) ? err_wrap(err, "%s", path) : 0;
}

/* Debian's SQLite takes "file:..." for a URI, whose words may say mode=rwc or vfs=..., and
 * every one ":memory:" for no file at all. */
static int open_file(const char *path, int flags, sqlite3 **db)
{
	bool special = path[0] == ':' || !strncmp(path, "file:", 5);
	char *name = sqlite3_mprintf("%s%s", special ? "./" : "", path);
	int rc = name ? sqlite3_open_v2(name, db, flags | SQLITE_OPEN_NOMUTEX, NULL) : SQLITE_NOMEM;

	sqlite3_free(name);
	return rc;
}

/* The pragma answers with the mode that is, and calls that no error. */
static int use_wal(sqlite3 *db, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode=WAL", -1, &stmt, NULL);
	const char *mode;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW)
		return failed(db, rc, err);
	mode = (const char *)sqlite3_column_text(stmt, 0);
	if (!mode)
		return err_set(err, -ENOMEM, "no memory for the mode of the journal");
	if (strcmp(mode, "wal") != 0)
		return err_set(err, -ENOTSUP,
			       "cannot be put into WAL mode there; name a file on a local disk");
	return 0;
}

static int open_writer(const char *path, bool durable, sqlite3 **out, struct err *err)
{
	AUTO_DB *db = NULL;
	int keep = 1;
	int version, rc, ret;

	ret = check_path(path, true, err);
	if (ret)
		return ret;
	full_watch();
	/* One thread uses it, and each of the many calls for a row would take a lock. */
	rc = open_file(path, SQLITE_OPEN_READWRITE, &db);
	if (rc != SQLITE_OK)
		return failed(db, rc, err);
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	/* Before anything is written: a foreign file must stay as it is. */
	ret = check_owner(db, &version, err);
	if (ret)
		return ret;
	/* Without this SQLite deletes -wal and -shm at the end, and then a user who
	 * may read the database but not write its folder cannot open it. */
	sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
	/* auto_vacuum can only be chosen while the file is empty: retention needs it. */
	ret = db_exec(db,
		      "PRAGMA auto_vacuum=INCREMENTAL;"
		      "PRAGMA wal_autocheckpoint=1000;"	    /* pages: 4 MB, some ms */
		      "PRAGMA journal_size_limit=67108864;" /* bytes */
		      "PRAGMA cache_size=-8192;"	    /* KiB */
		      "PRAGMA temp_store=MEMORY",
		      err);
	if (ret)
		return ret;
	ret = use_wal(db, err);
	if (ret)
		return ret;
	ret = db_exec(db, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", err);
	if (ret)
		return ret;
	ret = migrate(db, err);
	if (ret)
		return ret;
	*out = db;
	db = NULL;
	return 0;
}

int db_open_writer(const char *path, bool durable, sqlite3 **out, struct err *err)
{
	int ret = open_writer(path, durable, out, err);

	if (ret == -ENOSPC)
		err_set(err, ret, "%s", full_words());
	return ret ? err_wrap(err, "%s", path) : 0;
}

/* What SQLite cannot do without its files beside the database, in its words "unable to open
 * database file" or "attempt to write a readonly database". */
static int explain_no_shm(sqlite3 *db, int ret, struct err *err)
{
	int rc = sqlite3_errcode(db) & 0xff;

	if (rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY && rc != SQLITE_PERM)
		return ret;
	return err_set(err, -EACCES,
		       "its -wal and -shm can be neither read nor made in its folder; ask as root, "
		       "or while connmon-collect runs, or copy it to a folder of your own");
}

static int open_reader(const char *path, sqlite3 **out, struct err *err)
{
	AUTO_DB *db = NULL;
	int version, rc, ret;

	ret = check_path(path, false, err);
	if (ret)
		return ret;
	rc = open_file(path, SQLITE_OPEN_READONLY, &db);
	if (rc != SQLITE_OK)
		return failed(db, rc, err);
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	ret = guard_limit(db, err);
	if (!ret)
		ret = check_owner(db, &version, err);
	if (!ret)
		ret = db_exec(db, "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON", err);
	if (ret)
		return explain_no_shm(db, ret, err);
	if (version == 0)
		return err_set(err, -ENODATA, "holds no history yet; start connmon-collect");
	guard_close(db);
	*out = db;
	db = NULL;
	return 0;
}

int db_open_reader(const char *path, sqlite3 **out, struct err *err)
{
	int ret = open_reader(path, out, err);

	return ret ? err_wrap(err, "%s", path) : 0;
}

int db_exec_ours(sqlite3 *db, const char *sql, struct err *err)
{
	bool reads = sqlite3_db_readonly(db, "main") == 1;
	int ret;

	guard_open(db);
	ret = db_exec(db, sql, err);
	if (reads)
		guard_close(db);
	return ret;
}

int db_run_ours(sqlite3 *db, const char *sql, const char *text, int64_t number, struct err *err)
{
	bool reads = sqlite3_db_readonly(db, "main") == 1;
	AUTO_STMT *stmt = NULL;
	int ret;

	guard_open(db);
	ret = db_prepare(db, sql, &stmt, err);
	if (!ret) {
		sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
		sqlite3_bind_int64(stmt, 2, number);
		ret = db_step(db, stmt, "a temporary table", err);
	}
	if (reads)
		guard_close(db);
	return ret;
}

int db_wrap_older(sqlite3 *db, struct err *err)
{
	struct err ignored;
	int version;

	if (query_int(db, "PRAGMA user_version", &version, &ignored) == 0 &&
	    version < db_schema_version())
		err_wrap(
			err,
			"%s: has schema %d, older than this program's %d; start connmon-collect on it",
			sqlite3_db_filename(db, "main"), version, db_schema_version());
	return err->code;
}
