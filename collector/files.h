/*
 * files.h - what the files of a database take, and what room their file system has left.
 * Nothing is opened: to close a file that SQLite has open drops its locks.
 */
#ifndef CONNMON_FILES_H
#define CONNMON_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* A database is three files: itself, its WAL, its shm; their endings. */
#define FILES_PARTS 3
extern const char *const files_endings[FILES_PARTS];

/* How the name of one that was set aside ends, for fnmatch(): 20260131T100000Z. */
#define FILES_STAMP_PATTERN                                                                        \
	"[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z"
#define FILES_STAMP_LEN 16

/* In bytes; 0: no such file. */
struct file_sizes {
	uint64_t db, wal, shm;
};

/* Of the database @path, its WAL and its shm. */
struct file_sizes files_measure(const char *path);

/* Bytes of the file system that holds @path: left for us, and all. False: nobody can say. */
bool files_room(const char *path, uint64_t *left, uint64_t *all);

/* Files that were set aside for @path, "<path>.<why>-<UTC time>", each with its -wal and -shm. */
struct aside_files {
	uint64_t bytes;	       /* of all of them */
	char oldest[PATH_MAX]; /* without ending; "": there are none */
};

void files_aside(const char *path, struct aside_files *out);

/* Removes the database @name, one of them (as in oldest) or another that nobody has open, and its
 * -wal and -shm. False: it is still there. */
bool files_remove(const char *name);

#endif
