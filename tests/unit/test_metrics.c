/* The file for node_exporter: what it says, and how it comes to be. Named with a file as its
 * argument, this program just writes one, for promtool.sh. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "metrics.h"
#include "tempdb.h"

static struct metrics_facts some_facts(void)
{
	struct metrics_facts f = {
		.running = true,
		.start_us = 1769853600000001,
		.seen = {0, 2, 30, 4, 5, 600, 7, 8},
		.filtered = 9,
		.recorded = 29,
		.lost = {[GAP_RING_FULL] = 1},
		.names_missed = 12,
		.commit_failures = 3,
		.last_commit_us = 1769857200500000,
		.open = 11,
		.ring_bytes = 16 << 20,
		.ring_used_bytes = 4096,
		.database = {.db = 5000000000, .wal = 2, .shm = 32768},
	};

	histogram_add(&f.commits, NS_PER_MS);
	histogram_add(&f.commits, NS_PER_MS + 1);
	histogram_add(&f.commits, 20 * NS_PER_S);
	return f;
}

static char *formatted(void)
{
	struct metrics_facts f = some_facts();
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	metrics_format(&f, out);
	fclose(out);
	return text;
}

static void each_number_stands_under_its_name(void **state)
{
	static const char *const lines[] = {
		"connmon_build_info{version=\"" CONNMON_VERSION "\"} 1",
		"connmon_running 1",
		"connmon_start_timestamp_seconds 1769853600.000001",
		"connmon_events_seen_total{record=\"attempt\"} 0",
		"connmon_events_seen_total{record=\"end\"} 30",
		"connmon_events_seen_total{record=\"cgroup\"} 8",
		"connmon_connections_filtered_total 9",
		"connmon_connections_recorded_total 29",
		"connmon_events_lost_total{reason=\"ring_full\"} 1",
		"connmon_events_lost_total{reason=\"corrupt\"} 0",
		"connmon_names_missed_total 12",
		"connmon_open_connections 11",
		"connmon_commit_failures_total 3",
		"connmon_last_commit_timestamp_seconds 1769857200.500000",
		"connmon_ring_bytes 16777216",
		"connmon_ring_used_bytes 4096",
		"connmon_database_bytes{file=\"db\"} 5000000000",
		"connmon_database_bytes{file=\"wal\"} 2",
		"connmon_database_bytes{file=\"shm\"} 32768",
	};
	char *text = formatted();

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char line[128];

		snprintf(line, sizeof(line), "\n%s\n", lines[i]);
		if (!strstr(text, line))
			fail_msg("no line %s in\n%s", lines[i], text);
	}
	assert_int_equal(text[strlen(text) - 1], '\n');
	free(text);
}

/* Each bucket counts what took up to its bound, those before it included. */
static void the_buckets_of_a_histogram_add_up(void **state)
{
	char *text = formatted();

	(void)state;
	assert_non_null(strstr(text, "\nconnmon_commit_duration_seconds_bucket{le=\"0.001\"} 1\n"
				     "connmon_commit_duration_seconds_bucket{le=\"0.0025\"} 2\n"));
	assert_non_null(strstr(text, "_bucket{le=\"10\"} 2\n"
				     "connmon_commit_duration_seconds_bucket{le=\"+Inf\"} 3\n"
				     "connmon_commit_duration_seconds_sum 20.002000001\n"
				     "connmon_commit_duration_seconds_count 3\n"));
	free(text);
}

/* ---- the file ---- */

struct place {
	struct tempdb *temp; /* its folder */
	char path[96], new_path[128];
	struct metrics *metrics;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct err err = {0};

