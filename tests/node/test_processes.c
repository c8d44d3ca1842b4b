/* Processes that nobody could look at any more when their connections were written down:
 * program, parent, arguments, threads. */
#include "parts.h"
#include "rows.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* One refused connection, by the shell itself. */
#define CONNECT "exec 2>&-; exec 3<>/dev/tcp/127.0.0.1/4711"

#define ROW_OF_PROCESS                                                                             \
	"SELECT comm || '|' || ifnull(exe, '') || '|' || ifnull(parent_comm, '') || '|' ||"        \
	" ifnull(parent_exe, '') FROM processes WHERE pid = ?1"

/* Becomes bash, which runs @script with these further arguments. */
static void become_shell(const char *script, const char *arg1, const char *arg2)
{
	execl("/bin/bash", "bash", "-c", script, arg1, arg2, NULL);
	must(!"bash is there");
}

static void end_of(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0) == pid); /* bash says by its exit code that it was refused */
}

/* The pid of the one connection of @netns, for which @n_rows rows are there. */
static long pid_of_the_only_row(struct node *n, long netns)
{
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 1);
	n->stages[n->n_stages - 1].n_rows = 1;
	return node_number(n, "SELECT pid FROM connections WHERE netns = ?1", netns);
}

static void assert_process(struct node *n, long pid, const char *want)
{
	char *have = node_text(n, ROW_OF_PROCESS, pid);

	assert_string_equal(have, want);
	free(have);
}

static char *described(const char *comm, const char *exe, const char *parent_comm,
		       const char *parent_exe)
{
	static char text[1024];

	snprintf(text, sizeof(text), "%s|%s|%s|%s", comm, exe, parent_comm, parent_exe);
	return text;
}

static const char *bash_path(void)
{
	static char *path;

	if (!path)
		path = realpath("/bin/bash", NULL);
	must(path);
	return path;
}

/* ---- what a process ran, and who made it ---- */

static void part_shell_of_shell(struct scene *s)
{
	(void)s;
	become_shell("/bin/bash -c '" CONNECT "'; true", NULL, NULL);
}

static void a_process_that_lived_for_5_ms_has_its_program_and_its_parent(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t parent = actor_start("client", part_shell_of_shell, s);
	long pid;

	end_of(parent);
	pid = pid_of_the_only_row(n, netns);
	assert_int_not_equal(pid, parent);
	assert_process(n, pid, described("bash", bash_path(), "bash", bash_path()));
	/* And so on: this very program, as its actor called itself. */
	assert_int_equal(node_number(n, "SELECT ppid FROM processes WHERE pid = ?1", parent),
			 getpid());
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM processes WHERE pid = ?1"
				     " AND comm = 'node_processes' AND ended_at IS NULL",
				     getpid()),
			 1);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM process WHERE pid = ?1"
				     " AND exit_us BETWEEN start_us AND start_us + 20000000",
				     pid),
			 1);
	scene_free(s);
}

static void part_forks(struct scene *s)
{
	(void)s;
	become_shell("(" CONNECT "); true", NULL, NULL);
}

static void a_fork_without_an_exec_has_the_program_of_its_parent_when_both_are_gone(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t parent = actor_start("client", part_forks, s);
	long pid;

	end_of(parent);
	pid = pid_of_the_only_row(n, netns);
	assert_int_not_equal(pid, parent);
	assert_process(n, pid, described("bash", bash_path(), "bash", bash_path()));
	scene_free(s);
}

static void part_child_of_fork(struct scene *s)
{
	(void)s;
	become_shell("(/bin/bash -c '" CONNECT "'; true); true", NULL, NULL);
}

static void a_parent_that_never_made_an_exec_is_known_when_it_is_gone(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n), pid, parent;
	pid_t grandparent = actor_start("client", part_child_of_fork, s);

	end_of(grandparent);
	pid = pid_of_the_only_row(n, netns);
	assert_process(n, pid, described("bash", bash_path(), "bash", bash_path()));
	parent = node_number(n, "SELECT ppid FROM processes WHERE pid = ?1", pid);
	assert_int_equal(node_number(n, "SELECT ppid FROM processes WHERE pid = ?1", parent),
			 grandparent);
	scene_free(s);
}

