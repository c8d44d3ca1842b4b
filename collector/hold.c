#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define N_HELD	   2   /* locks 0 and 1: to write, to checkpoint */
#define FIRST_LOCK 120 /* of the shm's bytes */
#define N_TO_BEGIN 3   /* these two, and WAL_RECOVER_LOCK */

/* SQLite's own, for one file, and ours with another way to lock. */
struct held_file {
	sqlite3_io_methods methods;
	const sqlite3_io_methods *real;
	bool held[N_HELD];
};

static sqlite3_vfs held_vfs, *real_vfs;

/* Behind what the real VFS needs for a file. */
static struct held_file *ours(sqlite3_file *file)
{
	return (struct held_file *)(void *)((char *)file + (real_vfs->szOsFile + 15) / 16 * 16);
}

static int lock_shm(sqlite3_file *file, int first, int n, int flags)
{
	struct held_file *f = ours(file);
	int rc;

	/* Those we have for good are the lowest ones. */
	while (n > 0 && first < N_HELD && f->held[first] && flags & SQLITE_SHM_EXCLUSIVE) {
		first++;
		n--;
	}
	if (n == 0)
		return SQLITE_OK;
	rc = f->real->xShmLock(file, first, n, flags);
	if (rc == SQLITE_OK && flags & SQLITE_SHM_LOCK && flags & SQLITE_SHM_EXCLUSIVE)
		for (int i = first; i < first + n && i < N_HELD; i++)
			f->held[i] = true;
	return rc;
}

/* With the shm its locks are gone. */
static int unmap_shm(sqlite3_file *file, int remove)
{
	struct held_file *f = ours(file);

	memset(f->held, 0, sizeof(f->held));
	return f->real->xShmUnmap(file, remove);
}

static int open_held(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		     int *out_flags)
{
	int rc = real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
	struct held_file *f = ours(file);

	(void)vfs;
	if (rc != SQLITE_OK || !(flags & SQLITE_OPEN_MAIN_DB) || !file->pMethods ||
	    file->pMethods->iVersion < 2)
		return rc;
	*f = (struct held_file){.methods = *file->pMethods, .real = file->pMethods};
	f->methods.xShmLock = lock_shm;
	f->methods.xShmUnmap = unmap_shm;
	file->pMethods = &f->methods;
	return rc;
}

int hold_all(struct err *err)
{
	real_vfs = sqlite3_vfs_find(NULL);
	if (!real_vfs)
		return err_set(err, -EIO, "SQLite has no way to open files");
	held_vfs = *real_vfs;
	held_vfs.zName = "connmon";
	held_vfs.szOsFile = (real_vfs->szOsFile + 15) / 16 * 16 + (int)sizeof(struct held_file);
	held_vfs.xOpen = open_held;
	held_vfs.pNext = NULL;
	if (sqlite3_vfs_register(&held_vfs, 1) != SQLITE_OK)
		return err_set(err, -EIO, "SQLite takes no other way to lock");
	return 0;
}

int hold_take(sqlite3 *db, struct err *err)
{
	sqlite3_file *file = NULL;

	if (!real_vfs || sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) ||
	    !file || !file->pMethods || file->pMethods->xShmLock != lock_shm)
		return 0;
	for (int i = 0; i < N_HELD; i++) {
		int rc = lock_shm(file, i, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);

		if (rc != SQLITE_OK)
			return err_set(err, -EBUSY, "database is locked");
	}
	return 0;
}

bool hold_find_intruder(const char *path, pid_t *pid)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = FIRST_LOCK,
		.l_len = N_TO_BEGIN,
	};
	char shm[PATH_MAX];
	bool found;
	int fd;

	if (snprintf(shm, sizeof(shm), "%s-shm", path) >= (int)sizeof(shm))
		return false;
	fd = open(shm, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	found = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_RDLCK;
	if (fd >= 0)
		close(fd);
	if (found)
		*pid = lock.l_pid > 0 ? lock.l_pid : 0;
	return found;
}
