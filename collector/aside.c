#include "aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

#define STAMP	 "%Y%m%dT%H%M%SZ" /* FILES_STAMP_PATTERN is its form */
#define US_PER_S 1000000

/* @base and the ending of a part. False: too long. */
static bool part_of(const char *base, size_t part, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s%s", base, files_endings[part]) < PATH_MAX;
}

/* What @path leads to, also while there is no file of that name. */
static bool real_path(const char *path, char real[PATH_MAX])
{
	return realpath(path, real) || (errno == ENOENT && real[0] == '/');
}

static bool is_free(const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < FILES_PARTS; i++)
		if (part_of(name, i, path) && access(path, F_OK) == 0)
			return false;
	return true;
}

static int choose_name(const char *real, const char *why, int64_t now_us, char name[PATH_MAX],
		       struct err *err)
{
	for (time_t at = (time_t)(now_us / US_PER_S);; at++) {
		char stamp[32];
		struct tm tm;

		gmtime_r(&at, &tm);
		strftime(stamp, sizeof(stamp), STAMP, &tm);
		/* Room for the endings. */
		if (snprintf(name, PATH_MAX, "%s.%s-%s", real, why, stamp) >= PATH_MAX - 8)
			return err_set(err, -ENAMETOOLONG, "the path is too long");
		if (is_free(name))
			return 0;
	}
}

static int64_t made_us(const char *path, int64_t now_us)
{
	int64_t at_us = now_us;
	struct statx st;

	if (statx(AT_FDCWD, path, 0, STATX_BTIME | STATX_MTIME, &st) != 0)
		return now_us;
	if (st.stx_mask & STATX_BTIME)
		at_us = st.stx_btime.tv_sec * US_PER_S;
	else if (st.stx_mask & STATX_MTIME)
		at_us = st.stx_mtime.tv_sec * US_PER_S;
	return at_us < now_us ? at_us : now_us;
}

/* All but the database itself, as far as it is there. */
static int move_rest(const char *real, const char *name, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (size_t i = 1; i < FILES_PARTS; i++)
		if (part_of(real, i, from) && part_of(name, i, to) && rename(from, to) != 0 &&
		    errno != ENOENT)
			return err_set(err, -errno, "setting it aside as %s: %s", to,
				       strerror(errno));
	return 0;
}

int aside_move(const char *path, const char *why, int64_t now_us, char name[PATH_MAX],
	       int64_t *from_us, struct err *err)
{
	char real[PATH_MAX], from[PATH_MAX];
	int ret;

	/* SQLite names the other files after what a symbolic link leads to. */
	if (!realpath(path, real))
		return err_set(err, -errno, "setting it aside: %s", strerror(errno));
	*from_us = made_us(real, now_us);
	ret = choose_name(real, why, now_us, name, err);
	if (ret)
		return err_wrap(err, "setting it aside");
	/* The database first, which is nothing without its WAL: what is left of that when we die
	 * now, or fail, is for aside_finish(). */
	if (!part_of(real, 0, from) || rename(from, name) != 0)
		return err_set(err, -errno, "setting it aside as %s: %s", name, strerror(errno));
	return move_rest(real, name, err);
}

static bool holds_something(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0;
}

/* The newest that was set aside, whatever for, into @name. */
static bool find_newest(const char *real, char name[PATH_MAX])
{
	const char *base = strrchr(real, '/') + 1, *newest = "";
	const size_t len = strlen(base);
	char folder[PATH_MAX];
	struct dirent **found;
	int count, best = -1;

	snprintf(folder, sizeof(folder), "%.*s", (int)(base - real), real);
	count = scandir(folder, &found, NULL, NULL);
	for (int i = 0; i < count; i++) {
		const char *d = found[i]->d_name, *stamp = d + strlen(d) - FILES_STAMP_LEN;

		if (strncmp(d, base, len) == 0 &&
		    fnmatch(".*-" FILES_STAMP_PATTERN, d + len, 0) == 0 &&
		    strcmp(stamp, newest) > 0) {
			newest = stamp;
			best = i;
		}
	}
	if (best >= 0 && snprintf(name, PATH_MAX, "%s%s", folder, found[best]->d_name) >= PATH_MAX)
		best = -1;
	for (int i = 0; i < count; i++)
		free(found[i]);
	if (count >= 0)
		free(found);
	return best >= 0;
}

bool aside_newest(const char *path, char why[ASIDE_WHY_SIZE], int64_t *from_us)
{
	char real[PATH_MAX] = "", name[PATH_MAX];
	const char *words, *stamp;
	struct tm tm = {0};

	if (!real_path(path, real) || !find_newest(real, name))
		return false;
	words = name + strlen(real) + 1;
	stamp = name + strlen(name) - FILES_STAMP_LEN;
	snprintf(why, ASIDE_WHY_SIZE, "%.*s", (int)(stamp - 1 - words), words);
	strptime(stamp, STAMP, &tm);
	*from_us = made_us(name, (int64_t)timegm(&tm) * US_PER_S);
	return true;
}

int aside_finish(const char *path, struct err *err)
{
	char real[PATH_MAX] = "", name[PATH_MAX], wal[PATH_MAX], its_wal[PATH_MAX];

	if (!real_path(path, real) || holds_something(real) || !part_of(real, 1, wal) ||
	    !holds_something(wal) || !find_newest(real, name) || !part_of(name, 1, its_wal) ||
	    access(its_wal, F_OK) == 0)
		return 0;
	return move_rest(real, name, err);
}

void aside_keep(const char *path, const char *why, unsigned int keep, const struct note *n)
{
	char real[PATH_MAX] = "", name[PATH_MAX], pattern[128], *base;
	struct dirent **found;
	size_t len;
	int count;

	if (!real_path(path, real))
		return;
	base = strrchr(real, '/');
	*base++ = '\0';
	len = strlen(base);
	snprintf(pattern, sizeof(pattern), ".%s-" FILES_STAMP_PATTERN, why);
	count = scandir(real[0] ? real : "/", &found, NULL, alphasort);
	/* Backwards, the newest first: a stamp's order is that of time. */
	for (int i = count - 1; i >= 0; i--) {
		const char *d = found[i]->d_name;

		if (strncmp(d, base, len) == 0 && fnmatch(pattern, d + len, 0) == 0) {
			if (keep > 0)
				keep--;
			else if (snprintf(name, sizeof(name), "%s/%s", real, d) < PATH_MAX &&
				 files_remove(name))
				note(n, "%s: removed, for there are newer ones", name);
		}
		free(found[i]);
	}
	if (count >= 0)
		free(found);
}