	assert_non_null(p);
	tempdb_setup((void **)&p->temp);
	snprintf(p->path, sizeof(p->path), "%s/c.prom", p->temp->folder);
	snprintf(p->new_path, sizeof(p->new_path), "%s.tmp", p->path);
	assert_int_equal(metrics_new(p->path, &p->metrics, &err), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	metrics_free(p->metrics);
	unlink(p->path);
	unlink(p->new_path);
	tempdb_teardown((void **)&p->temp);
	free(p);
	return 0;
}

static int write_some(struct place *p, struct err *err)
{
	struct metrics_facts facts = some_facts();

	*err = (struct err){0};
	return metrics_write(p->metrics, &facts, err);
}

static void all_may_read_it_whatever_the_umask_is(void **state)
{
	struct place *p = *state;
	mode_t before = umask(0077);
	struct stat st;
	struct err err;

	assert_int_equal(write_some(p, &err), 0);
	umask(before);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_not_equal(access(p->new_path, F_OK), 0);
}

static void who_reads_it_while_it_is_written_anew_reads_all_of_the_old_one(void **state)
{
	struct place *p = *state;
	char *want = formatted(), got[8192];
	struct err err;
	ssize_t len;
	int fd;

	assert_int_equal(write_some(p, &err), 0);
	fd = open(p->path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write_some(p, &err), 0);
	len = read(fd, got, sizeof(got) - 1);
	assert_true(len > 0);
	got[len] = '\0';
	assert_string_equal(got, want);
	close(fd);
	free(want);
}

/* Somebody may have put a link there, to have another file written over. */
static void what_lies_in_the_way_is_not_written_to(void **state)
{
	struct place *p = *state;
	char other[128];
	struct stat st;
	struct err err;

	snprintf(other, sizeof(other), "%s/other", p->temp->folder);
	close(open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(symlink(other, p->new_path), 0);
	assert_int_equal(symlink(other, p->path), 0);
	assert_int_equal(write_some(p, &err), 0);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(lstat(p->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(other);
}

static void what_cannot_be_written_leaves_the_old_one(void **state)
{
	const struct rlimit none = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
	struct place *p = *state;
	struct rlimit before;
	struct stat st;
	struct err err;

	assert_int_equal(write_some(p, &err), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(write_some(p, &err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(stat(p->path, &st), 0);
	assert_true(st.st_size > 1000);
	assert_int_not_equal(access(p->new_path, F_OK), 0);
}

static void a_folder_that_is_not_there_may_come_and_another_may_take_its_place(void **state)
{
	struct place *p = *state;
	char folder[96], path[128];
	struct metrics *metrics = NULL;
	struct metrics_facts facts = some_facts();
	struct err err = {0};

	snprintf(folder, sizeof(folder), "%s/later", p->temp->folder);
	snprintf(path, sizeof(path), "%s/c.prom", folder);
	assert_int_equal(metrics_new(path, &metrics, &err), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(metrics_write(metrics, &facts, &err), -ENOENT);
		assert_non_null(strstr(err.msg, path));
		assert_non_null(strstr(err.msg, "make its folder"));
		assert_int_equal(mkdir(folder, 0755), 0);
		assert_int_equal(metrics_write(metrics, &facts, &err), 0);
		assert_int_equal(access(path, R_OK), 0);
		unlink(path);
		rmdir(folder);
	}
	metrics_free(metrics);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_number_stands_under_its_name),
		cmocka_unit_test(the_buckets_of_a_histogram_add_up),
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(all_may_read_it_whatever_the_umask_is),
		T(who_reads_it_while_it_is_written_anew_reads_all_of_the_old_one),
		T(what_lies_in_the_way_is_not_written_to),
		T(what_cannot_be_written_leaves_the_old_one),
		T(a_folder_that_is_not_there_may_come_and_another_may_take_its_place),
	};

	if (argc == 2) {
		struct metrics_facts facts = some_facts();
		struct metrics *metrics = NULL;
		struct err err = {0};
		int ret = metrics_new(argv[1], &metrics, &err);

		if (!ret)
			ret = metrics_write(metrics, &facts, &err);
		metrics_free(metrics);
		return ret != 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
