#include "wal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "clock.h"
#include "files.h"
#include "readers.h"
#include "who.h"

#define TRY_EVERY_NS  (2 * NS_PER_S) /* each try may wait for a lock */
#define TELL_EVERY_NS (30 * NS_PER_S)

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
	char who[96] = "a reader";
	pid_t pid;

	if (w->room == 0)
		return 0;
	/* Each page that is changed is written whole, so often more than what changes. */
	bytes = bytes * 2 < w->room / 2 ? bytes * 2 : w->room / 2;
	wal_is_long(w);
	if (taken(w) + bytes <= w->room || wal_truncate(w))
		return 0;
	if (readers_find(&w->readers, w->path, &pid))
		who_is(pid, who, sizeof(who));
	return err_set(err, -EMLINK,
		       "%s keeps a read transaction open, and --max-size leaves the WAL no room to "
		       "grow; end it",
		       who);
}
