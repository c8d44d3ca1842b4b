#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int cannot(struct err *err, const char *what, const char *folder)
{
	return err_set(err, -errno,
		       "%s a temporary file in %s for the rows: %s; make room there, let $TMPDIR "
		       "name another folder, narrow the question, or use --limit",
		       what, folder, strerror(errno));
}

/* Not every file system has files without a name from the beginning. */
static int open_unnamed(const char *folder)
{
	char path[4096];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	if (snprintf(path, sizeof(path), "%s/connmon-query-XXXXXX", folder) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static const char *wanted_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder && folder[0] ? folder : NULL;
}

static const char *folder(void)
{
	const char *wanted = wanted_folder();

	return wanted ? wanted : "/var/tmp";
}

static int open_file(struct spool *s, struct err *err)
{
	s->fd = open_unnamed(folder());
	if (s->fd < 0 && !wanted_folder())
		s->fd = open_unnamed("/tmp");
	return s->fd < 0 ? cannot(err, "opening", folder()) : 0;
}

static int write_file(struct spool *s, const char *bytes, size_t len, struct err *err)
{
	int ret = s->fd < 0 ? open_file(s, err) : 0;

	if (ret)
		return ret;
	while (len) {
		ssize_t n = write(s->fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot(err, "writing", folder());
		bytes += n;
		len -= (size_t)n;
		s->in_file += (uint64_t)n;
	}
	return 0;
}

static int make_room(struct spool *s, size_t len, struct err *err)
{
	size_t room = s->room ? s->room : 4096;
	char *memory;

	while (room < s->used + len)
		room *= 2;
	if (room == s->room)
		return 0;
	memory = realloc(s->memory, room);
	if (!memory)
		return err_set(err, -ENOMEM, "no memory for the result");
	s->memory = memory;
	s->room = room;
	return 0;
}

int spool_add(struct spool *s, const void *bytes, size_t len, struct err *err)
{
	int ret = 0;

	if (s->used + len > SPOOL_MEMORY_BYTES) {
		ret = write_file(s, s->memory, s->used, err);
		s->used = 0;
		if (!ret && len > SPOOL_MEMORY_BYTES)
			return write_file(s, bytes, len, err);
	}
	if (!ret)
		ret = make_room(s, len, err);
	if (ret)
		return ret;
	memcpy(s->memory + s->used, bytes, len);
	s->used += len;
	return 0;
}

uint64_t spool_size(const struct spool *s)
{
	return s->in_file + s->used;
}

int spool_read(const struct spool *s, uint64_t at, char *out, size_t len, struct err *err)
{
	while (len && at < s->in_file) {
		uint64_t there = s->in_file - at;
		ssize_t n = pread(s->fd, out, len < there ? len : (size_t)there, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0) /* somebody cut it through /proc */
			errno = EIO;
		if (n <= 0)
			return cannot(err, "reading", folder());
		out += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	if (len)
		memcpy(out, s->memory + (at - s->in_file), len);
	return 0;
}

void spool_release(struct spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->memory);
	*s = SPOOL_EMPTY;
}
