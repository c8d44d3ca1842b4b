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

#define STAMP	      "%Y%m%dT%H%M%SZ"
#define STAMP_PATTERN "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z"
#define US_PER_S      1000000

static const char *const parts[] = {"", "-wal", "-shm"};
#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

/* @base and the ending of a part. False: too long. */
static bool part_of(const char *base, size_t part, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s%s", base, parts[part]) < PATH_MAX;
}

/* What @path leads to, also while there is no file of that name. */
static bool real_path(const char *path, char real[PATH_MAX])
{
	return realpath(path, real) || (errno == ENOENT && real[0] == '/');
}

static bool is_free(const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < N_PARTS; i++)
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

int aside_move(const char *path, const char *why, int64_t now_us, char name[PATH_MAX],
	       int64_t *from_us, struct err *err)
{
	char real[PATH_MAX], from[PATH_MAX], to[PATH_MAX];
	int ret;

	/* SQLite names the other files after what a symbolic link leads to. */
	if (!realpath(path, real))
		return err_set(err, -errno, "setting it aside: %s", strerror(errno));
	*from_us = made_us(real, now_us);
	ret = choose_name(real, why, now_us, name, err);
	if (ret)
		return err_wrap(err, "setting it aside");
	/* The database first: if we die now, the WAL is found without one, and not lost. */
	for (size_t i = 0; i < N_PARTS; i++)
		if (part_of(real, i, from) && part_of(name, i, to) && rename(from, to) != 0 &&
		    (i == 0 || errno != ENOENT))
			return err_set(err, -errno, "setting it aside as %s: %s", to,
				       strerror(errno));
	return 0;
}

static void remove_all(const char *name, const struct note *n)
{
	char path[PATH_MAX];

	for (size_t i = N_PARTS; i-- > 0;)
		if (part_of(name, i, path) && unlink(path) != 0 && i == 0)
			return;
	note(n, "%s: removed, for there are newer ones", name);
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
	snprintf(pattern, sizeof(pattern), ".%s-" STAMP_PATTERN, why);
	count = scandir(real[0] ? real : "/", &found, NULL, alphasort);
	/* Backwards, the newest first: a stamp's order is that of time. */
	for (int i = count - 1; i >= 0; i--) {
		const char *d = found[i]->d_name;

		if (strncmp(d, base, len) == 0 && fnmatch(pattern, d + len, 0) == 0) {
			if (keep > 0)
				keep--;
			else if (snprintf(name, sizeof(name), "%s/%s", real, d) < PATH_MAX)
				remove_all(name, n);
		}
		free(found[i]);
	}
	if (count >= 0)
		free(found);
}
