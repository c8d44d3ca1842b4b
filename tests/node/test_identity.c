/* What is known of an owner beyond its pid: the program of a process that nobody could
 * look at any more. */
#include "parts.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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
		cmocka_unit_test(the_program_of_a_process_that_is_long_gone_is_known),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
