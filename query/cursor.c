#include "cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "span.h"

#define LINE_SIZE 192

/* ---- the file ---- */

static void format(const struct cursor *c, char line[LINE_SIZE])
{
	snprintf(line, LINE_SIZE,
		 "connmon-query cursor 1: %s up to %" PRId64 " of run %" PRId64 " %" PRId64 "\n",
		 c->report, c->id, c->run_id, c->run_start_us);
}

/* What is no more or less than format() writes. */
static bool parse(const char *line, char report[64], struct cursor *c)
{
	struct cursor read = {.report = report};
	char again[LINE_SIZE];

	if (sscanf(line,
		   "connmon-query cursor 1: %63s up to %" SCNd64 " of run %" SCNd64 " %" SCNd64,
		   report, &read.id, &read.run_id, &read.run_start_us) != 4)
		return false;
	format(&read, again);
	if (strcmp(line, again) != 0 || read.id < 0 || read.id == INT64_MAX)
		return false;
	c->id = read.id;
	c->run_id = read.run_id;
	c->run_start_us = read.run_start_us;
	return true;
}

static void folder_of(const char *path, char folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(folder, PATH_MAX, ".");
	else
		snprintf(folder, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static int bad_file(const char *path, struct err *err)
{
	return err_set(err, -errno, "the cursor file %s: %s; name another with --cursor-file", path,
		       strerror(errno));
}

/* What could not be remembered later would be shown again for ever. */
static int check_folder(const char *path, struct err *err)
{
	char folder[PATH_MAX];

	folder_of(path, folder);
	return access(folder, W_OK | X_OK) == 0 ? 0 : bad_file(path, err);
}

static int read_line(const char *path, char line[LINE_SIZE], bool *is_new, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO is not waited for */
	ssize_t n;

	*is_new = fd < 0 && errno == ENOENT;
	if (*is_new)
		return 0;
	n = fd < 0 ? -1 : read(fd, line, LINE_SIZE - 1);
	if (n < 0)
		bad_file(path, err);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return err->code;
	line[n] = '\0';
	if (strlen(line) != (size_t)n) /* no text, whatever stands before the byte 0 */
		line[0] = '\0';
	return 0;
}

int cursor_load(const char *path, const char *report, struct cursor *out, struct err *err)
{
	struct cursor c = {.path = path, .report = report};
	char line[LINE_SIZE], other[64];
	int ret = path[0] ? check_folder(path, err)
			  : err_set(err, -EINVAL, "--cursor-file needs the name of a file");

	if (!ret)
		ret = read_line(path, line, &c.is_new, err);
	if (ret)
		return ret;
	if (!c.is_new && !parse(line, other, &c))
		return err_set(err, -EBADMSG,
			       "the cursor file %s holds no cursor; name another, or remove it "
			       "to begin at --since",
			       path);
	if (!c.is_new && strcmp(other, report) != 0)
		return err_set(
			err, -EINVAL,
			"the cursor file %s is that of the report %s; give %s one of its own", path,
			other, report);
	*out = c;
	return 0;
}

static int write_file(int fd, const struct cursor *c)
{
	char line[LINE_SIZE];
	size_t len;

	format(c, line);
	len = strlen(line);
	errno = ENOSPC; /* what a part that was written does not say */
	return write(fd, line, len) == (ssize_t)len && fsync(fd) == 0 ? 0 : -1;
}

/* So that the name, too, outlives a power cut; where a folder cannot be synced, it may not. */
static void sync_folder(const char *path)
{
	char folder[PATH_MAX];
	int fd;

	folder_of(path, folder);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

int cursor_save(const struct cursor *c, struct err *err)
{
	char temporary[PATH_MAX];
	int fd = -1, failed = -1;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", c->path) < (int)sizeof(temporary))
		fd = mkostemp(temporary, O_CLOEXEC);
	else
		errno = ENAMETOOLONG;
	if (fd >= 0) {
		failed = write_file(fd, c);
		if (close(fd) != 0 || failed || rename(temporary, c->path) != 0) {
			failed = errno;
			unlink(temporary);
			errno = failed;
		} else {
			sync_folder(c->path);
			return 0;
		}
	}
	return err_set(err, -errno, "the cursor file %s: %s; the next run will show the same again",
		       c->path, strerror(errno));
}

/* ---- the database ---- */

/* The two integers of the one row, 0 for NULL. *@found: there is one. */
static int select_two(sqlite3 *db, const char *sql, int64_t arg, int64_t out[2], bool *found,
		      struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc, ret = db_prepare(db, sql, &stmt, err);

	if (ret)
		return ret;
	sqlite3_bind_int64(stmt, 1, arg);
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
	*found = rc == SQLITE_ROW;
	out[0] = *found ? sqlite3_column_int64(stmt, 0) : 0;
	out[1] = *found ? sqlite3_column_int64(stmt, 1) : 0;
	return 0;
}

static int check_database(const struct cursor *c, sqlite3 *db, struct err *err)
{
	int64_t run[2];
	bool found;

	if (!c->run_id) /* nobody had ever recorded to it */
		return 0;
	if (select_two(db, "SELECT id, start_us FROM run WHERE id = ?1", c->run_id, run, &found,
		       err))
		return err->code;
	if (found && run[1] == c->run_start_us)
		return 0;
	return err_set(err, -ESTALE,
		       "the cursor file %s is that of another database; name another, or remove it "
		       "to begin at --since",
		       c->path);
}

int cursor_apply(struct cursor *c, const struct report *report, struct report_args *args,
		 sqlite3 *db, struct err *err)
{
	int64_t run[2], newest[2], since_us = c->is_new ? args->since_us : c->id + 1;
	bool found;
	int ret = c->is_new ? 0 : check_database(c, db, err);

	if (!ret)
		ret = select_two(db, "SELECT id, start_us FROM run ORDER BY id DESC LIMIT 1", 0,
				 run, &found, err);
	if (!ret) /* 0: there is none, or none any more */
		ret = select_two(db, "SELECT max(id), 0 FROM connection", 0, newest, &found, err);
	if (ret)
		return ret;
	if (newest[0] && newest[0] < c->id)
		return err_set(err, -ESTALE,
			       "the cursor file %s is ahead of the history, which must be an older "
			       "copy; name another file, or remove it to begin at --since",
			       c->path);
	c->run_id = run[0];
	c->run_start_us = run[1];
	if (newest[0]) /* no moment is the last one, whatever a file holds */
		c->id = newest[0] < INT64_MAX ? newest[0] : INT64_MAX - 1;
	span_set(report, args, since_us, since_us > c->id ? since_us : c->id + 1);
	return 0;
}