static void part_renamed(struct scene *s)
{
	(void)s;
	become_shell("printf renamed >/proc/$$/comm; " CONNECT, NULL, NULL);
}

static void a_process_that_gave_itself_another_name_has_its_program(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t client = actor_start("client", part_renamed, s);
	char *row;

	end_of(client);
	assert_int_equal(pid_of_the_only_row(n, netns), client);
	row = node_text(n, "SELECT comm || '|' || exe FROM connections WHERE netns = ?1", netns);
	assert_string_equal(strtok(row, "|"), "renamed");
	assert_string_equal(strtok(NULL, "|"), bash_path());
	free(row);
	scene_free(s);
}

/* Opens a connection, then becomes another program, which closes it. */
static void part_other_program_closes(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	prctl(PR_SET_NAME, "bash"); /* the same name, too */
	fd = dial(s->addr, s->port);
	must(fcntl(fd, F_SETFD, 0) == 0);
	become_shell("exit 0", NULL, NULL);
}

static void opener_and_closer_are_the_programs_of_their_time(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", part_server, s);
	pid_t client = actor_start("client", part_other_program_closes, s);
	char *closer;

	actor_wait(client);
	actor_wait(server);
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2);
	n->stages[n->n_stages - 1].n_rows = 2;
	/* Of this program, which actors are forks of, /proc could have told; bash must not
	 * be said to have opened it. */
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1 AND"
				     " direction = 'out' AND comm = 'bash' AND"
				     " (exe IS NULL OR exe LIKE '%node_processes')",
				     netns),
			 1);
	closer = node_text(n,
			   "SELECT g.exe FROM connection c JOIN process p ON p.id ="
			   " CASE c.closer_id WHEN 0 THEN c.process_id ELSE c.closer_id END"
			   " JOIN program g ON g.id = p.program_id"
			   " JOIN local_address l ON l.id = c.local_id"
			   " WHERE l.netns = ?1 AND c.direction = 0",
			   netns);
	assert_string_equal(closer, bash_path());
	free(closer);
	assert_int_equal(node_number(n, "SELECT count(*) FROM process WHERE pid = ?1", client), 2);
	assert_int_equal(node_number(n, "SELECT count(exit_us) FROM process WHERE pid = ?1",
				     client),
			 2);
	scene_free(s);
}

/* ---- threads ---- */

static void *named_client(void *arg)
{
	prctl(PR_SET_NAME, "connector");
	part_client(arg);
	return NULL;
}

static void part_threaded_client(struct scene *s)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, named_client, s) == 0);
	must(pthread_join(thread, NULL) == 0);
}

static void *named_server(void *arg)
{
	prctl(PR_SET_NAME, "esc\x1b");
	part_server(arg);
	return NULL;
}

static void part_threaded_server(struct scene *s)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, named_server, s) == 0);
	must(pthread_join(thread, NULL) == 0);
}

#define NAMES                                                                                      \
	"SELECT group_concat(direction || ' ' || comm || ' ' || thread, ', ') FROM"                \
	" (SELECT * FROM connections WHERE netns = ?1 ORDER BY direction)"

static char *names_of(struct node *n, void (*serve)(struct scene *), void (*call)(struct scene *))
{
	struct scene *s = scene_new("127.0.0.1");
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", serve, s);
	pid_t client = actor_start("client", call, s);

	actor_wait(client);
	actor_wait(server);
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2);
	n->stages[n->n_stages - 1].n_rows = 2;
	scene_free(s);
	return node_text(n, NAMES, netns);
}

static void a_thread_s_own_name_is_kept_beside_that_of_its_process(void **state)
{
	char *names = names_of(*state, part_threaded_server, part_threaded_client);
	long stored;

	assert_string_equal(names, "in server esc\\x1b, out client connector");
	free(names);
	names = names_of(*state, part_server, part_client);
	assert_string_equal(names, "in server server, out client client");
	free(names);
	stored = node_number(*state,
			     "SELECT count(*) FROM connection WHERE thread IN ('client', 'server')",
			     0);
	assert_int_equal(stored, 0);
}

/* ---- arguments, and processes older than the collector ---- */

static void nobody_s_arguments_are_stored_unasked(void **state)
{
	assert_int_equal(node_number(*state, "SELECT count(*) FROM process", 0) > 5, 1);
	assert_int_equal(node_number(*state, "SELECT count(cmdline) FROM process", 0), 0);
}

