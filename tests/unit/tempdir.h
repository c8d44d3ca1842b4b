/* tempdir.h - files in a folder of their own, for one test. */
#ifndef CONNMON_TEMPDIR_H
#define CONNMON_TEMPDIR_H

#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka set-up and tear-down: *state is the folder's path. */
static inline int tempdir_setup(void **state)
{
	char *path = strdup("/tmp/connmon-unit-XXXXXX");

	assert_non_null(path);
	assert_non_null(mkdtemp(path));
	*state = path;
	return 0;
}

static inline int tempdir_remove_one(const char *path, const struct stat *st, int type,
				     struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int tempdir_teardown(void **state)
{
	nftw(*state, tempdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

/* Makes the folders on the way to @path, a / at its end included. */
static inline void tempdir_make(const char *path)
{
	char part[1024];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		mkdir(part, 0755);
	}
}

/* Writes a file, and makes the folders on the way. */
static inline void tempdir_write(const char *path, const char *text)
{
	FILE *f;

	tempdir_make(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#endif
