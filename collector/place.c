#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db.h"
#include "files.h"

#define MAX_LINKS 40 /* as the kernel has it */

static const char *const endings[] = {"", "-wal", "-shm", "-journal", ".lock"};
#define N_ENDINGS (sizeof(endings) / sizeof(endings[0]))

/* Who called sudo can become root anyway, and his are the folders that he works in. */
static bool called_sudo(uid_t uid)
{
	const char *text = geteuid() == 0 ? getenv("SUDO_UID") : NULL;
	char *end;

	return text && *text >= '0' && *text <= '9' && strtoul(text, &end, 10) == uid &&
	       *end == '\0';
}

static bool is_trusted(uid_t uid, const struct privilege *who)
{
	return uid == 0 || uid == geteuid() || uid == who->uid || called_sudo(uid);
}

/* A group that has the number of the folder's owner is his alone, as Debian makes users. */
static bool group_may_write(const struct stat *st)
{
	return st->st_mode & S_IWGRP && st->st_gid != 0 && st->st_gid != st->st_uid;
}

/* ---- folders ---- */

static int check_folder(const char *path, const struct stat *st, const struct privilege *who,
			bool on_the_way, struct err *err)
{
	const char *folder = *path ? path : "/";

	if (!is_trusted(st->st_uid, who))
		return err_set(err, -EPERM,
			       "the folder %s belongs to user %u, who could replace the database; "
			       "name a file in a folder of your own with --db",
			       folder, st->st_uid);
	if (on_the_way && st->st_mode & S_ISVTX)
		return 0;
	if (st->st_mode & S_IWOTH || group_may_write(st))
		return err_set(err, -EPERM,
			       "others may write to the folder %s (mode %04o) and so could replace "
			       "the database; name a file in a folder of your own with --db, or: "
			       "chmod go-w %s",
			       folder, st->st_mode & 07777, folder);
	return 0;
}

struct way {
	char done[PATH_MAX]; /* without links, from the root on; "": the root */
	char todo[PATH_MAX]; /* what follows */
	int links;
};

/* The next part of the path into @name. */
static bool take_part(struct way *w, char name[NAME_MAX + 2])
{
	char *at = w->todo + strspn(w->todo, "/");
	size_t len = strcspn(at, "/");

	if (len == 0)
		return false;
	snprintf(name, NAME_MAX + 2, "%.*s", (int)len, at);
	memmove(w->todo, at + len, strlen(at + len) + 1);
	return true;
}

static int too_long(struct err *err)
{
	return err_set(err, -ENAMETOOLONG, "the path is too long");
}

/* Goes on with what the link @path, in the folder w->done, leads to. */
static int follow(struct way *w, const char *path, const struct stat *st,
		  const struct privilege *who, struct err *err)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t len;

	if (!is_trusted(st->st_uid, who))
		return err_set(err, -EPERM,
			       "%s is a symbolic link of user %u, who could make it lead "
			       "elsewhere; remove it, or name the file itself with --db",
			       path, st->st_uid);
	if (++w->links > MAX_LINKS)
		return err_set(err, -ELOOP, "%s: too many symbolic links", path);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	target[len] = '\0';
	strcpy(rest, w->todo);
	if (snprintf(w->todo, sizeof(w->todo), "%s%s", target, rest) >= (int)sizeof(w->todo))
		return too_long(err);
	if (target[0] == '/')
		w->done[0] = '\0';
	return 0;
}

/* One part further. */
static int advance(struct way *w, const char *name, const struct privilege *who, struct err *err)
{
	char next[PATH_MAX];
	struct stat st;
	int ret;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		char *end = strrchr(w->done, '/');

		if (end)
			*end = '\0';
		return 0;
	}
	if (snprintf(next, sizeof(next), "%s/%s", w->done, name) >= (int)sizeof(next) ||
	    strlen(name) > NAME_MAX)
		return too_long(err);
	if (lstat(next, &st) != 0) {
		if (errno == ENOENT && w->todo[strspn(w->todo, "/")] == '\0')
			goto done; /* it is to be made */
		if (errno == ENOENT)
			return err_set(err, -ENOENT, "its folder does not exist; create it first");
		if (errno == EACCES)
			return err_set(err, -EACCES,
				       "no permission; run as root, or name another file with "
				       "--db");
		return err_set(err, -errno, "%s: %s", next, strerror(errno));
	}
	if (S_ISLNK(st.st_mode))
		return follow(w, next, &st, who, err);
	if (S_ISDIR(st.st_mode)) {
		ret = check_folder(next, &st, who, true, err);
		if (ret)
			return ret;
	}
