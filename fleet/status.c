#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "escape.h"

#define MODE 0644

static void write_moment(const char *what, int64_t us, FILE *out)
{
	time_t s = (time_t)(us / 1000000);
	struct tm tm;
	char text[40] = "never";

	if (us && gmtime_r(&s, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(out, "%-14s%s\n", what, text);
}

void status_write(const struct state *s, int64_t waiting, FILE *out)
{
	char place[ESCAPED_SIZE(STATE_PLACE_BYTES)];

	escape_text(s->place, strlen(s->place), place, sizeof(place));
	fprintf(out, "%-14s%s\n%-14s%s\n", "to", place, "node", s->node_id);
	fprintf(out, "%-14s%" PRId64 " connections, %" PRId64 " of them more than once\n", "sent",
		s->rows_sent, s->rows_resent);
	write_moment("last sent", s->sent_us, out);
	write_moment("its end", s->last_id, out);
	if (waiting >= 0)
		fprintf(out, "%-14s%" PRId64 " connections\n", "waiting", waiting);
	fprintf(out, "%-14s%" PRId64 " rows that the server would not take\n", "set aside",
		s->bad_rows);
	fprintf(out, "%-14s%s%" PRId64 " connections, deleted before they were sent\n", "lost",
		s->unsent_rows ? "at least " : "", s->unsent_rows);
	fprintf(out, "%-14s%.1f s %s this node's\n", "its clock", (double)llabs(s->skew_us) / 1e6,
		s->skew_us < 0 ? "behind" : "ahead of");
}

static void number(FILE *out, const char *name, const char *type, const char *help, int64_t value)
{
	fprintf(out,
		"# HELP connmon_forward_%s %s\n# TYPE connmon_forward_%s %s\n"
		"connmon_forward_%s %" PRId64 "\n",
		name, help, name, type, name, value);
}

static void seconds(FILE *out, const char *name, const char *help, int64_t us)
{
	fprintf(out,
		"# HELP connmon_forward_%s %s\n# TYPE connmon_forward_%s gauge\n"
		"connmon_forward_%s %.6f\n",
		name, help, name, name, (double)us / 1e6);
}

static void format(const struct status_metrics *m, FILE *out)
{
	const struct state *s = m->state;

	number(out, "failing", "gauge", "1: the last try to send failed.", m->is_failing);
	number(out, "failures_total", "counter", "Tries to send that failed.",
	       (int64_t)m->failures);
	number(out, "sent_bytes_total", "counter", "Bytes sent, as gzip.", (int64_t)m->sent_bytes);
	number(out, "connections_total", "counter", "Connections sent since the state file began.",
	       s->rows_sent);
	number(out, "resent_connections_total", "counter", "Of them, sent more than once.",
	       s->rows_resent);
	number(out, "bad_rows_total", "counter", "Rows set aside: the server would not take them.",
	       s->bad_rows);
	number(out, "lost_connections_total", "counter",
	       "Connections, at least, deleted on the node before they were sent.", s->unsent_rows);
	number(out, "waiting_connections", "gauge", "Connections that waited when it looked last.",
	       s->behind_rows);
	seconds(out, "behind_seconds", "From the end of the connection sent last to the newest's.",
		s->behind_us);
	seconds(out, "last_sent_timestamp_seconds", "When connections were sent last.", s->sent_us);
	seconds(out, "clock_skew_seconds", "The server's clock less this node's, to half a second.",
		s->skew_us);
}

int status_write_metrics(const char *path, const struct status_metrics *m, struct err *err)
{
	char new_path[PATH_MAX];
	FILE *out = NULL;
	int fd = -1, error = 0;

	if ((size_t)snprintf(new_path, sizeof(new_path), "%s.tmp", path) >= sizeof(new_path))
		return err_set(err, -ENAMETOOLONG, "--metrics %.99s...: the name is too long",
			       path);
	unlink(new_path); /* nothing that somebody else has put there is written to */
	fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	if (fd < 0 || fchmod(fd, MODE) != 0 || !(out = fdopen(fd, "w")))
		error = errno;
	if (out) {
		format(m, out);
		if (fflush(out) != 0)
			error = errno;
		if (fclose(out) != 0 && !error)
			error = errno;
	} else if (fd >= 0) {
		close(fd);
	}
	if (!error && rename(new_path, path) != 0)
		error = errno;
	if (!error)
		return 0;
	unlink(new_path);
	return err_set(err, -error,
		       "--metrics %s: %s; make its folder, and let this user write there", path,
		       strerror(error));
}
