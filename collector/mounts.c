#include "mounts.h"

#include <mntent.h>
#include <string.h>

static bool is_local_type(const char *type)
{
	static const char *const types[] = {"ext2", "ext3",  "ext4",  "xfs",	  "btrfs",  "zfs",
					    "f2fs", "tmpfs", "ramfs", "bcachefs", "overlay"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

bool mounts_is_local(FILE *mounts, const char *path)
{
	size_t longest = 0;
	struct mntent *m;
	bool local = false;

	while ((m = getmntent(mounts))) {
		size_t len = strlen(m->mnt_dir);

		if (len == 1)
			len = 0; /* "/" */
		if (m->mnt_dir[0] != '/' || len < longest || strncmp(path, m->mnt_dir, len) != 0 ||
		    (path[len] != '/' && path[len] != '\0'))
			continue;
		longest = len;
		local = is_local_type(m->mnt_type);
	}
	return local;
}

bool mounts_find(FILE *mounts, const char *type, char *out, size_t size)
{
	struct mntent *m;

	while ((m = getmntent(mounts)))
		if (strcmp(m->mnt_type, type) == 0)
			return (size_t)snprintf(out, size, "%s", m->mnt_dir) < size;
	return false;
}
