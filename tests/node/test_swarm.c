/*
 * Very many processes, each with a program, a user and a container of its own, that live together
 * or for a moment: every row names the right one, and what is kept of them is bounded.
 *
 * CONNMON_PROCESSES in the environment: how many that stay, and as many that are short.
 */
#include "node.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "callers.h"
#include "cgroups.h"
#include "parts.h"
#include "rss.h"

#define PROCESSES  400
#define LAUNCHERS  8	 /* each in a container of its own */
#define FIRST_PORT 10000 /* + the number of the process: of its own end, or of its peer's */
#define FIRST_UID  40000
#define N_UIDS	   7
#define PATIENCE_S 600

/* What this program holds at most beyond the ring and its own file: P11 of what we promise. */
#define OWN_KIB (32 * 1024)

static int n_processes(void)
{
	const char *wanted = getenv("CONNMON_PROCESSES");
	int n = wanted ? atoi(wanted) : PROCESSES;

	must(n > 0 && n <= 50000 && n % LAUNCHERS == 0);
	return n;
}

static const char *name_of(int i)
{
	static char name[16];

	snprintf(name, sizeof(name), "p%05d", i);
	return name;
}

#define CONTAINER "5ca1e%059d"

static const char *container_path(int k)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/docker-" CONTAINER ".scope", cgroup_mount(), k);
	return path;
}

struct swarm {
	struct node *n;
	int n_processes;
	int hold[2]; /* a pipe: those who stay do so until nobody holds hold[1] */
	pid_t server, launchers[LAUNCHERS];
	struct scene *scene;
};

static struct swarm *swarm; /* for the parts */

static void part_holder(struct scene *s)
{
	const struct rlimit files = {.rlim_cur = swarm->n_processes + 64,
				     .rlim_max = swarm->n_processes + 64};
	int *fds = calloc(swarm->n_processes, sizeof(*fds)), listener;

	alarm(PATIENCE_S);
	close(swarm->hold[1]);
	must(fds && setrlimit(RLIMIT_NOFILE, &files) == 0);
	listener = listen_at(s->addr, s->port);
	must(listen(listener, 4096) == 0); /* as many may come at a time */
	cue_give(s, CUE_LISTENING);
	for (int i = 0; i < swarm->n_processes; i++)
		fds[i] = accept_one(listener);
	close(listener);
	cue_give(s, CUE_CONNECTED);
	for (int i = 0; i < swarm->n_processes; i++) {
		wait_for_end(fds[i]);
		close(fds[i]);
	}
}

static pid_t launch(int i, bool stays)
{
	pid_t pid = fork();
	int port = FIRST_PORT + i;

	must(pid >= 0);
	if (pid)
		return pid;
	must(dup2(swarm->hold[0], STDIN_FILENO) >= 0);
	close(swarm->hold[1]);
	caller_become(swarm->n->folder, name_of(i), FIRST_UID + i % N_UIDS, stays ? port : 0,
		      stays ? SERVER_PORT : port, stays);
	return 0;
}

static void end_of(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0) == pid);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* First the short ones, then those that stay: numbers n to 2n - 1 and 0 to n - 1. */
static void launch_all(int k)
{
	int n = swarm->n_processes;
	pid_t *pids = calloc(n, sizeof(*pids));

	must(pids);
	alarm(PATIENCE_S);
	cgroup_enter(container_path(k));
	for (int i = n + k; i < 2 * n; i += LAUNCHERS)
		end_of(launch(i, false));
	for (int i = k; i < n; i += LAUNCHERS)
		pids[i] = launch(i, true);
	close(swarm->hold[1]);
	for (int i = k; i < n; i += LAUNCHERS)
		end_of(pids[i]);
	cgroup_enter(cgroup_mount());
	free(pids);
}

static void swarm_come(struct node *n, struct swarm *w)
{
	*w = (struct swarm){.n = n, .n_processes = n_processes(), .scene = scene_new("127.0.0.1")};
	swarm = w;
	for (int i = 0; i < 2 * w->n_processes; i++)
		caller_make(n->folder, name_of(i));
	must(pipe2(w->hold, O_CLOEXEC) == 0);
	w->server = actor_start("holder", part_holder, w->scene);
	cue_wait(w->scene, CUE_LISTENING);
	for (int k = 0; k < LAUNCHERS; k++) {
		rmdir(container_path(k)); /* that a test which failed left behind */
		must(mkdir(container_path(k), 0755) == 0);
		w->launchers[k] = fork();
		must(w->launchers[k] >= 0);
		if (w->launchers[k] == 0) {
			launch_all(k);
			_exit(0);
		}
	}
	must(sem_wait(&w->scene->cues[CUE_CONNECTED]) == 0);
}

