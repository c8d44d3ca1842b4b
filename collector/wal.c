#include "wal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "clock.h"
#include "db.h"
#include "files.h"
#include "readers.h"
#include "who.h"

#define TRY_EVERY_NS  (2 * NS_PER_S) /* each try may wait for a lock */
#define TELL_EVERY_NS (30 * NS_PER_S)
#define MAX_FOLD      (64ull << 20) /* a second of a slow disk, for the ring must be read */

struct wal {
	sqlite3 *db; /* borrowed */
	const char *path;
	uint64_t room;
	struct note note;
	struct readers readers;
	int64_t tried_ns, told_ns;
};

int wal_new(sqlite3 *db, uint64_t room, const struct note *note, struct wal **out, struct err *err)
{
	struct wal *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(err, -ENOMEM, "no memory for the WAL's bound");
	*w = (struct wal){
		.db = db,
		.path = sqlite3_db_filename(db, "main"),
		.room = room,
		.note = *note,
		.readers = READERS_NONE,
	};
	*out = w;
	return 0;
}

void wal_free(struct wal *w)
{
	if (!w)
		return;
	readers_close(&w->readers);
	free(w);
}

static uint64_t taken(const struct wal *w)
{
	struct file_sizes sizes = files_measure(w->path);

	return sizes.wal + sizes.shm;
}

bool wal_truncate(struct wal *w)
{
	w->tried_ns = clock_boot_ns();
	return sqlite3_wal_checkpoint_v2(w->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
	       SQLITE_OK;
}

/* SQLite itself waits for the disk at each commit, or when it writes the WAL back only. */
int wal_sync(sqlite3 *db, struct err *err)
{
	sqlite3_file *file = NULL;
	int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);

	if (rc == SQLITE_OK && file && file->pMethods)
		rc = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
	return rc == SQLITE_OK
		       ? 0
		       : err_set(err, -EIO,
				 "a power cut may lose what was recorded last, for the disk "
				 "does not take it (fsync of the WAL failed)");
}

/* Those who read for a moment only are gone when it is tried. */
static void tell_who_reads(struct wal *w)
{
	int64_t now_ns = clock_boot_ns();
	char who[96];
	pid_t pid;

	if ((w->told_ns && now_ns - w->told_ns < TELL_EVERY_NS) ||
	    !readers_find(&w->readers, w->path, &pid))
		return;
	w->told_ns = now_ns;
	who_is(pid, who, sizeof(who));
	note(&w->note,
	     "%s: %s keeps a read transaction open, so the WAL cannot be used again and has grown "
	     "to %" PRIu64 " MiB; end it",
	     w->path, who, files_measure(w->path).wal >> 20);
}

bool wal_is_long(struct wal *w)
{
	if (w->room == 0 || taken(w) <= w->room / 2)
		return false;
	if (clock_boot_ns() - w->tried_ns < TRY_EVERY_NS)
		return true;
	if (!wal_truncate(w))
		tell_who_reads(w);
	return taken(w) > w->room / 2;
}

int wal_make_room(struct wal *w, uint64_t bytes, struct err *err)
{
	/* The rest is for the next database, once this one was set aside: else that would have to
	 * be removed at once, and all of the past with it. */
	const uint64_t most = w->room / 4 * 3;
	char who[96] = "a reader";
	pid_t pid;

	if (w->room == 0)
		return 0;
	/* Each page that is changed is written whole, so often more than what changes. */
	bytes = bytes * 2 < w->room / 2 ? bytes * 2 : w->room / 2;
	wal_is_long(w);
	if (taken(w) + bytes <= most || wal_truncate(w))
		return 0;
	if (readers_find(&w->readers, w->path, &pid))
		who_is(pid, who, sizeof(who));
	return err_set(err, -EMLINK,
		       "%s keeps a read transaction open, and --max-size leaves the WAL no room to "
		       "grow; end it",
		       who);
}

/* By how much the file of @db grows when its WAL is written back; too much when nobody knows. */
static uint64_t growth(sqlite3 *db, uint64_t bytes)
{
	AUTO_STMT *stmt = NULL;
	uint64_t grown;

	if (sqlite3_prepare_v2(db,
			       "SELECT page_count * page_size FROM pragma_page_count,"
			       " pragma_page_size",
			       -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		return UINT64_MAX;
	grown = (uint64_t)sqlite3_column_int64(stmt, 0);
	return grown > bytes ? grown - bytes : 0;
}

bool wal_fold(const char *path, uint64_t room)
{
	const struct file_sizes before = files_measure(path);
	sqlite3 *db = NULL;
	int keep = 1; /* who may just read needs the files to be there */

	if (before.wal == 0 || before.wal > MAX_FOLD)
		return false;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
	    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep) == SQLITE_OK &&
	    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) == SQLITE_OK &&
	    growth(db, before.db) <= room)
		sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_close(db);
	return files_measure(path).wal < before.wal;
}
