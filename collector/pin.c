#include "pin.h"
#include "probe.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The number grows with what is in the folder, and how. */
#define ABOUT "about_v1"

static const char *const prefixes[] = {"about_", "link_", "program_", "map_"};

uint64_t pin_fingerprint(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	/* FNV-1a: two builds are told apart, nobody is kept out. */
	if (hash == 0)
		hash = 0xcbf29ce484222325;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

/* "DIR/KIND_NAME"; a dot in a name, which bpffs does not allow, becomes a line. */
static const char *path_of(const char *dir, const char *kind, const char *name, char path[PATH_MAX])
{
	int folder = snprintf(path, PATH_MAX, "%s/", dir);

	snprintf(path + folder, PATH_MAX - (size_t)folder, "%s%s", kind, name);
	for (char *at = path + folder; *at; at++)
		if (*at == '.')
			*at = '_';
	return path;
}

/* What stands there by that name: a new descriptor, or -errno. */
static int get(const struct pins *p, const char *dir, const char *kind, const char *name)
{
	char path[PATH_MAX];
	int fd;

	path_of(dir, kind, name, path);
	if (p->manager)
		return manager_get(p->manager, strrchr(path, '/') + 1);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

static int put(const struct pins *p, const char *dir, const char *kind, const char *name, int fd)
{
	char path[PATH_MAX];

	path_of(dir, kind, name, path);
	if (p->manager)
		return manager_keep(p->manager, strrchr(path, '/') + 1, fd);
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

static bool is_event_program(const struct bpf_program *prog)
{
	return bpf_program__expected_attach_type(prog) != BPF_TRACE_ITER;
}

/* ---- the folder ---- */

static int not_allowed(const char *dir, const char *what, struct err *err)
{
	int code = errno;

	if (code == EPERM || code == EACCES)
		return err_set(err, -code, "--pin %s: %s: not allowed; run as root", dir, what);
	return err_set(err, -code, "--pin %s: %s: %s", dir, what, strerror(code));
}

static int check_bpffs(const char *dir, const char *path, struct err *err)
{
	struct statfs fs;

	if (statfs(path, &fs) != 0)
		return not_allowed(dir, path, err);
	if (fs.f_type != BPF_FS_MAGIC)
		return err_set(err, -EINVAL,
			       "--pin %s: %s is not on a BPF file system; name a folder on one, as "
			       "/sys/fs/bpf/connmon, after mount -t bpf bpf /sys/fs/bpf",
			       dir, path);
	return 0;
}

/* The folder that @dir is to be made in. */
static void parent_of(const char *dir, char parent[PATH_MAX])
{
	char *end;

	snprintf(parent, PATH_MAX, "%s", dir);
	end = parent + strlen(parent);
	while (end > parent + 1 && end[-1] == '/')
		*--end = '\0';
	end = strrchr(parent, '/');
	if (!end)
		strcpy(parent, ".");
	else
		end[end == parent] = '\0';
}

static int make_folder(const char *dir, struct err *err)
{
	char parent[PATH_MAX];
	struct stat st;
	int ret;

	if (strlen(dir) > PATH_MAX - NAME_MAX)
		return err_set(err, -ENAMETOOLONG, "--pin %.99s...: the path is too long", dir);
	if (stat(dir, &st) != 0) {
		if (errno != ENOENT)
			return not_allowed(dir, "looking at it", err);
		parent_of(dir, parent);
		ret = check_bpffs(dir, parent, err);
		if (ret)
			return ret;
		if (mkdir(dir, 0700) != 0)
			return not_allowed(dir, "making the folder", err);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "--pin %s: not a folder", dir);
	ret = check_bpffs(dir, dir, err);
	if (ret)
		return ret;
	/* Who may write there could give us programs of his own. */
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, -EPERM,
			       "--pin %s: others may write there; name a folder of your own, which "
			       "is made if it is not there",
			       dir);
	return 0;
}

int pins_open(struct pins *p, const char *dir, struct manager *manager, struct err *err)
{
	int ret;

	if (strcmp(dir, PROBE_PIN_SERVICE) == 0) {
		if (!manager || manager->fd < 0)
			return err_set(err, -ENOTSUP,
				       "--pin " PROBE_PIN_SERVICE
				       ": no service manager started this, or "
				       "its unit has no Type=notify; name a folder on bpffs, or go "
				       "without --pin");
		p->manager = manager;
		return 0;
	}
	ret = make_folder(dir, err);
	if (ret)
		return ret;
	p->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->lock_fd < 0) {
		ret = not_allowed(dir, "opening it", err);
		p->lock_fd = 0;
		return ret;
	}
	if (flock(p->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(
			err, -EBUSY,
			"--pin %s: another collector uses it; stop that one, or name another "
			"folder",
			dir);
	return 0;
}

void pins_close(struct pins *p)
{
	for (int i = 0; i < PIN_PROGRAMS; i++) {
		if (p->links[i] > 0)
			close(p->links[i]);
		if (p->programs[i] > 0)
			close(p->programs[i]);
	}
	if (p->lock_fd > 0)
		close(p->lock_fd);
	*p = (struct pins){0};
}

static bool has_maps(const struct pins *p, const char *dir, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int fd = get(p, dir, "map_", names[i]);

		if (fd < 0)
			return false;
		close(fd);
	}
	return true;
}

bool pins_read(const struct pins *p, const char *dir, const char *const *maps, size_t n,
	       struct pin_about *about)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info), zero = 0;
	bool found;
	int fd = get(p, dir, ABOUT, "");

	if (fd < 0)
		return false;
	found = bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == BPF_MAP_TYPE_ARRAY &&
		info.value_size == sizeof(*about) && bpf_map_lookup_elem(fd, &zero, about) == 0;
	close(fd);
	return found && has_maps(p, dir, maps, n);
}

