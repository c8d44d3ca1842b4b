/* Connections that the kernel makes for itself. NFS stands for all of them: a thread of
 * the kernel connects, whatever process asked for the mount. (That kernels without it have
 * such, too, is shown by the second path in test_mptcp.c.) */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#define ONLY_PORT 700 /* NFS connects from below 1024 */

static bool has_nfs(void)
{
	FILE *f = fopen("/proc/filesystems", "re");
	char line[64];
	bool found = false;

	must(f);
	while (fgets(line, sizeof(line), f))
		found |= strstr(line, "nfs4") != NULL;
	fclose(f);
	return found;
}

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

static void part_kernel_s_server(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	reset_on_close(fd);
	close(fd);
	close(listener);
}

static void a_connection_that_the_kernel_makes_for_itself_is_no_process_s(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	netns = play(*state, s, part_kernel_s_server, part_mounter, rows);
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_that_the_kernel_makes_for_itself_is_no_process_s),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	if (!has_nfs()) {
		puts("SKIP: this kernel has no NFS");
		return 77;
	}
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
