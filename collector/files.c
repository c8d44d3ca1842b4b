#include "files.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

const char *const files_endings[FILES_PARTS] = {"", "-wal", "-shm"};

static uint64_t size_of(const char *path, const char *ending)
{
	char whole[PATH_MAX];
	struct stat st;

	if (snprintf(whole, sizeof(whole), "%s%s", path, ending) >= (int)sizeof(whole) ||
	    stat(whole, &st) != 0)
		return 0;
	return (uint64_t)st.st_size;
}

struct file_sizes files_measure(const char *path)
{
	return (struct file_sizes){
		.db = size_of(path, ""),
		.wal = size_of(path, "-wal"),
		.shm = size_of(path, "-shm"),
	};
}

bool files_room(const char *path, uint64_t *left, uint64_t *all)
{
	struct statvfs fs;

	if (statvfs(path, &fs) != 0 || fs.f_blocks == 0)
		return false;
	*left = (uint64_t)fs.f_bavail * fs.f_frsize;
	*all = (uint64_t)fs.f_blocks * fs.f_frsize;
	return true;
}

/* What is behind "<base>." in the name of one set aside, without an ending: into @stamp its
 * time. */
static bool is_aside(const char *name, const char *base, const char **stamp)
{
	const size_t len = strlen(base);

	if (strncmp(name, base, len) != 0 || fnmatch(".*-" FILES_STAMP_PATTERN, name + len, 0) != 0)
		return false;
	*stamp = name + strlen(name) - FILES_STAMP_LEN;
	return true;
}

void files_aside(const char *path, struct aside_files *out)
{
	char folder[PATH_MAX], oldest_stamp[FILES_STAMP_LEN + 1] = "~";
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *stamp;
	struct dirent *d;
	DIR *dir;

	*out = (struct aside_files){0};
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(base - path) : 2,
		 slash ? path : "./");
	dir = opendir(folder);
	while (dir && (d = readdir(dir))) {
		char name[PATH_MAX];

		if (!is_aside(d->d_name, base, &stamp) ||
		    snprintf(name, sizeof(name), "%s%s", folder, d->d_name) >= (int)sizeof(name))
			continue;
		for (size_t i = 0; i < FILES_PARTS; i++)
			out->bytes += size_of(name, files_endings[i]);
		if (strcmp(stamp, oldest_stamp) < 0) {
			snprintf(oldest_stamp, sizeof(oldest_stamp), "%s", stamp);
			memcpy(out->oldest, name, sizeof(name));
		}
	}
	if (dir)
		closedir(dir);
}

bool files_remove(const char *name)
{
	char path[PATH_MAX];

	/* The database last: as long as it is there, so is what belongs to it. */
	for (size_t i = FILES_PARTS; i-- > 0;)
		if (snprintf(path, sizeof(path), "%s%s", name, files_endings[i]) <
			    (int)sizeof(path) &&
		    unlink(path) != 0 && i == 0)
			return false;
	return true;
}
