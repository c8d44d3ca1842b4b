/* The visit to all network namespaces: what happens in them is tests/node's. */
#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "netns.h"

#define MANY 4096

struct visits {
	ino_t seen[MANY];
	size_t n;
	int answer;
};

/* Where this thread is. */
static ino_t here(void)
{
	struct stat st;

	assert_int_equal(fstatat(-1, "/proc/thread-self/ns/net", &st, 0), 0);
	return st.st_ino;
}

static int visit(void *ctx, struct err *err)
{
	struct visits *v = ctx;

	assert_true(v->n < MANY);
	v->seen[v->n++] = here();
	return v->answer ? err_set(err, v->answer, "as it was told") : 0;
}

static size_t times_seen(const struct visits *v, ino_t netns)
{
	size_t times = 0;

	for (size_t i = 0; i < v->n; i++)
		times += v->seen[i] == netns;
	return times;
}

/* A process in a namespace of its own, or 0 where that may not be. It gives the namespace's number
 * before it waits to be killed. */
static pid_t live_elsewhere(ino_t *netns)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		*netns = unshare(CLONE_NEWNET) == 0 ? here() : 0;
		_exit(write(ends[1], netns, sizeof(*netns)) < 0 || pause());
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], netns, sizeof(*netns)), sizeof(*netns));
	close(ends[0]);
	return pid;
}

static void each_namespace_is_visited_once_the_own_one_first(void **state)
{
	const ino_t own = here();
	static struct visits v;
	struct err err = {0};
	ino_t other;
	pid_t pid = live_elsewhere(&other);

	(void)state;
	assert_int_equal(netns_each(visit, &v, &err), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(v.seen[0], own);
	assert_int_equal(times_seen(&v, own), 1);
	if (other) /* we may make one, and so enter it */
		assert_int_equal(times_seen(&v, other), 1);
	assert_int_equal(here(), own);
}

static void what_fails_in_one_ends_it_and_the_thread_is_back(void **state)
{
	const ino_t own = here();
	struct visits v = {.answer = -EPROTO};
	struct err err = {0};

	(void)state;
	assert_int_equal(netns_each(visit, &v, &err), -EPROTO);
	assert_string_equal(err.msg, "as it was told");
	assert_int_equal(v.n, 1);
	assert_int_equal(here(), own);
}

static void without_proc_it_is_told_what_is_missing(void **state)
{
	struct visits v = {0};
	struct err err = {0};

	(void)state;
	fail_call("open", 1, ENOENT);
	assert_int_equal(netns_each(visit, &v, &err), -ENOENT);
	assert_int_equal(mend_calls(), 1);
	assert_string_equal(err.msg,
			    "/proc/self/ns/net: No such file or directory; is /proc mounted?");
	assert_int_equal(v.n, 0);
}

static void who_may_enter_no_other_visits_his_own(void **state)
{
	struct visits v = {0};
	struct err err = {0};

	(void)state;
	fail_calls("setns", EPERM);
	assert_int_equal(netns_each(visit, &v, &err), 0);
	assert_true(mend_calls() > 0);
	assert_int_equal(v.n, 1);
}

static void a_thread_that_cannot_go_back_is_an_error(void **state)
{
	struct visits v = {0};
	struct err err = {0};

	(void)state;
	fail_calls("setns", ENOMEM);
	assert_int_equal(netns_each(visit, &v, &err), -ENOMEM);
	assert_true(mend_calls() > 0);
	assert_non_null(strstr(err.msg, "going back to the own network namespace: "));
	assert_int_equal(v.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_namespace_is_visited_once_the_own_one_first),
		cmocka_unit_test(what_fails_in_one_ends_it_and_the_thread_is_back),
		cmocka_unit_test(without_proc_it_is_told_what_is_missing),
		cmocka_unit_test(who_may_enter_no_other_visits_his_own),
		cmocka_unit_test(a_thread_that_cannot_go_back_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