done:
	strcpy(w->done, next);
	return 0;
}

int place_find(const char *path, const struct privilege *who, char real[PATH_MAX], struct err *err)
{
	struct way w = {0};
	char name[NAME_MAX + 2], folder[PATH_MAX];
	struct stat st;
	int ret = 0;

	if (path[0] != '/' && !getcwd(w.todo, sizeof(w.todo)))
		return err_set(err, -errno, "%s: the current folder: %s", path, strerror(errno));
	if (strlen(w.todo) + strlen(path) + 2 > sizeof(w.todo))
		return err_set(err, -ENAMETOOLONG, "%.99s...: the path is too long", path);
	if (w.todo[0])
		strcat(w.todo, "/");
	strcat(w.todo, path);
	if (stat("/", &st) == 0)
		ret = check_folder("/", &st, who, true, err);
	while (!ret && take_part(&w, name))
		ret = advance(&w, name, who, err);
	if (ret)
		return err_wrap(err, "%s", path);
	strcpy(real, *w.done ? w.done : "/");
	place_folder(real, folder);
	/* A folder that was named for a file: db_check_path() says it better. */
	if ((stat(real, &st) == 0 && !S_ISREG(st.st_mode)) || stat(folder, &st) != 0)
		return 0;
	ret = check_folder(folder, &st, who, false, err);
	return ret ? err_wrap(err, "%s", path) : 0;
}

/* ---- files ---- */

static int check_file(const char *path, const struct stat *st, const struct privilege *who,
		      struct err *err)
{
	const char *what = NULL;

	if (S_ISLNK(st->st_mode))
		what = "is a symbolic link";
	else if (!S_ISREG(st->st_mode))
		what = "is no regular file";
	else if (st->st_nlink > 1)
		what = "has a second name elsewhere (a hard link)";
	else if (!is_trusted(st->st_uid, who))
		what = "belongs to another user";
	else if (st->st_mode & S_IWOTH || group_may_write(st))
		what = "can be written by others";
	if (!what)
		return 0;
	return err_set(err, -EPERM,
		       "%s %s, and is left as it is: look who made it, and remove it, or name "
		       "another file with --db",
		       path, what);
}

static bool part_of(const char *real, size_t i, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s%s", real, endings[i]) < PATH_MAX;
}

int place_check(const char *real, const struct privilege *who, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;
	int ret = 0;

	for (size_t i = 0; i < N_ENDINGS && !ret; i++)
		/* What the database itself is, if no file, db_check_path() says. */
		if (part_of(real, i, path) && lstat(path, &st) == 0 &&
		    (i > 0 || S_ISREG(st.st_mode)))
			ret = check_file(path, &st, who, err);
	return ret;
}

int place_make(const char *real, const struct privilege *who, struct err *err)
{
	int fd, ret = 1;

	fd = open(real, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0 : db_check_path(real, true, err);
	if (who->change && geteuid() == 0 && fchown(fd, who->uid, who->gid) != 0) {
		ret = err_set(err, -errno, "%s: giving it to user %s: %s", real, who->name,
			      strerror(errno));
		unlink(real);
	}
	close(fd);
	return ret;
}

void place_share(const char *real)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < FILES_PARTS; i++)
		if (snprintf(path, sizeof(path), "%s%s", real, files_endings[i]) <
		    (int)sizeof(path))
			chmod(path, 0640); /* they are ours, in a folder of ours */
}

int place_give(const char *real, const struct privilege *who, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;

	if (!who->change || geteuid() != 0)
		return 0;
	for (size_t i = 0; i < N_ENDINGS; i++)
		if (part_of(real, i, path) && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		    (st.st_uid != who->uid || st.st_gid != who->gid) &&
		    lchown(path, who->uid, who->gid) != 0)
			return err_set(err, -errno, "%s: giving it to user %s: %s", path, who->name,
				       strerror(errno));
	return 0;
}

void place_folder(const char *real, char folder[PATH_MAX])
{
	char *end;

	snprintf(folder, PATH_MAX, "%s", real);
	end = strrchr(folder, '/');
	if (end)
		end[end == folder] = '\0';
}

bool place_is_own(const char *real)
{
	char folder[PATH_MAX];
	struct dirent *d;
	bool own = true;
	DIR *dir;

	place_folder(real, folder);
	dir = opendir(folder);
	if (!dir)
		return false;
	while (own && (d = readdir(dir)))
		own = d->d_type != DT_DIR || strcmp(d->d_name, ".") == 0 ||
		      strcmp(d->d_name, "..") == 0;
	closedir(dir);
	return own;
}
