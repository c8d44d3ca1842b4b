/*
 * db.h - the history database: opened by its one writer or by a reader.
 *
 * Errors are as in err.h. Every message names the file and what to do.
 */
#ifndef CONNMON_DB_H
#define CONNMON_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define DB_DEFAULT_PATH	  "/var/lib/connmon.db"
#define DB_APPLICATION_ID 0x434e4d4e /* "CNMN" */

/* Declared with these, a handle is released when its block ends, in reverse
 * order of declaration. Always initialise to NULL. */
#define AUTO_DB	  __attribute__((cleanup(db_closep))) sqlite3
#define AUTO_STMT __attribute__((cleanup(db_finalizep))) sqlite3_stmt

/* The path used when none is given: $CONNMON_DB, else DB_DEFAULT_PATH. */
const char *db_default_path(void);

/* The number of migrations this program carries. */
int db_schema_version(void);

/*
 * Opens @path for writing, creating it if needed, in WAL mode, and brings its
 * schema up to this program's version. @durable: every commit survives a power
 * cut (synchronous=FULL), not only a crash of the program.
 *
 * On success stores in *@out a connection which the caller closes with
 * db_close(). On failure *@out is untouched and the file is as it was. Fails with
 *   -EINVAL   not a database, or one of another application
 *   -EPROTO   the schema is newer than this program
 *   -EISDIR, -EACCES, -ENOENT   the path
 *   -ENOSPC   the disk is full, or a quota used up (full.h)
 *   -EUCLEAN  it is ours, and damaged
 *   -EIO      anything else that SQLite reports; the message holds its words
 */
int db_open_writer(const char *path, bool durable, sqlite3 **out, struct err *err);

/*
 * Opens the existing database @path for reading only: on the connection nothing
 * but a plain SELECT compiles (no ATTACH, no PRAGMA, no temporary table), and
 * nothing in the file is trusted. The schema must not be newer than this program's; it
 * may be older, and then lacks columns. -ENODATA when nothing is in it yet.
 */
int db_open_reader(const char *path, sqlite3 **out, struct err *err);

/* Runs @sql, which must be a constant, past a reader's guard: BEGIN and END, so that several
 * statements are of one moment. */
int db_exec_ours(sqlite3 *db, const char *sql, struct err *err);

/* Likewise of one statement that gives no rows, with its first two parameters. */
int db_run_ours(sqlite3 *db, const char *sql, const char *text, int64_t number, struct err *err);

/* A statement did not compile in the reader @db: puts in front of it that the database is
 * older than this program, if so. Returns the code of @err. */
int db_wrap_older(sqlite3 *db, struct err *err);

/* What SQLite only calls "unable to open database file": -EISDIR, -EACCES, -ENOENT,
 * -EROFS, -ENOSPC with what to do. With @create an empty file is made at @path. */
int db_check_path(const char *path, bool create, struct err *err);

void db_close(sqlite3 *db); /* NULL is allowed */

/* Compiles one statement. -EINVAL with SQLite's words when it does not compile (of the writer,
 * whose statements are our own, -EUCLEAN: its schema is damaged), when it is empty, or when
 * something follows it; else as db_errno(). */
int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *err);

/* A statement, and where it is to be kept. */
struct db_statement {
	sqlite3_stmt **stmt;
	const char *sql;
};

/* Compiles all @n of them; the caller finalizes those that are, even when it fails. */
int db_prepare_all(sqlite3 *db, const struct db_statement *all, size_t n, struct err *err);

/* Runs @stmt, which returns no row, and resets it. @what is being written, for the
 * message. */
int db_step(sqlite3 *db, sqlite3_stmt *stmt, const char *what, struct err *err);

/* Runs statements that return no rows. */
int db_exec(sqlite3 *db, const char *sql, struct err *err);

/* Ends a transaction of which @ret came out: commits if that is 0, and rolls back if not, or if
 * the commit fails. Returns 0 or the error. */
int db_end(sqlite3 *db, int ret, struct err *err);

/* The negative errno that stands for SQLite's result code @rc: -ENOSPC for a full
 * disk, -EBUSY for a lock, -ENOMEM, -EUCLEAN for a damaged file, -EINTR after sqlite3_interrupt(),
 * -EIO for the rest. */
int db_errno(int rc);

void db_closep(sqlite3 **db);
void db_finalizep(sqlite3_stmt **stmt);

#endif
