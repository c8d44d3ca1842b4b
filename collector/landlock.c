#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's; this header may be older than the kernel that runs. */
#define TRUNCATE     (1ULL << 14) /* version 3 */
#define IOCTL_DEV    (1ULL << 15) /* 5 */
#define BIND_TCP     (1ULL << 0)  /* 4 */
#define CONNECT_TCP  (1ULL << 1)
#define SCOPE_SIGNAL (1ULL << 1) /* 6 */

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

#define FIRST_VERSION ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) /* all that it knew */
#define REFER	      (1ULL << 13)			       /* 2: renames between folders */

#define FILE_READ   LANDLOCK_ACCESS_FS_READ_FILE
#define FILE_WRITE  (FILE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE)
#define FOLDER_READ (FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR)
#define FOLDER_WRITE                                                                               \
	(FILE_WRITE | FOLDER_READ | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE)

int landlock_version(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

/* All that this version can refuse. */
static struct ruleset everything(int version)
{
	struct ruleset r = {.fs = FIRST_VERSION};

	if (version >= 2)
		r.fs |= REFER;
	if (version >= 3)
		r.fs |= TRUNCATE;
	if (version >= 4)
		r.net = BIND_TCP | CONNECT_TCP;
	if (version >= 5)
		r.fs |= IOCTL_DEV;
	if (version >= 6)
		r.scoped = SCOPE_SIGNAL;
	return r;
}

static uint64_t rights(enum landlock_may may, int is_folder)
{
	switch (may) {
	case LANDLOCK_READ:
		return is_folder ? FOLDER_READ : FILE_READ;
	case LANDLOCK_WRITE_FILE:
		return FILE_WRITE;
	case LANDLOCK_WRITE_FOLDER:
		return is_folder ? FOLDER_WRITE : FILE_WRITE;
	}
	return 0;
}

static int allow(int ruleset_fd, uint64_t known, const struct landlock_path *p)
{
	struct landlock_path_beneath_attr rule = {0};
	struct stat st;
	int ret;

	rule.parent_fd = open(p->path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return 0;
	ret = fstat(rule.parent_fd, &st);
	rule.allowed_access = rights(p->may, S_ISDIR(st.st_mode)) & known;
	if (ret == 0)
		ret = (int)syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH,
				   &rule, 0);
	ret = ret ? -errno : 0;
	close(rule.parent_fd);
	return ret;
}

int landlock_enter(const struct landlock_path *paths, size_t n, struct err *err)
{
	const int version = landlock_version();
	const struct ruleset rules = everything(version);
	int fd, ret = 0;

	if (version == 0)
		return err_set(err, -ENOTSUP, "this kernel has no Landlock");
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	if (fd < 0)
		return err_set(err, -errno, "preparing Landlock: %s", strerror(errno));
	for (size_t i = 0; i < n && !ret; i++)
		ret = allow(fd, rules.fs, &paths[i]);
	if (!ret && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		ret = -errno;
	close(fd);
	return ret ? err_set(err, ret, "limiting files by Landlock: %s", strerror(-ret)) : 0;
}