static void part_shell_with_arguments(struct scene *s)
{
	(void)s;
	become_shell(CONNECT, "a b", "");
}

static char long_argument[2000];

static void part_shell_with_long_arguments(struct scene *s)
{
	(void)s;
	memset(long_argument, 'x', sizeof(long_argument) - 1);
	become_shell(CONNECT, "secret", long_argument);
}

/* Waits for a line in the fifo "go", in another program under another name. */
static void part_waiting_shell(struct scene *s)
{
	cue_give(s, CUE_CONNECTED);
	become_shell("read <go; printf renamed >/proc/$$/comm; " CONNECT, "waiting one", NULL);
}

static char *arguments_of(struct node *n, pid_t client, long n_rows)
{
	long netns = (long)n->stages[n->n_stages - 1].netns;

	end_of(client);
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, n_rows);
	n->stages[n->n_stages - 1].n_rows = n_rows;
	return node_text(n, "SELECT cmdline FROM process WHERE pid = ?1", client);
}

static void wait_for_program(pid_t pid, const char *comm)
{
	char path[64], have[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	for (int i = 0; i < 1000 && strncmp(have, comm, strlen(comm)) != 0; i++) {
		FILE *f = fopen(path, "re");

		usleep(10000);
		must(f && fgets(have, sizeof(have), f));
		fclose(f);
	}
	must(strncmp(have, comm, strlen(comm)) == 0);
}

static void arguments_are_stored_when_asked_for_also_of_processes_that_run_already(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = node_new();
	char want[1024], *have, *row;
	pid_t waiting;
	int go, home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	must(home >= 0 && chdir(n->folder) == 0 && mkfifo("go", 0600) == 0);
	node_stage(n);
	waiting = actor_start("client", part_waiting_shell, s);
	cue_wait(s, CUE_CONNECTED);
	wait_for_program(waiting, "bash");
	node_start(n, (const char *const[]){"--flush", "100ms", "--cmdline", NULL});

	have = arguments_of(n, actor_start("client", part_shell_with_arguments, s), 1);
	assert_string_equal(have, "bash -c '" CONNECT "' 'a b' ''");
	free(have);

	have = arguments_of(n, actor_start("client", part_shell_with_long_arguments, s), 2);
	snprintf(want, sizeof(want), "bash -c '" CONNECT "' secret ");
	assert_int_equal(strncmp(have, want, strlen(want)), 0);
	assert_int_equal(strspn(have + strlen(want), "x"),
			 512 - (sizeof("bash") + sizeof("-c") + sizeof(CONNECT) +
				sizeof("secret")));
	assert_string_equal(have + strlen(want) + strspn(have + strlen(want), "x"), "...");
	free(have);

	go = open("go", O_WRONLY | O_CLOEXEC);
	must(go >= 0 && write(go, "\n", 1) == 1);
	close(go);
	have = arguments_of(n, waiting, 3);
	assert_string_equal(have, "bash -c 'read <go; printf renamed >/proc/$$/comm; " CONNECT
				  "' 'waiting one'");
	free(have);
	row = node_text(n, "SELECT comm || '|' || exe FROM processes WHERE pid = ?1", waiting);
	snprintf(want, sizeof(want), "renamed|%s", bash_path());
	assert_string_equal(row, want);
	free(row);
	node_expect_number(n, "SELECT count(exit_us) FROM process WHERE pid = ?1", waiting, 1);
	must(fchdir(home) == 0);
	close(home);
	scene_free(s);
	node_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_lived_for_5_ms_has_its_program_and_its_parent),
		cmocka_unit_test(
			a_fork_without_an_exec_has_the_program_of_its_parent_when_both_are_gone),
		cmocka_unit_test(a_parent_that_never_made_an_exec_is_known_when_it_is_gone),
		cmocka_unit_test(a_process_that_gave_itself_another_name_has_its_program),
		cmocka_unit_test(opener_and_closer_are_the_programs_of_their_time),
		cmocka_unit_test(a_thread_s_own_name_is_kept_beside_that_of_its_process),
		cmocka_unit_test(nobody_s_arguments_are_stored_unasked),
		cmocka_unit_test(
			arguments_are_stored_when_asked_for_also_of_processes_that_run_already),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
