#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#define FIRST_LINE "connmon-forward 1"
#define MODE	   0640
#define LOCK_MODE  0644 /* whoever may enter the folder can lock it */

#define OFFSET(member) offsetof(struct state, member)

static const struct {
	const char *name;
	size_t offset;
} numbers[] = {
	{"device", OFFSET(device)},
	{"inode", OFFSET(inode)},
	{"run_us", OFFSET(run_us)},
	{"last_id", OFFSET(last_id)},
	{"batch_to", OFFSET(batch_to)},
	{"batch_tries", OFFSET(batch_tries)},
	{"batch_refusals", OFFSET(batch_refusals)},
	{"refused", OFFSET(refused)},
	{"gap_id", OFFSET(gap_id)},
	{"run_id", OFFSET(run_id)},
	{"process_id", OFFSET(process_id)},
	{"listeners_us", OFFSET(listeners_us)},
	{"exits_us", OFFSET(exits_us)},
	{"names_us", OFFSET(names_us)},
	{"hour", OFFSET(hour)},
	{"version_us", OFFSET(version_us)},
	{"rows_sent", OFFSET(rows_sent)},
	{"rows_resent", OFFSET(rows_resent)},
	{"bad_rows", OFFSET(bad_rows)},
	{"unsent_rows", OFFSET(unsent_rows)},
	{"sent_us", OFFSET(sent_us)},
	{"behind_rows", OFFSET(behind_rows)},
	{"behind_us", OFFSET(behind_us)},
	{"skew_us", OFFSET(skew_us)},
};

static const struct {
	const char *name;
	size_t offset, size;
} texts[] = {
	{"instance", offsetof(struct state, instance), STATE_ID_BYTES},
	{"node_id", offsetof(struct state, node_id), STATE_ID_BYTES},
	{"place", offsetof(struct state, place), STATE_PLACE_BYTES},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int64_t *number_of(struct state *s, size_t i)
{
	return (int64_t *)(void *)((char *)s + numbers[i].offset);
}

static void take_line(struct state *s, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT(numbers); i++)
		if (strcmp(name, numbers[i].name) == 0)
			*number_of(s, i) = strtoll(value, NULL, 10);
	for (size_t i = 0; i < COUNT(texts); i++)
		if (strcmp(name, texts[i].name) == 0)
			snprintf((char *)s + texts[i].offset, texts[i].size, "%s", value);
}

static int read_lines(FILE *in, struct state *s)
{
	char line[512];
	bool ended = false;

	if (!fgets(line, sizeof(line), in) || strcmp(line, FIRST_LINE "\n") != 0)
		return -EINVAL;
	while (fgets(line, sizeof(line), in)) {
		char *value = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		ended = strcmp(line, "end") == 0;
		if (value) {
			*value = '\0';
			take_line(s, line, value + 1);
		}
	}
	return ended && strlen(s->instance) == STATE_ID_BYTES - 1 ? 0 : -EINVAL;
}

int state_read(const char *path, struct state *out, struct err *err)
{
	struct state s = {0};
	FILE *in = fopen(path, "re");
	int ret;

	if (!in)
		return err_set(err, -errno, "--state %s: %s", path, strerror(errno));
	ret = read_lines(in, &s);
	fclose(in);
	if (ret)
		return err_set(
			err, ret,
			"--state %s: this is no state of connmon-forward; remove it: what was "
			"sent is then asked of the server",
			path);
	*out = s;
	return 0;
}

int state_lock(const char *path, struct err *err)
{
	char lock_path[PATH_MAX];
	int fd, ret;

	/* Not the file itself: each write puts another in its place. */
	if ((size_t)snprintf(lock_path, sizeof(lock_path), "%s.lock", path) >= sizeof(lock_path))
		return err_set(err, -ENAMETOOLONG, "--state %.99s...: the name is too long", path);
	fd = open(lock_path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, LOCK_MODE);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", lock_path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	ret = -errno;
	close(fd);
	if (ret != -EWOULDBLOCK)
		return err_set(err, ret, "%s: %s", lock_path, strerror(-ret));
	return err_set(
		err, ret,
		"--state %s: another connmon-forward uses it; stop that one, or name another "
		"file with --state",
		path);
}

static int write_lines(int fd, const struct state *s)
{
	FILE *out = fdopen(fd, "w");
	int error = 0;

	if (!out) {
		error = errno;
		close(fd);
		return -error;
	}
	fprintf(out, FIRST_LINE "\n");
	for (size_t i = 0; i < COUNT(texts); i++)
		fprintf(out, "%s %s\n", texts[i].name, (const char *)s + texts[i].offset);
	for (size_t i = 0; i < COUNT(numbers); i++)
		fprintf(out, "%s %" PRId64 "\n", numbers[i].name,
			*(const int64_t *)(const void *)((const char *)s + numbers[i].offset));
	fprintf(out, "end\n");
	if (fflush(out) != 0 || fsync(fd) != 0)
		error = errno;
	if (fclose(out) != 0 && !error)
		error = errno;
	return -error;
}

int state_write(const char *path, const struct state *s, struct err *err)
{
	char new_path[PATH_MAX];
	int fd, ret;

	if ((size_t)snprintf(new_path, sizeof(new_path), "%s.new", path) >= sizeof(new_path))
		return err_set(err, -ENAMETOOLONG, "--state %.99s...: the name is too long", path);
	fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, MODE);
	ret = fd < 0 ? -errno : write_lines(fd, s);
	if (!ret && rename(new_path, path) != 0)
		ret = -errno;
	if (!ret)
		return 0;
	return err_set(err, ret, "--state %s: %s; nothing is sent that could not be kept track of",
		       path, strerror(-ret));
}

void state_begin(struct state *s)
{
	unsigned char bytes[(STATE_ID_BYTES - 1) / 2];

	memset(s, 0, sizeof(*s));
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(s->instance + 2 * i, 3, "%02x", bytes[i]);
}
