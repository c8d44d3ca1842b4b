#include "container.h"

#include <ctype.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"

#define MAX_CONTAINERS 4096
#define FILEID_KERNFS  0xfe /* include/linux/exportfs.h, Linux 5.5 */
#define ID_LEN	       64   /* hex digits of a container's id */
#define SHORT_ID_LEN   12

/* "<prefix><64 hex digits><suffix>", the way most runtimes name a cgroup. To add a
 * runtime, add a row. */
static const struct {
	const char *runtime, *prefix, *suffix;
} id_forms[] = {
	{"docker", "docker-", ".scope"},
	{"containerd", "cri-containerd-", ".scope"},
	{"crio", "crio-", ".scope"},
	{"podman", "libpod-", ".scope"},
	{"containerd", "nerdctl-", ".scope"},
	{"docker", "", ""}, /* cgroupfs driver: /docker/<id>; see below for the others */
};

static const struct {
	const char *runtime, *prefix, *suffix;
} name_forms[] = {
	{"lxc", "lxc.payload.", ""},
	{"nspawn", "systemd-nspawn@", ".service"},
};

static bool is_id(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return len == ID_LEN;
}

/* What stands between @prefix and @suffix in the @len bytes at @s; false if it is
 * not of that form. */
static bool between(const char *s, size_t len, const char *prefix, const char *suffix,
		    const char **middle, size_t *middle_len)
{
	size_t before = strlen(prefix), after = strlen(suffix);

	if (len <= before + after || strncmp(s, prefix, before) != 0 ||
	    strncmp(s + len - after, suffix, after) != 0)
		return false;
	*middle = s + before;
	*middle_len = len - before - after;
	return true;
}

static bool parse_part(const char *path, const char *part, size_t len, const char **runtime,
		       char *name)
{
	const char *middle;
	size_t n;

	for (size_t i = 0; i < sizeof(id_forms) / sizeof(id_forms[0]); i++) {
		if (!between(part, len, id_forms[i].prefix, id_forms[i].suffix, &middle, &n) ||
		    !is_id(middle, n))
			continue;
		*runtime = id_forms[i].runtime;
		if (id_forms[i].prefix[0] == '\0' && strncmp(path, "/kubepods", 9) == 0)
			*runtime = "kubernetes";
		snprintf(name, CONTAINER_NAME_LEN + 1, "%.*s", SHORT_ID_LEN, middle);
		return true;
	}
	for (size_t i = 0; i < sizeof(name_forms) / sizeof(name_forms[0]); i++) {
		if (!between(part, len, name_forms[i].prefix, name_forms[i].suffix, &middle, &n))
			continue;
		*runtime = name_forms[i].runtime;
		snprintf(name, CONTAINER_NAME_LEN + 1, "%.*s", (int)n, middle);
		return true;
	}
	return false;
}

bool container_parse(const char *path, const char **runtime, char *name)
{
	/* The innermost that looks like a container: one may run inside another, and
	 * may make cgroups of its own below. */
	size_t end = strlen(path);

	while (end > 0) {
		size_t start = end;

		while (start > 0 && path[start - 1] != '/')
			start--;
		if (parse_part(path, path + start, end - start, runtime, name))
			return true;
		end = start > 0 ? start - 1 : 0;
	}
	return false;
}

void containers_init(struct containers *cs)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	*cs = (struct containers){.mount_fd = -1};
	if (!mounts)
		return;
	while (cs->mount_fd < 0 && (m = getmntent(mounts)))
		if (strcmp(m->mnt_type, "cgroup2") == 0)
			cs->mount_fd = open(m->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	endmntent(mounts);
}

/* Writes the path below the mount into @path; false when there is none (any more). */
static bool find_path(int mount_fd, uint64_t cgroup_id, char *path, size_t size)
{
	struct {
		struct file_handle h;
		unsigned char id[sizeof(uint64_t)];
	} handle = {.h = {.handle_bytes = sizeof(uint64_t), .handle_type = FILEID_KERNFS}};
	char link[64], mount[CGROUP_PATH_LEN], full[CGROUP_PATH_LEN];
	ssize_t mount_len, len;
	int fd;

	if (mount_fd < 0)
		return false;
	memcpy(handle.h.f_handle, &cgroup_id, sizeof(cgroup_id));
	fd = open_by_handle_at(mount_fd, &handle.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, full, sizeof(full) - 1);
	close(fd);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", mount_fd);
	mount_len = readlink(link, mount, sizeof(mount) - 1);
	if (len <= 0 || mount_len <= 0 || len < mount_len || memcmp(full, mount, (size_t)mount_len))
		return false;
	snprintf(path, size, "%.*s", (int)(len - mount_len), full + mount_len);
	return true;
}

struct container *containers_get(struct containers *cs, uint64_t cgroup_id)
{
	char path[CGROUP_PATH_LEN] = "", safe[ESCAPED_SIZE(CGROUP_PATH_LEN)];
	char name[CONTAINER_NAME_LEN + 1] = "";
	struct container *c;

	if (cgroup_id == 0 || cgroup_id == ROOT_CGROUP_ID)
		return NULL;
	HASH_FIND(hh, cs->table, &cgroup_id, sizeof(cgroup_id), c);
	if (c)
		return c;

	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->cgroup_id = cgroup_id;
	if (find_path(cs->mount_fd, cgroup_id, path, sizeof(path)))
		container_parse(path, &c->runtime, name);
	escape_text(name, strlen(name), c->name, sizeof(c->name));
	escape_text(path, strlen(path), safe, sizeof(safe));
	c->path = strdup(safe);
	if (!c->path) {
		free(c);
		return NULL;
	}
	if (HASH_COUNT(cs->table) >= MAX_CONTAINERS) {
		struct container *oldest = cs->table; /* uthash keeps the order of insertion */

		HASH_DEL(cs->table, oldest);
		free(oldest->path);
		free(oldest);
	}
	HASH_ADD(hh, cs->table, cgroup_id, sizeof(c->cgroup_id), c);
	if (!c->hh.tbl) {
		free(c->path);
		free(c);
		return NULL;
	}
	return c;
}

void containers_changed(struct containers *cs, uint64_t cgroup_id, bool made, const char *path)
{
	(void)cs, (void)cgroup_id, (void)made, (void)path;
}

void containers_forget_rows(struct containers *cs)
{
	struct container *c, *tmp;

	HASH_ITER (hh, cs->table, c, tmp)
		c->row = 0;
}

void containers_clear(struct containers *cs)
{
	struct container *c, *tmp;

	HASH_ITER (hh, cs->table, c, tmp) {
		HASH_DEL(cs->table, c);
		free(c->path);
		free(c);
	}
	if (cs->mount_fd >= 0)
		close(cs->mount_fd);
}
