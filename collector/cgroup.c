#include "cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "mounts.h"

#define MAX_LIVE      65536
#define MAX_GONE      4096
#define MAX_DEPTH     64
#define FILEID_KERNFS 0xfe /* include/linux/exportfs.h, Linux 5.5 */

struct cgroup_path {
	uint64_t id;
	UT_hash_handle hh;
	char path[];
};

/* ---- the tables ---- */

static struct cgroup_path *find(struct cgroup_path *table, uint64_t id)
{
	struct cgroup_path *found;

	HASH_FIND(hh, table, &id, sizeof(id), found);
	return found;
}

static void forget(struct cgroup_path **table, struct cgroup_path *p)
{
	if (!p)
		return;
	HASH_DEL(*table, p);
	free(p);
}

/* Does nothing when memory is short. */
static void keep(struct cgroup_path **table, unsigned int max, uint64_t id, const char *path)
{
	size_t len = strlen(path);
	struct cgroup_path *p = malloc(sizeof(*p) + len + 1);

	forget(table, find(*table, id));
	if (!p)
		return;
	if (HASH_COUNT(*table) >= max)
		forget(table, *table); /* uthash keeps the order of insertion */
	p->id = id;
	memcpy(p->path, path, len + 1);
	HASH_ADD(hh, *table, id, sizeof(p->id), p);
	if (!p->hh.tbl)
		free(p);
}

void cgroups_made(struct cgroups *cs, uint64_t id, const char *path)
{
	if (*path)
		keep(&cs->live, MAX_LIVE, id, path);
}

void cgroups_removed(struct cgroups *cs, uint64_t id, const char *path)
{
	struct cgroup_path *known = find(cs->live, id);

	if (*path || known)
		keep(&cs->gone, MAX_GONE, id, *path ? path : known->path);
	forget(&cs->live, known);
}

static void clear(struct cgroup_path **table)
{
	struct cgroup_path *p, *tmp;

	HASH_ITER (hh, *table, p, tmp)
		forget(table, p);
}

/* ---- the file system ---- */

void cgroups_init(struct cgroups *cs)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char path[PATH_MAX];

	*cs = (struct cgroups){.mount_fd = -1};
	if (!mounts)
		return;
	if (mounts_find(mounts, "cgroup2", path, sizeof(path)))
		cs->mount_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	endmntent(mounts);
}

void cgroups_clear(struct cgroups *cs)
{
	clear(&cs->live);
	clear(&cs->gone);
	if (cs->mount_fd >= 0)
		close(cs->mount_fd);
	cs->mount_fd = -1;
}

struct walk {
	struct cgroups *cs;
	void (*each)(void *ctx, uint64_t id, const char *path);
	void *ctx;
	char path[CGROUP_PATH_LEN];
};

/* The folders in @fd, which it closes; their path begins with the first @len bytes. */
static void walk_folder(struct walk *w, int fd, size_t len, int depth)
{
	DIR *folder = fdopendir(fd);
	struct dirent *entry;

	if (!folder) {
		close(fd);
		return;
	}
	while ((entry = readdir(folder))) {
		size_t name_len = strlen(entry->d_name);
		int below;

		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0 || len + 1 + name_len >= sizeof(w->path))
			continue;
		w->path[len] = '/';
		memcpy(w->path + len + 1, entry->d_name, name_len + 1);
		cgroups_made(w->cs, entry->d_ino, w->path);
		if (w->each)
			w->each(w->ctx, entry->d_ino, w->path);
		if (depth == MAX_DEPTH)
			continue;
		below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			walk_folder(w, below, len + 1 + name_len, depth + 1);
	}
	closedir(folder);
}

void cgroups_walk(struct cgroups *cs, void (*each)(void *ctx, uint64_t id, const char *path),
		  void *ctx)
{
	struct walk w = {.cs = cs, .each = each, .ctx = ctx};
	int fd;

	/* On 32 bit, an inode number is only a part of the cgroup's. */
	if (cs->mount_fd < 0 || sizeof(long) < sizeof(uint64_t))
		return;
	fd = openat(cs->mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		walk_folder(&w, fd, 0, 1);
}

static void path_by_handle(int mount_fd, uint64_t id, char path[CGROUP_PATH_LEN])
{
	struct {
		struct file_handle h;
		unsigned char id[sizeof(uint64_t)];
	} handle = {.h = {.handle_bytes = sizeof(uint64_t), .handle_type = FILEID_KERNFS}};
	char link[64], mount[CGROUP_PATH_LEN], full[2 * CGROUP_PATH_LEN];
	ssize_t mount_len, len;
	int fd;

	if (mount_fd < 0)
		return;
	memcpy(handle.h.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount_fd, &handle.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, full, sizeof(full) - 1);
	close(fd);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", mount_fd);
	mount_len = readlink(link, mount, sizeof(mount) - 1);
	if (len <= 0 || mount_len <= 0 || len < mount_len || memcmp(full, mount, (size_t)mount_len))
		return;
	full[len] = '\0';
	if (len - mount_len < CGROUP_PATH_LEN)
		strcpy(path, full + mount_len);
}

void cgroups_path(const struct cgroups *cs, uint64_t id, char path[CGROUP_PATH_LEN])
{
	struct cgroup_path *p = find(cs->live, id);

	path[0] = '\0';
	if (!p)
		p = find(cs->gone, id);
	if (p)
		snprintf(path, CGROUP_PATH_LEN, "%s", p->path);
	else
		path_by_handle(cs->mount_fd, id, path);
}
