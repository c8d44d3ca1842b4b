/* Containers: the cgroups that runtimes make for them, made and removed here, with the
 * state that docker keeps of them on disk (in a /var/lib of the test's own). */
#include "cgroups.h"
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define CLIENT_ID "c11e0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab"
#define SERVER_ID "5e44e0123456789abcdef0123456789abcdef0123456789abcdef0123456789a"
#define STATE	  "/var/lib/docker/containers/"
#define CONTAINERS                                                                                 \
	"SELECT group_concat(line, char(10)) FROM (SELECT printf('%s %s %s %s %s',"                \
	" iif(direction, 'in', 'out'), path, runtime, name, k.container_id) AS line"               \
	" FROM connection c JOIN container k ON k.id = c.container_id"                             \
	" JOIN local_address l ON l.id = c.local_id WHERE netns = ?1"                              \
	" ORDER BY direction)"

static bool with_state; /* docker knows their names; what a test sets before its actors start */

static int fresh(void **state)
{
	*state = node_new();
	with_state = false;
	return 0;
}

static int done(void **state)
{
	node_free(*state);
	return 0;
}

static const char *container_path(const char *id)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/docker-%s.scope", cgroup_mount(), id);
	return path;
}

/* As docker does: first the state, then the cgroup. */
static void enter_container(const char *id, const char *name)
{
	char command[512], path[512];
	FILE *f;

	rmdir(container_path(id)); /* that a test which failed left behind */
	if (with_state) {
		snprintf(command, sizeof(command), "mkdir -p " STATE "%s", id);
		run(command);
		snprintf(path, sizeof(path), STATE "%s/config.v2.json", id);
		f = fopen(path, "w");
		must(f && fprintf(f, "{\"ID\":\"%s\",\"Name\":\"/%s\"}", id, name) > 0 &&
		     fclose(f) == 0);
	}
	must(mkdir(container_path(id), 0755) == 0);
	cgroup_enter(container_path(id));
}

static void forget_state(const char *id)
{
	char path[512];

	snprintf(path, sizeof(path), STATE "%s/config.v2.json", id);
	must(unlink(path) == 0 || errno == ENOENT);
}

static void remove_container(const char *id)
{
	cgroup_enter(cgroup_mount());
	must(rmdir(container_path(id)) == 0);
	forget_state(id);
}

static void part_contained_server(struct scene *s)
{
	enter_container(SERVER_ID, "shop");
	part_server(s);
	remove_container(SERVER_ID);
}

static void part_contained_client(struct scene *s)
{
	enter_container(CLIENT_ID, "web");
	cue_give(s, CUE_CONNECTED); /* as good as */
	cue_wait(s, CUE_GO);
	part_client(s);
	remove_container(CLIENT_ID);
}

static void start(struct node *n)
{
	/* No row is written before the container is gone. */
	node_start(n, (const char *const[]){"--flush", "10s", NULL});
}

/* What is recorded of the two containers. */
static void assert_containers(struct node *n, ino_t netns, const char *client, const char *server)
{
	long recorded, lost;
	char want[1024], *got;

	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)netns), 0);
	wait_for_ends();
	node_stop(n, &recorded, &lost);
	snprintf(want, sizeof(want),
		 "out /docker-" CLIENT_ID ".scope docker %s " CLIENT_ID "\n"
		 "in /docker-" SERVER_ID ".scope docker %s " SERVER_ID,
		 client, server);
	got = node_text(n, CONTAINERS, (long)netns);
	assert_string_equal(got, want);
	free(got);
	/* The processes were in them, too, and people see them by name. */
	got = node_text(
		n,
		"SELECT group_concat(comm || ' in ' || container, ', ') FROM"
		" (SELECT * FROM processes WHERE comm IN ('client', 'server') ORDER BY comm)",
		0);
	snprintf(want, sizeof(want), "client in %s, server in %s", client, server);
	assert_string_equal(got, want);
	free(got);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1 AND"
				     " length(container_id) = 64 AND pod IS NULL",
				     (long)netns),
			 2);
}

static void a_container_of_a_moment_keeps_its_path(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	ino_t netns = node_stage(n);
	pid_t server, client;

	start(n);
	server = actor_start("server", part_contained_server, s);
	client = actor_start("client", part_contained_client, s);
	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	assert_containers(n, netns, "c11e01234567", "5e44e0123456");
	scene_free(s);
}

static void a_container_older_than_the_collector_keeps_its_path_and_its_name(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	ino_t netns = node_stage(n);
	pid_t server, client;

	with_state = true;
	server = actor_start("server", part_contained_server, s);
	client = actor_start("client", part_contained_client, s);
	cue_wait(s, CUE_LISTENING);
	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_CONNECTED);
	start(n);
	forget_state(CLIENT_ID);
	forget_state(SERVER_ID);
	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	assert_containers(n, netns, "web", "shop");
	scene_free(s);
}

/* Version 1 of cgroups uses the same tracepoints, and numbers of its own. */
static void cgroups_of_version_1_do_not_disturb(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	ino_t netns = node_stage(n);
	pid_t server, client;
	char folder[128], path[512];

	snprintf(folder, sizeof(folder), "%s/v1", n->folder);
	must(mkdir(folder, 0755) == 0);
	if (mount("none", folder, "cgroup", 0, "none,name=connmon-test") != 0) {
		rmdir(folder);
		scene_free(s);
		print_message("cgroups of version 1 cannot be mounted here\n");
		skip();
	}
	start(n);
	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "%s/docker-" CLIENT_ID ".scope", folder);
		must(mkdir(path, 0755) == 0 && rmdir(path) == 0);
	}
	must(umount(folder) == 0 && rmdir(folder) == 0);
	server = actor_start("server", part_contained_server, s);
	client = actor_start("client", part_contained_client, s);
	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	assert_containers(n, netns, "c11e01234567", "5e44e0123456");
	/* The four of ours, and a few of whoever else makes some now. */
	assert_in_range(node_number(n, "SELECT seen FROM account WHERE record = 'cgroup'", 0), 4,
			200);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_container_of_a_moment_keeps_its_path, fresh,
						done),
		cmocka_unit_test_setup_teardown(
			a_container_older_than_the_collector_keeps_its_path_and_its_name, fresh,
			done),
		cmocka_unit_test_setup_teardown(cgroups_of_version_1_do_not_disturb, fresh, done),
	};

	if (!*cgroup_mount()) {
		printf("SKIP: cgroup v2 is not mounted\n");
		return 77;
	}
	if (node_missing())
		return 77;
	run("mkdir -p /var/lib");
	must(unshare(CLONE_NEWNS) == 0 &&
	     mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	     mount("none", "/var/lib", "tmpfs", 0, NULL) == 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
