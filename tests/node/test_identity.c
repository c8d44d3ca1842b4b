/* What is known of an owner beyond its pid: the container it runs in, and the program
 * of a process that nobody could look at any more. */
#include "parts.h"
#include "rows.h"

#include <fcntl.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CLIENT_ID "c11e0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab"
#define SERVER_ID "5e44e0123456789abcdef0123456789abcdef0123456789abcdef0123456789a"

/* Where cgroup v2 is mounted; "" when it is not. */
static const char *cgroup_mount(void)
{
	static char path[256];
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	must(mounts);
	path[0] = '\0';
	while ((m = getmntent(mounts)))
		if (strcmp(m->mnt_type, "cgroup2") == 0)
			snprintf(path, sizeof(path), "%s", m->mnt_dir);
	endmntent(mounts);
	return path;
}

static void remove_container(const char *id)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/docker-%s.scope", cgroup_mount(), id);
	rmdir(path); /* busy until the last process in it is gone for good */
}

/* Moves this process into a cgroup such as docker makes for a container. */
static void enter_container(const char *id)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/docker-%s.scope", cgroup_mount(), id);
	remove_container(id); /* that a test which failed left behind */
	must(mkdir(path, 0755) == 0);
	strcat(path, "/cgroup.procs");
	f = fopen(path, "w");
	must(f && fprintf(f, "%d\n", (int)getpid()) > 0 && fclose(f) == 0);
}

static void part_contained_server(struct scene *s)
{
	enter_container(SERVER_ID);
	part_server(s);
}

static void part_contained_client(struct scene *s)
{
	enter_container(CLIENT_ID);
	part_client(s);
}

static void each_side_is_recorded_with_its_own_container(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	ino_t netns = node_stage(n);
	pid_t server = actor_start("server", part_contained_server, s);
	pid_t client = actor_start("client", part_contained_client, s);
	char *containers;

	actor_wait(client);
	actor_wait(server);
	assert_rows(n, netns, (struct row[]){out_row(s, client), in_row(s, server)}, 2);
	remove_container(CLIENT_ID);
	remove_container(SERVER_ID);
	containers = node_text(n,
			       "SELECT group_concat(direction || ' ' || container, ', ') FROM"
			       " (SELECT * FROM connections WHERE netns = ?1 ORDER BY direction)",
			       (long)netns);
	assert_string_equal(containers, "in 5e44e0123456, out c11e01234567");
	free(containers);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM container WHERE runtime = 'docker' AND"
				     " path LIKE '/docker-%.scope' AND cgroup_id > 1",
				     0),
			 2);
	scene_free(s);
}

/* Becomes a shell from a path of its own, which connects and is gone. */
static void part_short_lived(struct scene *s)
{
	char command[128];

	snprintf(command, sizeof(command), "exec 2>&-; exec 3<>/dev/tcp/%s/%d", s->addr, s->port);
	execl("/bin/bash", "bash", "-c", command, NULL);
	must(!"bash is there");
}

static void the_program_of_a_process_that_is_long_gone_is_known(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	char *bash = realpath("/bin/bash", NULL), *exe;
	pid_t client;
	int status;

	must(bash);
	client = actor_start("client", part_short_lived, s);
	must(waitpid(client, &status, 0) == client); /* refused: bash says so by its exit code */
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 1);
	exe = node_text(n, "SELECT comm || ' ' || exe FROM connections WHERE netns = ?1", netns);
	assert_non_null(strstr(exe, "bash "));
	assert_string_equal(exe + strlen("bash "), bash);
	free(exe);
	free(bash);
	assert_int_equal(node_number(n, "SELECT pid FROM connections WHERE netns = ?1", netns),
			 client);
	n->stages[n->n_stages - 1].n_rows = 1;
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_side_is_recorded_with_its_own_container),
		cmocka_unit_test(the_program_of_a_process_that_is_long_gone_is_known),
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
