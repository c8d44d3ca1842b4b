/* doctor_files.c - the files of the database. */
#include "doctor_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "db.h"
#include "guard.h"
#include "human.h"
#include "locks.h"
#include "who.h"

/* The collector cuts its WAL to this when it can (journal_size_limit). */
#define WAL_LONG_BYTES (INT64_C(64) << 20)

/* SQLite's own check reads a file from begin to end, and cannot be interrupted. */
#define CHECK_ALL_BYTES (INT64_C(64) << 20)

/* Below these parts of a file system it is a finding that little is left. */
#define LITTLE_PER_CENT	 5
#define TOO_LITTLE_BYTES (INT64_C(64) << 20)

/* "PATH: FINDING; REMEDY", as db.c has it. */
static void tell_why(struct patient *p)
{
	char text[sizeof(p->why.msg)];
	char *remedy;

	snprintf(text, sizeof(text), "%s", p->why.msg);
	remedy = strstr(text, "; ");
	if (remedy) {
		*remedy = '\0';
		remedy += 2;
	}
	if (p->why.code == -EUCLEAN)
		remedy = BEGIN_ANEW;
	doctor_found(p, FAIL, remedy ? remedy : "name another file with --db", "%s", text);
}

void doctor_database(struct patient *p)
{
	AUTO_STMT *stmt = NULL;
	int version, rc;

	if (!p->db) {
		tell_why(p);
		return;
	}
	guard_open(p->db);
	stmt = doctor_prepare(p, "PRAGMA user_version");
	rc = stmt ? sqlite3_step(stmt) : SQLITE_DONE;
	guard_close(p->db);
	doctor_stepped(p, rc);
	if (rc != SQLITE_ROW)
		return;
	version = sqlite3_column_int(stmt, 0);
	if (version < db_schema_version())
		doctor_found(p, WARN, "start connmon-collect of this version on it",
			     "%s has schema %d, older than this program's %d", p->db_path, version,
			     db_schema_version());
	else
		doctor_found(p, OK, "", "%s can be read, schema %d", p->db_path, version);
}

static int64_t size_of(const struct patient *p, const char *ending)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s%s", p->db_path, ending) >= (int)sizeof(path) ||
	    stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	return st.st_size;
}

static void check_all(struct patient *p)
{
	AUTO_STMT *stmt = NULL;
	const char *text;
	int rc;

	guard_open(p->db);
	stmt = doctor_prepare(p, "PRAGMA quick_check(1)");
	rc = stmt ? sqlite3_step(stmt) : SQLITE_DONE;
	guard_close(p->db);
	doctor_stepped(p, rc);
	if (rc != SQLITE_ROW)
		return;
	text = (const char *)sqlite3_column_text(stmt, 0);
	if (text && !strcmp(text, "ok"))
		doctor_found(p, OK, "", "none");
	else
		doctor_found(p, FAIL, BEGIN_ANEW, "%s", text ? text : "unknown");
}

/* Where most is written and read: the ends of the large tables. */
static void check_ends(struct patient *p)
{
	static const char *const samples[] = {
		"SELECT sum(tx_bytes) FROM (SELECT * FROM connection ORDER BY id LIMIT 20000)",
		"SELECT sum(tx_bytes) FROM (SELECT * FROM connection ORDER BY id DESC LIMIT 20000)",
		"SELECT sum(tx_bytes) FROM (SELECT * FROM hourly ORDER BY hour LIMIT 20000)",
		"SELECT sum(tx_bytes) FROM (SELECT * FROM hourly ORDER BY hour DESC LIMIT 20000)",
		"SELECT count(comm) FROM program",
	};
	int64_t ignored;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]) && !p->n_found; i++)
		doctor_ask(p, samples[i], 0, &ignored, 1);
	if (!p->n_found)
		doctor_found(
			p, OK, "",
			"none at the ends of its tables; sqlite3 with PRAGMA quick_check looks "
			"at all of it");
}

void doctor_damage(struct patient *p)
{
	if (size_of(p, "") <= CHECK_ALL_BYTES)
		check_all(p);
	else
		check_ends(p);
}

static const char *bytes_text(int64_t bytes, char out[HUMAN_SIZE])
{
	human_bytes(bytes, out, HUMAN_SIZE);
	return out;
}

void doctor_size(struct patient *p)
{
	char db[HUMAN_SIZE], wal[HUMAN_SIZE], shm[HUMAN_SIZE];

	if (size_of(p, "") == 0)
		return;
	doctor_found(p, OK, "", "database %s, WAL %s, shm %s", bytes_text(size_of(p, ""), db),
		     bytes_text(size_of(p, "-wal"), wal), bytes_text(size_of(p, "-shm"), shm));
}

/* Of the file system that holds the database, or the folder where it would be. */
static bool find_room(const char *path, int64_t *left, int64_t *all)
{
	char folder[PATH_MAX];
	struct statvfs fs;
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	if (statvfs(path, &fs) != 0 && statvfs(slash ? folder : ".", &fs) != 0)
		return false;
	*left = (int64_t)(fs.f_bavail * fs.f_frsize);
	*all = (int64_t)(fs.f_blocks * fs.f_frsize);
	return *all > 0;
}

void doctor_disk(struct patient *p)
{
	static const char remedy[] =
		"free some space, or give connmon-collect a smaller --max-size";
	char text[HUMAN_SIZE], whole[HUMAN_SIZE];
	int64_t left, all;
	enum state state = OK;

	if (!find_room(p->db_path, &left, &all))
		return;
	if (left < TOO_LITTLE_BYTES)
		state = FAIL;
	else if (left < all / 100 * LITTLE_PER_CENT)
		state = WARN;
	doctor_found(p, state, state == OK ? "" : remedy, "%s of %s are free",
		     bytes_text(left, text), bytes_text(all, whole));
}

void doctor_wal(struct patient *p)
{
	const int64_t bytes = size_of(p, "-wal");
	char size[HUMAN_SIZE], who[96] = "";
	pid_t reader;
	bool is_read = locks_find_reader(p->db_path, &reader);

	if (size_of(p, "") == 0)
		return;
	if (bytes)
		bytes_text(bytes, size);
	else
		snprintf(size, sizeof(size), "empty");
	if (is_read)
		who_is(reader, who, sizeof(who));
	if (bytes <= WAL_LONG_BYTES)
		doctor_found(p, OK, "", "%s%s%s", size,
			     is_read ? ", a read transaction is open in " : "", who);
	else if (is_read)
		doctor_found(p, WARN, "end that transaction, or the process",
			     "%s, for it cannot be used again: a read transaction is open in %s",
			     size, who);
	else
		doctor_found(p, WARN,
			     p->collector ? "wait until the collector writes it back"
					  : "start connmon-collect, which writes it back",
			     "%s, and nobody reads it", size);
}
