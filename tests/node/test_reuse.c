/*
 * One pid that is another program each time, thousands of times: every row has the program, the
 * name, the user and the start of the process that made the connection.
 *
 * clone3() with set_tid gives a process the very pid that is asked for (Linux 5.5). The port that
 * it connects to says which one it was. CONNMON_REUSES in the environment: how many.
 */
#include "node.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "callers.h"
#include "parts.h"
#include "rss.h"

#define REUSES	   1000
#define FIRST_PORT 10000
#define N_PORTS	   30000 /* then the first one again */
#define FIRST_UID  40000

/* What a process does; ports go round in them. */
enum kind {
	EVEN,	 /* the program "even" */
	ODD,	 /* the program "odd" */
	RENAMED, /* this program, which calls itself "even" */
	FORK,	 /* this program, which calls itself "fork" */
	N_KINDS,
};

static int n_reuses(void)
{
	const char *wanted = getenv("CONNMON_REUSES");
	int n = wanted ? atoi(wanted) : REUSES;

	must(n > 0 && n % N_KINDS == 0);
	return n;
}

static void play(struct node *n, int i)
{
	const int kind = i % N_KINDS, port = FIRST_PORT + i % N_PORTS, uid = FIRST_UID + kind;
	int fd;

	if (kind == EVEN || kind == ODD)
		caller_become(n->folder, kind == EVEN ? "even" : "odd", uid, 0, port, false);
	prctl(PR_SET_NAME, kind == RENAMED ? "even" : "fork");
	must(setresuid(uid, uid, uid) == 0);
	fd = open_socket("127.0.0.1");
	must(try_connect(fd, "127.0.0.1", port) == ECONNREFUSED);
	close(fd);
	_exit(0);
}

static void end_of(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0) == pid);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A pid that nobody has, and that the kernel gives to nobody before it has given all others. */
static pid_t free_pid(void)
{
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0)
		_exit(0);
	end_of(pid);
	return pid;
}

/* A fork that has @pid; -1 when somebody else has it. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {.exit_signal = SIGCHLD,
				  .set_tid = (uintptr_t)&pid,
				  .set_tid_size = 1};
	long got = syscall(SYS_clone3, &args, sizeof(args));

	must(got >= 0 || errno == EEXIST);
	return (pid_t)got;
}

/* Returns how many pids it took, which is 1 unless the kernel came round to it. */
static int reuse(struct node *n, int n_times)
{
	pid_t pid = free_pid();
	int n_pids = 1;

	for (int i = 0; i < n_times; i++) {
		pid_t child;

		while ((child = fork_as(pid)) < 0) {
			pid = free_pid();
			n_pids++;
		}
		if (child == 0)
			play(n, i);
		end_of(child);
	}
	return n_pids;
}

static void a_pid_that_is_another_program_each_time_is_never_taken_for_the_one_before(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n);
	int times = n_reuses(), n_pids;
	char *shapes, want[256];

	caller_make(n->folder, "even");
	caller_make(n->folder, "odd");
	n_pids = reuse(n, times);
	n->stages[n->n_stages - 1].n_rows = times;
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, times);
	rss_tell("after all", rss_of(n->pid));
	print_message("%d processes in %d pids\n", times, n_pids);

	assert_true(n_pids * 100 <= times); /* else it proves nothing */
	assert_true(node_number(n, "SELECT count(DISTINCT pid) FROM connections WHERE netns = ?1",
				netns) <= n_pids);
	/* A fork without an exec may have been gone before anybody asked what it ran. */
	shapes = node_text(
		n,
		"SELECT group_concat(line, char(10)) FROM (SELECT count(*) || ' ' || (peer_port % 4)"
		" || ' ' || comm || ' ' || uid || ' ' || CASE WHEN peer_port % 4 < 2"
		" THEN replace(exe, rtrim(exe, replace(exe, '/', '')), '')"
		" WHEN exe IS NULL OR exe LIKE '%/node_reuse' THEN 'ours' ELSE exe END AS line"
		" FROM connections WHERE netns = ?1 GROUP BY peer_port % 4, comm, uid,"
		" CASE WHEN peer_port % 4 < 2 THEN exe WHEN exe IS NULL OR exe LIKE '%/node_reuse'"
		" THEN '' ELSE exe END ORDER BY peer_port % 4)",
		netns);
	snprintf(want, sizeof(want),
		 "%d 0 even 40000 even\n%d 1 odd 40001 odd\n%d 2 even 40002 ours\n"
		 "%d 3 fork 40003 ours",
		 times / 4, times / 4, times / 4, times / 4);
	if (strcmp(shapes, want))
		fprintf(stderr, "recorded:\n%s\n", shapes); /* cmocka would cut it short */
	assert_string_equal(shapes, want);
	free(shapes);
}

static void
each_connection_has_a_process_of_its_own_that_began_after_the_last_was_over(void **state)
{
	struct node *n = *state;
	int times = n_reuses();

#define EACH                                                                                       \
	"SELECT c.id, c.id - c.duration_us AS start, p.start_us, p.exit_us, p.id AS process,"      \
	" lag(p.exit_us) OVER (ORDER BY c.id) AS before FROM connection c"                         \
	" JOIN process p ON p.id = c.process_id JOIN local_address l ON l.id = c.local_id"         \
	" WHERE l.netns = ?1"
	long netns = (long)n->stages[n->n_stages - 1].netns;

	node_expect_number(n, "SELECT count(DISTINCT process) FROM (" EACH ")", netns, times);
	node_expect_number(n,
			   "SELECT count(*) FROM (" EACH ") WHERE start_us <= start AND"
			   " exit_us >= id AND ifnull(before, 0) <= start_us",
			   netns, times);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_pid_that_is_another_program_each_time_is_never_taken_for_the_one_before),
		cmocka_unit_test(
			each_connection_has_a_process_of_its_own_that_began_after_the_last_was_over),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
