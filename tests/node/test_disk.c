/* A disk that is full for a while: the collector waits, says so, and writes
 * everything once there is room. */
#include "node.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "parts.h"
#include "program.h"

#define N	   50
#define N_TOO_MANY 20000

/* A collector whose database has a file system of 4 MiB for itself, in a mount
 * namespace of ours. */
static struct node *with_small_disk(void)
{
	struct node *n = node_new();
	char disk[80];

	snprintf(disk, sizeof(disk), "%s/disk", n->folder);
	must(mkdir(disk, 0755) == 0);
	must(unshare(CLONE_NEWNS) == 0);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount("connmon-test", disk, "tmpfs", 0, "size=4m,mode=755") == 0);
	snprintf(n->db_path, sizeof(n->db_path), "%s/connmon.db", disk);
	return n;
}

static struct node *on_small_disk(const char *const options[])
{
	struct node *n = with_small_disk();

	node_start(n, options);
	return n;
}

static int not_started(void **state)
{
	*state = with_small_disk();
	return 0;
}

static int fresh(void **state)
{
	*state = on_small_disk((const char *const[]){NULL});
	return 0;
}

static int fresh_with_small_ring(void **state)
{
	*state = on_small_disk((const char *const[]){"--ring", "128K", NULL});
	return 0;
}

static int done(void **state)
{
	struct node *n = *state;
	char disk[96];

	snprintf(disk, sizeof(disk), "%s/disk", n->folder);
	must(umount2(disk, MNT_DETACH) == 0);
	node_free(n);
	return 0;
}

static void filler_path(struct node *n, char path[128])
{
	snprintf(path, 128, "%s/disk/filler", n->folder);
}

static void fill_disk(struct node *n)
{
	static const char page[4096];
	char path[128];
	int fd;

	filler_path(n, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0);
	while (write(fd, page, sizeof(page)) == sizeof(page))
		;
	close(fd);
}

static void free_disk(struct node *n)
{
	char path[128];

	filler_path(n, path);
	must(unlink(path) == 0);
}

/* The collector has met the full disk: it says so on standard error. */
static void wait_for_complaint(struct node *n)
{
	for (int i = 0; i < 1000; i++) {
		char *words = file_text(n->err_path);
		bool told = strstr(words, "disk is full");

		free(words);
		if (told)
			return;
		usleep(10000);
	}
	fail_msg("the collector did not notice the full disk");
}

static void what_happened_while_the_disk_was_full_is_written_when_there_is_room(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n);

	fill_disk(n);
	connect_often(N);
	wait_for_complaint(n);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, netns), 0);
	connect_often(N);
	free_disk(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 4 * N);
	n->stages[n->n_stages - 1].n_rows = 4 * N;
	/* Nothing was lost, so no gap: it looks. */
	the_collector_ends_and_its_account_equals_the_rows(state);
}

static void the_full_disk_is_told_once_and_its_end_too(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n);
	char *words, *at;
	int told = 0;

	fill_disk(n);
	connect_often(N);
	wait_for_complaint(n);
	sleep(3); /* a few more tries */
	free_disk(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * N);
	words = file_text(n->err_path);
	for (at = words; (at = strstr(at, "disk is full")); at++)
		told++;
	assert_int_equal(told, 1);
	free(words);
}

/* More than the collector can hold back. */
static void what_could_not_be_held_back_is_counted_in_a_gap(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n), rows, counted;

	port_range(5000, 65535);
	fill_disk(n);
	connect_often(N);
	wait_for_complaint(n);
	connect_often(N_TOO_MANY);
	free_disk(n);
	node_fence_after_loss(n);

	rows = node_number(n,
			   "SELECT count(*) FROM connections"
			   " WHERE netns = ?1 AND outcome = 'closed'",
			   netns);
	/* The flush that succeeds may have begun before the last loss, which then is told
	 * as a full ring. */
	counted = node_number(n, "SELECT total(count) FROM gap", 0);
	assert_int_equal(
		node_number(n, "SELECT count(*) FROM gap WHERE reason = 'disk_full' AND count > 0",
			    0),
		1);
	assert_in_range(rows, 2 * N, 2 * (N + N_TOO_MANY) - 1);
	/* Others on this machine may have lost some, too. */
	assert_true(rows + counted >= 2 * (N + N_TOO_MANY));
	assert_int_equal(node_number(n, "SELECT lost FROM run", 0), counted);
	node_stop(n, &rows, &counted);
	assert_account_balanced(n);
}

static void a_start_on_a_full_disk_says_so_and_leaves_nothing_behind(void **state)
{
	struct node *n = *state;
	char lock[128];
	char *words;

	fill_disk(n);
	assert_int_not_equal(program_wait(program_start((const char *const[]){COLLECT, "--db",
									      n->db_path, NULL},
							n->out_path, n->err_path),
					  60),
			     0);
	words = file_text(n->err_path);
	if (!strstr(words, "the disk is full; free some space"))
		fail_msg("%s", words);
	free(words);
	snprintf(lock, sizeof(lock), "%s.lock", n->db_path);
	assert_int_equal(access(n->db_path, F_OK), -1);
	assert_int_equal(access(lock, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_could_not_be_held_back_is_counted_in_a_gap,
						fresh_with_small_ring, done),
		cmocka_unit_test_setup_teardown(
			what_happened_while_the_disk_was_full_is_written_when_there_is_room, fresh,
			done),
		cmocka_unit_test_setup_teardown(
			a_start_on_a_full_disk_says_so_and_leaves_nothing_behind, not_started,
			done),
		cmocka_unit_test_setup_teardown(the_full_disk_is_told_once_and_its_end_too, fresh,
						done),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