uint32_t pins_map_size(const struct pins *p, const char *dir, const char *name)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	int fd = get(p, dir, "map_", name);

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		info.max_entries = 0;
	close(fd);
	return info.max_entries;
}

/* Removes those that begin with @prefix. */
static int remove_kind(const struct pins *p, const char *dir, const char *prefix, struct err *err)
{
	struct dirent *entry;
	DIR *folder;
	int ret = 0;

	if (p->manager) {
		manager_forget(p->manager, prefix);
		return 0;
	}
	folder = opendir(dir);
	if (!folder)
		return not_allowed(dir, "listing it", err);
	while ((entry = readdir(folder)) && !ret)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    unlinkat(dirfd(folder), entry->d_name, 0) != 0)
			ret = not_allowed(dir, entry->d_name, err);
	closedir(folder);
	return ret;
}

int pins_remove(const struct pins *p, const char *dir, struct err *err)
{
	int ret = 0;

	/* In this order: what is left when we are killed now counts as half made. */
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]) && !ret; i++)
		ret = remove_kind(p, dir, prefixes[i], err);
	return ret;
}

/* ---- what is in it ---- */

/* Internal maps have a part of the object's name before theirs. */
static bool is_map(const struct bpf_map *map, const char *wanted)
{
	const char *name = bpf_map__name(map);
	size_t len = strlen(name), end = strlen(wanted);

	return len >= end && strcmp(name + len - end, wanted) == 0 &&
	       (len == end || wanted[0] == '.');
}

/* A folder's maps libbpf looks for, and makes, by itself. */
static int name_map(const struct pins *p, struct bpf_map *map, const char *dir, const char *name)
{
	char path[PATH_MAX];
	int fd, ret;

	if (!p->manager)
		return bpf_map__set_pin_path(map, path_of(dir, "map_", name, path));
	fd = get(p, dir, "map_", name);
	if (fd < 0)
		return 0; /* a new one */
	ret = bpf_map__reuse_fd(map, fd);
	close(fd);
	return ret;
}

int pins_name_maps(const struct pins *p, struct bpf_object *obj, const char *dir,
		   const char *const *names, size_t n, struct err *err)
{
	struct bpf_map *map;

	for (size_t i = 0; i < n; i++)
		bpf_object__for_each_map(map, obj)
		{
			if (is_map(map, names[i]) && name_map(p, map, dir, names[i]) != 0)
				return err_set(err, -ENOMEM, "no memory for the maps");
		}
	return 0;
}

