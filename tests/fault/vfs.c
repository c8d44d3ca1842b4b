#include "vfs.h"

#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	unsigned int calls, n, met;
	enum vfs_fault fault;
	bool lasting, broke;
	unsigned int unsynced, left_unsynced; /* of WALs: open, and closed */
} shim;

/* SQLite gives room for both: ours, and the real one behind it. */
struct file {
	sqlite3_file base;
	sqlite3_file *real;
	bool is_wal, unsynced;
};

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct file *)f)->real;
}

/* Whether this call is one that fails. */
static bool fails(enum vfs_call call)
{
	if (!(shim.calls & call))
		return false;
	shim.met++;
	if (shim.met != shim.n && !(shim.lasting && shim.met > shim.n))
		return false;
	shim.broke = true;
	if (shim.fault == VFS_KILL)
		kill(getpid(), SIGKILL);
	return true;
}

bool vfs_meet(void)
{
	return fails(VFS_OTHER);
}

static int code(int when_io_error)
{
	return shim.fault == VFS_EIO ? when_io_error : SQLITE_FULL;
}

static void set_unsynced(sqlite3_file *f, bool unsynced)
{
	struct file *file = (struct file *)f;

	if (!file->is_wal || file->unsynced == unsynced)
		return;
	file->unsynced = unsynced;
	shim.unsynced += unsynced ? 1 : -1U;
}

static int close_file(sqlite3_file *f)
{
	shim.left_unsynced += ((struct file *)f)->unsynced;
	set_unsynced(f, false);
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int read_file(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	return fails(VFS_READ) ? SQLITE_IOERR_READ
			       : real_of(f)->pMethods->xRead(real_of(f), to, n, at);
}

static int write_file(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	if (!fails(VFS_WRITE)) {
		set_unsynced(f, true);
		return real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
	}
	if (shim.fault == VFS_SHORT)
		real_of(f)->pMethods->xWrite(real_of(f), from, n / 2, at);
	return code(SQLITE_IOERR_WRITE);
}

static int truncate_file(sqlite3_file *f, sqlite3_int64 size)
{
	return fails(VFS_TRUNCATE) ? code(SQLITE_IOERR_TRUNCATE)
				   : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

/* No power is cut here, so nothing need reach the disk. */
static int sync_file(sqlite3_file *f, int flags)
{
	(void)flags;
	if (fails(VFS_SYNC))
		return SQLITE_IOERR_FSYNC;
	set_unsynced(f, false);
	return SQLITE_OK;
}

static int size_of_file(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int lock(sqlite3_file *f, int level)
{
	return fails(VFS_LOCK) ? SQLITE_IOERR_LOCK : real_of(f)->pMethods->xLock(real_of(f), level);
}

static int unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int check_reserved(sqlite3_file *f, int *out)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int sector_size(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int traits(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **out)
{
	return fails(VFS_SHM)
		       ? SQLITE_IOERR_SHMMAP
		       : real_of(f)->pMethods->xShmMap(real_of(f), region, size, extend, out);
}

static int shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	/* Letting go cannot fail. */
	if ((flags & SQLITE_SHM_LOCK || shim.fault == VFS_KILL) && fails(VFS_SHM))
		return SQLITE_IOERR_SHMLOCK;
	return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int shm_unmap(sqlite3_file *f, int flags)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), flags);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = close_file,
	.xRead = read_file,
	.xWrite = write_file,
	.xTruncate = truncate_file,
	.xSync = sync_file,
	.xFileSize = size_of_file,
	.xLock = lock,
	.xUnlock = unlock,
	.xCheckReservedLock = check_reserved,
	.xFileControl = control,
	.xSectorSize = sector_size,
	.xDeviceCharacteristics = traits,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct file *file = (struct file *)f;
	int rc;

	(void)vfs;
	file->base.pMethods = NULL;
	if (fails(VFS_OPEN))
		return SQLITE_CANTOPEN;
	file->real = (sqlite3_file *)(file + 1);
	file->is_wal = flags & SQLITE_OPEN_WAL;
	file->unsynced = false;
	rc = shim.real->xOpen(shim.real, name, file->real, flags, out);
	if (rc == SQLITE_OK)
		file->base.pMethods = &methods;
	return rc;
}

static int delete_file(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs, (void)sync;
	return shim.real->xDelete(shim.real, name, 0);
}

void vfs_install(void)
{
	shim.real = sqlite3_vfs_find(NULL);
	assert_non_null(shim.real);
	shim.vfs = *shim.real;
	shim.vfs.zName = "fault";
	shim.vfs.szOsFile = (int)sizeof(struct file) + shim.real->szOsFile;
	shim.vfs.xOpen = open_file;
	shim.vfs.xDelete = delete_file;
	assert_int_equal(sqlite3_vfs_register(&shim.vfs, 1), SQLITE_OK);
}

void vfs_break(unsigned int calls, enum vfs_fault fault, unsigned int n, bool lasting)
{
	shim.calls = calls;
	shim.fault = fault;
	shim.n = n;
	shim.lasting = lasting;
	shim.met = 0;
	shim.broke = false;
}

void vfs_mend(void)
{
	shim.calls = 0;
}

bool vfs_broke(void)
{
	return shim.broke;
}

bool vfs_unsynced(void)
{
	return shim.unsynced > 0;
}

unsigned int vfs_left_unsynced(void)
{
	return shim.left_unsynced;
}
