/* Connections that the kernel makes for itself. NFS stands for all of them: a thread of
 * the kernel connects, whatever process asked for the mount. (That kernels without it have
 * such, too, is shown by the second path in test_mptcp.c.) */
#include "../node/node.h"
#include "../node/parts.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

/* Fails, as nobody answers in the language of NFS. */
static void part_mounter(struct scene *s)
{
	char options[128];

	cue_wait(s, CUE_LISTENING);
	must(unshare(CLONE_NEWNS) == 0);
	must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	snprintf(options, sizeof(options),
		 "addr=%s,clientaddr=%s,port=%d,vers=4.2,soft,retrans=0,timeo=1", s->addr, s->addr,
		 s->port);
	must(mount("127.0.0.1:/", "/tmp", "nfs4", 0, options) == -1);
	s->error = errno;
}

/* Takes and drops whatever comes, until it is killed: NFS tries more than once. */
static void part_dropping_server(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);

	cue_give(s, CUE_LISTENING);
	for (;;) {
		int fd = accept_one(listener);

		reset_on_close(fd);
		close(fd);
	}
}

#define ROWS_OUT "SELECT count(*) FROM connections WHERE netns = ?1 AND direction = 'out'"
#define ROWS_IN	 "SELECT count(*) FROM connections WHERE netns = ?1 AND direction = 'in'"

static void what_the_kernel_connects_for_itself_is_no_process_s(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n), n_out, n_in;
	pid_t server, client;

	server = actor_start("server", part_dropping_server, s);
	client = actor_start("client", part_mounter, s);
	actor_wait(client);
	actor_kill(server);
	node_fence(n);
	n_out = node_number(n, ROWS_OUT, netns);
	n_in = node_number(n, ROWS_IN, netns);
	n->stages[n->n_stages - 1].n_rows = n_out + n_in;
	assert_in_range(n_in, 1, n_out);
	assert_int_equal(node_number(n,
				     ROWS_OUT " AND owner_source = 'kernel' AND pid IS NULL"
					      " AND comm IS NULL AND closed_by IS NULL",
				     netns),
			 n_out);
	assert_int_equal(node_number(n, ROWS_IN " AND owner_source = 'close' AND comm = 'server'",
				     netns),
			 n_in);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_connects_for_itself_is_no_process_s),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