static int write_maps(const struct pins *p, const struct bpf_object *obj, const char *dir,
		      const char *const *names, size_t n)
{
	struct bpf_map *map;
	int ret = 0;

	for (size_t i = 0; i < n && p->manager; i++)
		bpf_object__for_each_map(map, obj)
		{
			if (!ret && is_map(map, names[i]))
				ret = put(p, dir, "map_", names[i], bpf_map__fd(map));
		}
	return ret;
}

static int adopt_one(struct pins *p, const struct bpf_program *prog, int i, const char *dir)
{
	const char *name = bpf_program__name(prog);

	p->programs[i] = get(p, dir, "program_", name);
	if (p->programs[i] < 0)
		return p->programs[i];
	p->links[i] = get(p, dir, "link_", name);
	return p->links[i] < 0 ? p->links[i] : 0;
}

bool pins_adopt(struct pins *p, struct bpf_object *obj, const char *dir,
		const struct pin_about *about)
{
	struct bpf_program *prog;
	int i = 0, ret = 0;

	bpf_object__for_each_program(prog, obj)
	{
		if (i < PIN_PROGRAMS && about->programs & 1ULL << i)
			ret = adopt_one(p, prog, i, dir);
		if (ret)
			return false;
		i++;
	}
	bpf_object__for_each_program(prog, obj) if (is_event_program(prog))
		bpf_program__set_autoload(prog, false);
	return true;
}

static int write_about(const struct pins *p, const char *dir, const struct pin_about *about)
{
	__u32 zero = 0;
	int ret, fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "connmon_about", sizeof(zero),
				     sizeof(*about), 1, NULL);

	if (fd < 0)
		return -errno;
	ret = bpf_map_update_elem(fd, &zero, about, BPF_ANY);
	ret = ret ? -errno : put(p, dir, ABOUT, "", fd);
	close(fd);
	return ret;
}

/* The link of @prog, which stays when the skeleton is destroyed: libbpf would switch the
 * older kinds off. */
static int write_one(const struct pins *p, struct bpf_object_skeleton *s,
		     const struct bpf_program *prog, const char *dir)
{
	const char *name = bpf_program__name(prog);
	int ret = -ENOENT;

	for (int i = 0; i < s->prog_cnt; i++)
		if (*s->progs[i].prog == prog && *s->progs[i].link) {
			ret = put(p, dir, "link_", name, bpf_link__fd(*s->progs[i].link));
			if (!ret)
				ret = put(p, dir, "program_", name, bpf_program__fd(prog));
		}
	return ret;
}

static void hold_on(struct bpf_object_skeleton *s)
{
	for (int i = 0; i < s->prog_cnt; i++)
		if (is_event_program(*s->progs[i].prog) && *s->progs[i].link)
			bpf_link__disconnect(*s->progs[i].link);
}

int pins_write(const struct pins *p, struct bpf_object_skeleton *skeleton, const char *dir,
	       const char *const *maps, size_t n, struct pin_about *about, struct err *err)
{
	struct bpf_program *prog;
	int i = 0, ret = write_maps(p, *skeleton->obj, dir, maps, n);

	if (ret)
		return err_set(err, ret, "--pin %s: %s", dir, strerror(-ret));

	about->programs = 0;
	bpf_object__for_each_program(prog, *skeleton->obj)
	{
		if (i < PIN_PROGRAMS && is_event_program(prog) && bpf_program__autoload(prog)) {
			ret = write_one(p, skeleton, prog, dir);
			about->programs |= 1ULL << i;
		}
		if (ret)
			return err_set(err, ret, "--pin %s: %s: %s%s", dir, bpf_program__name(prog),
				       strerror(-ret),
				       ret == -EINVAL
					       ? "; this kernel cannot keep programs of this "
						 "kind (before 5.15)"
					       : "");
		i++;
	}
	ret = write_about(p, dir, about);
	if (ret)
		return err_set(err, ret, "--pin %s: %s", dir, strerror(-ret));
	if (p->manager)
		manager_wait(p->manager); /* what is on its way when we end may be lost */
	hold_on(skeleton);
	return 0;
}