static void swarm_go(struct swarm *w)
{
	close(w->hold[0]);
	close(w->hold[1]);
	for (int k = 0; k < LAUNCHERS; k++) {
		actor_wait(w->launchers[k]);
		must(rmdir(container_path(k)) == 0);
	}
	actor_wait(w->server);
	scene_free(w->scene);
}

/* The calls of these outcomes are all there, and the program, the path, the user and the container
 * of each are those of the process of its number. */
static void assert_right(struct node *n, long netns, const char *outcomes, long want)
{
	char calls[1024], sql[1280];
	char *wrong;

	snprintf(calls, sizeof(calls),
		 "(SELECT *, comm = printf('p%%05d', number) AND exe LIKE '%%/' || comm"
		 "  AND uid = 40000 + number %% 7"
		 "  AND container_id = printf('5ca1e%%059d', number %% 8) AS is_right"
		 " FROM (SELECT *, CASE WHEN peer_port >= 10000 THEN peer_port"
		 "  ELSE local_port END - 10000 AS number FROM connections"
		 "  WHERE netns = ?1 AND direction = 'out' AND outcome IN (%s)))",
		 outcomes);
	snprintf(sql, sizeof(sql),
		 "SELECT group_concat(format('%%d: %%s %%s %%d %%s %%s', number, comm, exe, uid,"
		 " container_id, owner_source), char(10))"
		 " FROM (SELECT * FROM %s WHERE is_right IS NOT TRUE LIMIT 20)",
		 calls);
	wrong = node_text(n, sql, netns);
	if (*wrong)
		fail_msg("%s", wrong);
	free(wrong);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", calls);
	assert_int_equal(node_number(n, sql, netns), want);
}

static void each_of_very_many_processes_is_named_rightly_while_they_live_and_after(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n);
	struct rss before = rss_of(n->pid), after;
	struct swarm w;

	swarm_come(n, &w);
	n->stages[n->n_stages - 1].n_rows = 3L * w.n_processes;
	node_fence(n);
	node_expect_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1", netns,
			   2L * w.n_processes);
	rss_tell("at the start", before);
	rss_tell("with all who stay", rss_of(n->pid));
	assert_right(n, netns, "'open'", w.n_processes);
	assert_right(n, netns, "'refused'", w.n_processes);
	swarm_go(&w);
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 3L * w.n_processes);
	after = rss_of(n->pid);
	rss_tell("when all have ended", after);
	/* Some kernels hide an end, see test_nested.c; it is counted. */
	assert_right(n, netns, "'closed', 'lost'", w.n_processes);
	assert_true(node_number(n, NODE_ENDED_ROWS " AND outcome = 'lost'", netns) <=
		    node_number(n, NODE_MISSED, 0));
	assert_right(n, netns, "'refused'", w.n_processes);
	assert_true(after.own_kib <= OWN_KIB);
}

static void
each_of_them_is_one_process_that_began_before_its_connection_and_ended_later(void **state)
{
	struct node *n = *state;
	int n_all = 2 * n_processes();

	node_expect_number(n,
			   "SELECT count(*) FROM processes WHERE comm GLOB 'p[0-9][0-9][0-9][0-9]"
			   "[0-9]' AND ended_at NOT NULL",
			   0, n_all);
	assert_int_equal(
		node_number(
			n,
			"SELECT count(*) FROM (SELECT p.id FROM connection c"
			" JOIN process p ON p.id = c.process_id JOIN program g ON"
			" g.id = p.program_id WHERE g.comm GLOB 'p[0-9][0-9][0-9][0-9][0-9]'"
			" AND p.start_us <= c.id - c.duration_us AND p.exit_us >= c.id - c.duration_us"
			" GROUP BY p.id HAVING count(*) = 1)",
			0),
		n_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_of_very_many_processes_is_named_rightly_while_they_live_and_after),
		cmocka_unit_test(
			each_of_them_is_one_process_that_began_before_its_connection_and_ended_later),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (!*cgroup_mount()) {
		printf("SKIP: cgroup v2 is not mounted\n");
		return 77;
	}
	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
