#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "program.h"

#define MIB  (1L << 20)
#define ROOM (16 * MIB)
/* Both have room for what the longest test records. */
#define EXT4_BYTES  (224 * MIB)
#define BTRFS_BYTES (512 * MIB)
#define QUOTA_MIB   16
#define MORE_MIB    6 /* each time, for what was recorded meanwhile */

/* A test that lacks its tool must not look as if it had passed. */
__attribute__((format(printf, 1, 2))) static void command(const char *fmt, ...)
{
	char line[256];
	struct finished f;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	f = program_run((const char *const[]){"sh", "-c", line, NULL}, 0);
	if (f.code != 0)
		fail_msg("%s: exit code %d\n%s%s", line, f.code, f.out, f.err);
}

static void make_image(struct disk *d, const char *folder, long bytes, const char *mkfs)
{
	int fd;

	snprintf(d->image, sizeof(d->image), "%s/image", folder);
	fd = open(d->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0 && ftruncate(fd, bytes) == 0);
	close(fd);
	command("PATH=$PATH:/usr/sbin:/sbin %s %s", mkfs, d->image);
	command("mount -o loop %s %s", d->image, d->mounted);
	must(chmod(d->mounted, 0755) == 0);
}

static void allow(struct disk *d, int mib)
{
	command("btrfs qgroup limit %dM %s", mib, d->folder);
}

void disk_make(struct disk *d, enum disk_kind kind, struct node *n)
{
	*d = (struct disk){.kind = kind};
	snprintf(d->mounted, sizeof(d->mounted), "%s/disk", n->folder);
	snprintf(d->folder, sizeof(d->folder), "%s", d->mounted);
	must(mkdir(d->mounted, 0755) == 0);
	must(unshare(CLONE_NEWNS) == 0);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	switch (kind) {
	case DISK_TMPFS:
		must(mount("connmon-test", d->mounted, "tmpfs", 0, "size=16m,mode=755") == 0);
		break;
	case DISK_EXT4:
		make_image(d, n->folder, EXT4_BYTES, "mkfs.ext4 -q -F");
		break;
	case DISK_QUOTA:
		make_image(d, n->folder, BTRFS_BYTES, "mkfs.btrfs -q");
		snprintf(d->folder, sizeof(d->folder), "%s/of", d->mounted);
		command("btrfs subvolume create %s && btrfs quota enable %s", d->folder,
			d->mounted);
		command("btrfs quota rescan -w %s", d->mounted);
		d->quota_mib = QUOTA_MIB;
		allow(d, d->quota_mib);
		break;
	}
	snprintf(n->db_path, sizeof(n->db_path), "%s/connmon.db", d->folder);
}

static void filler_of(const struct disk *d, char path[128])
{
	snprintf(path, 128, "%s/filler", d->folder);
}

static void write_filler(const struct disk *d)
{
	static const char bytes[65536];
	char path[128];
	int fd;

	filler_of(d, path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	must(fd >= 0);
	for (size_t n = sizeof(bytes); n > 0; n /= 2)
		while (write(fd, bytes, n) == (ssize_t)n)
			;
	must(errno == (d->kind == DISK_QUOTA ? EDQUOT : ENOSPC));
	close(fd);
}

/* To what is used and @more. False: it has become more meanwhile. */
static bool resize_tmpfs(const struct disk *d, long more)
{
	struct statvfs fs;
	char size[32];

	must(statvfs(d->mounted, &fs) == 0);
	snprintf(size, sizeof(size), "size=%ld",
		 (long)((fs.f_blocks - fs.f_bfree) * fs.f_frsize) + more);
	if (mount(NULL, d->mounted, NULL, MS_REMOUNT, size) == 0)
		return true;
	must(errno == EINVAL);
	return false;
}

void disk_fill(struct disk *d)
{
	if (d->kind != DISK_TMPFS)
		write_filler(d);
	else
		while (!resize_tmpfs(d, 0))
			;
}

void disk_free(struct disk *d)
{
	char path[128];

	filler_of(d, path);
	switch (d->kind) {
	case DISK_TMPFS:
		must(resize_tmpfs(d, ROOM));
		break;
	case DISK_EXT4:
		must(unlink(path) == 0);
		break;
	case DISK_QUOTA:
		allow(d, 4 * QUOTA_MIB + d->quota_mib); /* to remove takes room, too */
		must(unlink(path) == 0);
		d->quota_mib += MORE_MIB;
		allow(d, d->quota_mib);
		break;
	}
}

void disk_remove(struct disk *d)
{
	must(umount2(d->mounted, MNT_DETACH) == 0);
}
