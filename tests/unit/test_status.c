/* How far connmon-forward is: what people read, and what Prometheus reads. */
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "calls.h"
#include "status.h"
#include "tempdir.h"

/* What status_write() says; valid until the next call. */
static const char *said(const struct state *s, int64_t waiting)
{
	static char text[2048];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	status_write(s, waiting, out);
	fclose(out);
	return text;
}

static void a_state_is_told_in_lines(void **state)
{
	struct state s = {.node_id = "0123456789abcdef0123456789abcdef",
			  .place = "http://h:8123/ connmon",
			  .rows_sent = 120,
			  .rows_resent = 7,
			  .bad_rows = 3,
			  .sent_us = INT64_C(1769860800000000),
			  .last_id = INT64_C(1769860799000001),
			  .skew_us = -1500000};

	(void)state;
	assert_string_equal(said(&s, 42),
			    "to            http://h:8123/ connmon\n"
			    "node          0123456789abcdef0123456789abcdef\n"
			    "sent          120 connections, 7 of them more than once\n"
			    "last sent     2026-01-31T12:00:00Z\n"
			    "its end       2026-01-31T11:59:59Z\n"
			    "waiting       42 connections\n"
			    "set aside     3 rows that the server would not take\n"
			    "lost          0 connections, deleted before they were sent\n"
			    "its clock     1.5 s behind this node's\n");
}

static void what_is_not_known_is_not_told(void **state)
{
	struct state s = {.place = "http://h\x1b[2J/", .unsent_rows = 5, .skew_us = 2000000};
	const char *text;

	(void)state;
	text = said(&s, -1);
	assert_null(strstr(text, "waiting"));
	assert_non_null(strstr(text, "last sent     never\n"));
	assert_non_null(strstr(text, "lost          at least 5 connections"));
	assert_non_null(strstr(text, "its clock     2.0 s ahead of this node's"));
	assert_null(strchr(text, '\x1b'));
}

static void each_number_is_a_metric_with_its_help(void **state)
{
	const struct state s = {.rows_sent = 120, .behind_rows = 9, .behind_us = 1500000};
	const struct status_metrics m = {&s, true, 4, 5000};
	char path[128], text[4096] = "";
	struct err err = {0};
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "%s/forward.prom", (char *)*state);
	for (int i = 0; i < 2; i++) /* the second goes into the first one's place */
		assert_int_equal(status_write_metrics(path, &m, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_mode & S_IROTH); /* node_exporter is another user */
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	assert_non_null(strstr(text, "# HELP connmon_forward_failing "));
	assert_non_null(strstr(text, "# TYPE connmon_forward_failing gauge\n"
				     "connmon_forward_failing 1\n"));
	assert_non_null(strstr(text, "\nconnmon_forward_failures_total 4\n"));
	assert_non_null(strstr(text, "\nconnmon_forward_sent_bytes_total 5000\n"));
	assert_non_null(strstr(text, "\nconnmon_forward_connections_total 120\n"));
	assert_non_null(strstr(text, "\nconnmon_forward_waiting_connections 9\n"));
	assert_non_null(strstr(text, "\nconnmon_forward_behind_seconds 1.500000\n"));
}

static void metrics_that_cannot_be_written_are_told_and_leave_nothing(void **state)
{
	static char name[PATH_MAX];
	const struct state s = {0};
	const struct status_metrics m = {.state = &s};
	char path[128], left[160];
	struct err err = {0};

	assert_int_equal(status_write_metrics("/nowhere/f.prom", &m, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nowhere/f.prom: No such file or directory; make its"));
	snprintf(path, sizeof(path), "%s/f.prom", (char *)*state);
	snprintf(left, sizeof(left), "%s.tmp", path);
	assert_int_equal(mkdir(path, 0755), 0); /* what cannot be replaced */
	assert_int_equal(status_write_metrics(path, &m, &err), -EISDIR);
	assert_int_not_equal(access(left, F_OK), 0);
	assert_int_equal(rmdir(path), 0);
	fail_call("open", 1, EACCES);
	assert_int_equal(status_write_metrics(path, &m, &err), -EACCES);
	assert_int_equal(mend_calls(), 1);
	memset(name, 'x', sizeof(name) - 2);
	assert_int_equal(status_write_metrics(name, &m, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "the name is too long"));
}

/* A link that somebody has put there is not written through. */
static void what_others_have_put_there_is_not_written_to(void **state)
{
	const struct state s = {0};
	const struct status_metrics m = {.state = &s};
	char path[128], planted[160], target[128];
	struct err err = {0};
	struct stat st;

	snprintf(path, sizeof(path), "%s/f.prom", (char *)*state);
	snprintf(planted, sizeof(planted), "%s.tmp", path);
	snprintf(target, sizeof(target), "%s/precious", (char *)*state);
	tempdir_write(target, "x");
	assert_int_equal(symlink(target, planted), 0);
	assert_int_equal(status_write_metrics(path, &m, &err), 0);
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tempdir_setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_state_is_told_in_lines),
		TEST(what_is_not_known_is_not_told),
		TEST(each_number_is_a_metric_with_its_help),
		TEST(metrics_that_cannot_be_written_are_told_and_leave_nothing),
		TEST(what_others_have_put_there_is_not_written_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
