#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "run.h"

#define MODE 0644

struct metrics {
	char *path; /* as the user wrote it */
	char folder[PATH_MAX];
	char name[NAME_MAX + 1], new_name[NAME_MAX + 1]; /* in it */
	int folder_fd;					 /* -1: not open */
};

/* ---- what it says ---- */

/* Upper bounds; the last number of a histogram is what took longer. */
static const struct {
	int64_t ns;
	const char *seconds;
} bounds[HISTOGRAM_BOUNDS] = {
	{1 * NS_PER_MS, "0.001"}, {2500 * NS_PER_US, "0.0025"}, {5 * NS_PER_MS, "0.005"},
	{10 * NS_PER_MS, "0.01"}, {25 * NS_PER_MS, "0.025"},	{50 * NS_PER_MS, "0.05"},
	{100 * NS_PER_MS, "0.1"}, {250 * NS_PER_MS, "0.25"},	{500 * NS_PER_MS, "0.5"},
	{1 * NS_PER_S, "1"},	  {2500 * NS_PER_MS, "2.5"},	{10 * NS_PER_S, "10"},
};

void histogram_add(struct histogram *h, int64_t ns)
{
	int i = 0;

	while (i < HISTOGRAM_BOUNDS && ns > bounds[i].ns)
		i++;
	h->n[i]++;
	h->sum_ns += ns;
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void moment(FILE *out, const char *name, const char *help, int64_t us)
{
	head(out, name, "gauge", help);
	fprintf(out, "%s %" PRId64 ".%06" PRId64 "\n", name, us / 1000000, us % 1000000);
}

/* One for each of @n names. */
static void numbers(FILE *out, const char *name, const char *type, const char *help,
		    const char *label, const char *const names[], const uint64_t values[], int n)
{
	head(out, name, type, help);
	for (int i = 0; i < n; i++)
		fprintf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, names[i], values[i]);
}

static void histogram(FILE *out, const char *name, const char *help, const struct histogram *h)
{
	uint64_t sum = 0;

	head(out, name, "histogram", help);
	for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
		sum += h->n[i];
		fprintf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, bounds[i].seconds, sum);
	}
	sum += h->n[HISTOGRAM_BOUNDS];
	fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, sum);
	fprintf(out, "%s_sum %.9f\n", name, (double)h->sum_ns / NS_PER_S);
	fprintf(out, "%s_count %" PRIu64 "\n", name, sum);
}

void metrics_format(const struct metrics_facts *f, FILE *out)
{
	static const char *const parts[] = {"db", "wal", "shm"};
	const uint64_t bytes[] = {f->database.db, f->database.wal, f->database.shm};

	head(out, "connmon_build_info", "gauge", "Which connmon-collect that is.");
	fprintf(out, "connmon_build_info{version=\"" CONNMON_VERSION "\"} 1\n");
	number(out, "connmon_running", "gauge", "1, or 0 after it ended in good order.",
	       f->running);
	moment(out, "connmon_start_timestamp_seconds", "When it began.", f->start_us);
	numbers(out, "connmon_events_seen_total", "counter",
		"Records that the kernel side had to send, by their kind.", "record",
		run_record_names, f->seen, PROBE_RECORDS);
	number(out, "connmon_connections_filtered_total", "counter",
	       "Connections left out because it was told to.", f->filtered);
	number(out, "connmon_connections_recorded_total", "counter",
	       "Connections that ended and are in the database.", f->recorded);
	numbers(out, "connmon_events_lost_total", "counter",
		"What could not be recorded, as the gaps in the database say.", "reason",
		run_gap_names, f->lost, GAP_REASONS);
	number(out, "connmon_names_missed_total", "counter",
	       "Answers to DNS queries that were to be read and are in no row.", f->names_missed);
	number(out, "connmon_open_connections", "gauge", "Connections that are open.", f->open);
	histogram(out, "connmon_commit_duration_seconds",
		  "How long it took to write to the database, each time.", &f->commits);
	number(out, "connmon_commit_failures_total", "counter",
	       "How often the database could not be written; it is tried again.",
	       f->commit_failures);
	moment(out, "connmon_last_commit_timestamp_seconds",
	       "When the database was written last; with nothing to say, each minute.",
	       f->last_commit_us);
	number(out, "connmon_ring_bytes", "gauge", "The kernel's buffer.", f->ring_bytes);
	number(out, "connmon_ring_used_bytes", "gauge", "What waits in it.", f->ring_used_bytes);
	numbers(out, "connmon_database_bytes", "gauge", "The files of the database.", "file", parts,
		bytes, FILES_PARTS);
}

/* ---- where ---- */

static void open_folder(struct metrics *m)
{
	if (m->folder_fd < 0)
		m->folder_fd = open(m->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void metrics_folder(const char *path, char folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (slash)
		snprintf(folder, PATH_MAX, "%.*s", (int)(slash - path + 1), path);
	else
		strcpy(folder, ".");
}

int metrics_new(const char *path, struct metrics **out, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m || !(m->path = strdup(path))) {
		free(m);
		return err_set(err, -ENOMEM, "no memory for the metrics");
	}
	metrics_folder(path, m->folder);
	snprintf(m->name, sizeof(m->name), "%s", name);
	snprintf(m->new_name, sizeof(m->new_name), "%.*s.tmp", METRICS_PATH_MAX, name);
	m->folder_fd = -1;
	open_folder(m);
	*out = m;
	return 0;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	if (m->folder_fd >= 0)
		close(m->folder_fd);
	free(m->path);
	free(m);
}

/* Nothing that somebody else has put there is written to, nor followed. */
static FILE *open_new(const struct metrics *m)
{
	FILE *out;
	int fd;

	unlinkat(m->folder_fd, m->new_name, 0); /* of a run that was killed */
	fd = openat(m->folder_fd, m->new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    MODE);
	if (fd < 0)
		return NULL;
	out = fchmod(fd, MODE) == 0 ? fdopen(fd, "w") : NULL; /* whatever the umask is */
	if (!out) {
		int error = errno;

		close(fd);
		errno = error;
	}
	return out;
}

/* 0, or the errno of what went wrong. */
static int write_new(const struct metrics *m, const struct metrics_facts *facts)
{
	FILE *out = open_new(m);
	int error = 0;

	if (!out)
		return errno;
	metrics_format(facts, out);
	/* Both: what a full disk refuses is told by the first that meets it. */
	if (fflush(out) != 0)
		error = errno;
	if (fclose(out) != 0 && !error)
		error = errno;
	if (!error && renameat(m->folder_fd, m->new_name, m->folder_fd, m->name) != 0)
		error = errno;
	if (error)
		unlinkat(m->folder_fd, m->new_name, 0);
	return error;
}

int metrics_write(struct metrics *m, const struct metrics_facts *facts, struct err *err)
{
	int error = 0;

	open_folder(m);
	if (m->folder_fd < 0)
		error = errno;
	else
		error = write_new(m, facts);
	if (!error)
		return 0;
	if (error == ENOENT && m->folder_fd >= 0) { /* it may be another one next time */
		close(m->folder_fd);
		m->folder_fd = -1;
	}
	return err_set(err, -error, "--metrics %s: %s; %s", m->path, strerror(error),
		       error == ENOENT	 ? "make its folder"
		       : error == ENOSPC ? "free some space"
					 : "let this user write to its folder");
}
