/* What the collector tells Prometheus is what it recorded and lost. */
#include "node.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "parts.h"
#include "program.h"

#define N      5000
#define NOBODY 65534

static char metrics_path[96];

static int fresh(void **state)
{
	struct node *n = node_new();

	snprintf(metrics_path, sizeof(metrics_path), "%s/connmon.prom", n->folder);
	node_start(n, (const char *const[]){"--ring", "64K", "--flush", "100ms", "--metrics",
					    metrics_path, NULL});
	*state = n;
	return 0;
}

static int without_a_folder(void **state)
{
	struct node *n = node_new();

	snprintf(metrics_path, sizeof(metrics_path), "%s/nowhere/connmon.prom", n->folder);
	node_start(n, (const char *const[]){"--flush", "100ms", "--metrics", metrics_path, NULL});
	*state = n;
	return 0;
}

/* Another user, who may write nowhere but there. */
static int as_nobody(void **state)
{
	struct node *n = node_new();
	char folder[80];

	snprintf(folder, sizeof(folder), "%s/prom", n->folder);
	must(chmod(n->folder, 0755) == 0 && mkdir(folder, 0755) == 0);
	must(chown(folder, NOBODY, NOBODY) == 0);
	snprintf(metrics_path, sizeof(metrics_path), "%s/connmon.prom", folder);
	node_start(n, (const char *const[]){"--flush", "100ms", "--user", "nobody", "--metrics",
					    metrics_path, NULL});
	*state = n;
	return 0;
}

static int done(void **state)
{
	unlink(metrics_path);
	return node_teardown(state);
}

/* The number of the line that begins with @name, which must be there. */
static double metric(const char *name)
{
	char *text = file_text(metrics_path), line[128], *at;
	double value;

	snprintf(line, sizeof(line), "\n%s ", name);
	at = strstr(text, line);
	if (!at)
		fail_msg("no %s in\n%s", name, text);
	value = strtod(at + strlen(line), NULL);
	free(text);
	return value;
}

static void wait_for_metrics(void)
{
	for (int i = 0; access(metrics_path, R_OK) != 0; i++) {
		assert_true(i < 1000);
		usleep(10000);
	}
}

/* What @name counts of each label equals the number that @sql gives of it. */
static void assert_each_as_in(struct node *n, const char *name, const char *sql,
			      const char *const *labels, size_t count)
{
	char counter[96], question[96];

	for (size_t i = 0; i < count; i++) {
		snprintf(counter, sizeof(counter), "%s=\"%s\"}", name, labels[i]);
		snprintf(question, sizeof(question), "%s = '%s'", sql, labels[i]);
		assert_int_equal((long)metric(counter), node_number(n, question, 0));
	}
}

static void assert_lost_as_in_gaps(struct node *n)
{
	static const char *const reasons[] = {"ring_full", "table_full", "recursion", "disk_full",
					      "corrupt"};

	assert_each_as_in(n, "connmon_events_lost_total{reason",
			  "SELECT total(count) FROM gap WHERE reason", reasons, 5);
}

static void assert_seen_as_in_the_account(struct node *n)
{
	static const char *const records[] = {"open", "exec", "exit", "owner"};

	assert_each_as_in(n, "connmon_events_seen_total{record",
			  "SELECT seen FROM account WHERE record", records, 4);
}

static void in_the_end_they_equal_the_database_also_after_a_loss(void **state)
{
	struct node *n = *state;
	long recorded, lost;
	struct stat st;

	node_stage(n);
	wait_for_metrics();
	assert_int_equal((long)metric("connmon_running"), 1);
	assert_int_equal((long)metric("connmon_ring_bytes"), 65536);
	must(kill(n->pid, SIGSTOP) == 0);
	port_range(5000, 65535);
	connect_often(N);
	must(kill(n->pid, SIGCONT) == 0);
	node_fence_after_loss(n);
	node_stop(n, &recorded, &lost);

	assert_int_equal((long)metric("connmon_running"), 0);
	assert_int_equal((long)metric("connmon_connections_recorded_total"), recorded);
	assert_true(metric("connmon_events_lost_total{reason=\"ring_full\"}") > 0);
	assert_lost_as_in_gaps(n);
	assert_seen_as_in_the_account(n);
	assert_int_equal((long)metric("connmon_commit_failures_total"), 0);
	assert_true(metric("connmon_commit_duration_seconds_count") > 0);
	assert_true(metric("connmon_commit_duration_seconds_sum") > 0);
	assert_true(metric("connmon_database_bytes{file=\"wal\"}") > 4096);
	/* The end of the run is written down after it. */
	assert_in_range((long)metric("connmon_last_commit_timestamp_seconds"),
			(long)metric("connmon_start_timestamp_seconds"),
			node_number(n, "SELECT max(last_commit_us) / 1000000 FROM run", 0));
	assert_int_equal(stat(metrics_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void where_they_cannot_be_written_all_is_recorded_and_it_is_told_once(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n), recorded, lost;
	char *words, *at;

	connect_often(10);
	node_fence(n);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, netns), 20);
	node_stop(n, &recorded, &lost);
	words = file_text(n->err_path);
	at = strstr(words, metrics_path);
	assert_non_null(at);
	if (!strstr(at, "make its folder; connections are recorded, trying again\n"))
		fail_msg("%s", words);
	assert_null(strstr(at + 1, metrics_path));
	free(words);
}

static void a_user_without_privileges_writes_them(void **state)
{
	struct node *n = *state;
	long recorded, lost;
	struct stat st;

	node_stage(n);
	connect_often(10);
	node_fence(n);
	node_stop(n, &recorded, &lost);
	assert_int_equal((long)metric("connmon_connections_recorded_total"), recorded);
	assert_int_equal(stat(metrics_path, &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
	assert_int_equal(st.st_mode & 07777, 0644);
	unlink(metrics_path);
	*strrchr(metrics_path, '/') = '\0';
	assert_int_equal(rmdir(metrics_path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			in_the_end_they_equal_the_database_also_after_a_loss, fresh, done),
		cmocka_unit_test_setup_teardown(
			where_they_cannot_be_written_all_is_recorded_and_it_is_told_once,
			without_a_folder, done),
		cmocka_unit_test_setup_teardown(a_user_without_privileges_writes_them, as_nobody,
						done),
	};
	int missing = node_missing();

	return missing ? missing : cmocka_run_group_tests(tests, NULL, NULL);
}
