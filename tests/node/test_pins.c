/* --pin where other programs are pinned than ours would be, where the database is another
 * one, and where nothing can be pinned. */
#include "parts.h"
#include "pinned.h"
#include "rows.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "program.h"
#include "schema/db.h"

#define BUSY 75 /* EX_TEMPFAIL */

static void programs_are_pinned(void **state)
{
	pins_begin(*state, "--ring", "1M");
	pins_end(*state);
}

/* ---- other programs than ours ---- */

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

/* As if an older build had made the pins. */
static void change_fingerprint(void)
{
	char path[128];
	uint64_t about[4];
	uint32_t zero = 0;
	union bpf_attr attr = {.pathname = (uint64_t)(uintptr_t)path};
	int fd;

	snprintf(path, sizeof(path), "%s/about_v1", pins);
	fd = (int)bpf(BPF_OBJ_GET, &attr);
	must(fd >= 0);
	attr = (union bpf_attr){.map_fd = (uint32_t)fd,
				.key = (uint64_t)(uintptr_t)&zero,
				.value = (uint64_t)(uintptr_t)about};
	must(bpf(BPF_MAP_LOOKUP_ELEM, &attr) == 0);
	about[0] ^= 1;
	must(bpf(BPF_MAP_UPDATE_ELEM, &attr) == 0);
	close(fd);
}

/* A collector of the programs that are there now records again. */
static void assert_records(struct node *n)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns = play(n, s, part_server, part_client, rows);

	assert_rows(n, netns, rows, 2);
	scene_free(s);
}

static long stopped_gaps(struct node *n)
{
	return node_number(n, "SELECT count(*) FROM gap WHERE reason = 'stopped'", 0);
}

static void programs_with_other_options_are_replaced_and_the_hole_is_told(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	struct row rows[2];
	ino_t netns;
	long gaps;

	pins_begin(n, "--ring", "1M");
	gaps = stopped_gaps(n);
	node_crash(n);
	/* Waits in their ring. */
	netns = play(n, s, part_server, part_client, rows);
	pins_begin(n, "--exclude-port", "1234");
	assert_said(n, "replaced the pinned programs");
	assert_rows(n, netns, rows, 2);
	assert_records(n);
	scene_free(s);
	assert_int_equal(stopped_gaps(n), gaps + 1);
	node_crash(n);
	pins_begin(n, "--exclude-port", "1234");
	assert_said(n, "went on where the last run ended");
	assert_records(n);
	assert_int_equal(stopped_gaps(n), gaps + 1);
	pins_end(n);
}

static void programs_of_another_build_are_replaced_and_the_hole_is_told(void **state)
{
	struct node *n = *state;
	long gaps = stopped_gaps(n);

	change_fingerprint();
	pins_begin(n, "--exclude-port", "1234");
	assert_said(n, "replaced the pinned programs");
	assert_records(n);
	assert_int_equal(stopped_gaps(n), gaps + 1);
	pins_end(n);
}

static void a_folder_that_was_made_by_half_is_made_anew(void **state)
{
	static const char *const missing[] = {"about_v1", "link_on_exec", "map_events",
					      "program_on_exit"};
	struct node *n = *state;
	char path[128];

	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", pins, missing[i]);
		must(unlink(path) == 0);
		pins_begin(n, "--exclude-port", "1234");
		assert_records(n);
		node_crash(n);
		assert_int_equal(access(path, F_OK), 0);
	}
}

static void a_run_without_pins_in_between_has_its_rows_once(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	netns = play(n, s, part_server, part_client, rows);
	assert_rows(n, netns, rows, 2);
	node_crash(n);
	pins_begin(n, "--exclude-port", "1234");
	assert_said(n, "another database");
	node_fence(n);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)netns), 2);
	pins_end(n);
	scene_free(s);
}

static void another_database_gets_what_is_in_the_ring(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns = play(n, s, part_server, part_client, rows);
	char *first = strdup(n->db_path);

	snprintf(n->db_path, sizeof(n->db_path), "%s/other.db", n->folder);
	pins_begin(n, "--exclude-port", "1234");
	pins_end(n);
	db_close(n->db);
	n->db = NULL;
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)netns), 2);
	assert_int_equal(stopped_gaps(n), 0);
	each_run_accounts_for_what_it_took_and_no_other(state);
	db_close(n->db);
	n->db = NULL;
	/* And the first one, which missed that, says so. */
	strcpy(n->db_path, first);
	free(first);
	long gaps = stopped_gaps(n);

	pins_begin(n, "--exclude-port", "1234");
	assert_said(n, "another database");
	assert_int_equal(stopped_gaps(n), gaps + 1);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)netns), 0);
	scene_free(s);
}

/* ---- where it cannot be ---- */

/* It ended with one line of its own that holds @words. */
static void assert_refused(struct node *n, const char *folder, uid_t uid, int code,
			   const char *words)
{
	char path[128];
	const char *const argv[] = {COLLECT, "--db",  path,   "--duration",
				    "5s",    "--pin", folder, NULL};
	struct finished f;

	snprintf(path, sizeof(path), "%s/refused.db", n->folder);
	f = program_run(argv, uid);
	if (f.code != code || strncmp(f.err, "connmon-collect: --pin ", 23) ||
	    !strstr(f.err, words))
		fail_msg("exit code %d, standard error (should hold \"%s\"):\n%s", f.code, words,
			 f.err);
}

static void a_second_collector_of_the_same_folder_is_refused(void **state)
{
	assert_refused(*state, pins, 0, BUSY, "another collector uses it");
	node_crash(*state);
}

static void a_folder_that_cannot_hold_programs_is_refused(void **state)
{
	struct node *n = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/plain", n->folder);
	assert_refused(n, path, 0, 1, "mount -t bpf bpf /sys/fs/bpf");
	assert_int_equal(access(path, F_OK), -1);
	must(mkdir(path, 0700) == 0);
	assert_refused(n, path, 0, 1, "is not on a BPF file system");
	snprintf(path, sizeof(path), "%s/nowhere/connmon", bpffs);
	assert_refused(n, path, 0, 1, "No such file or directory");
	snprintf(path, sizeof(path), "%s/everybody", bpffs);
	must(mkdir(path, 0700) == 0 && chmod(path, 0777) == 0);
	assert_refused(n, path, 0, 1, "others may write there");
}

static void removing_the_folder_ends_the_programs(void **state)
{
	char command[160];
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	snprintf(command, sizeof(command), "rm -r %s", pins);
	run(command);
	netns = play(n, s, part_server, part_client, rows);
	pins_begin(n, NULL, NULL);
	node_fence(n);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)netns), 0);
	assert_records(n);
	pins_end(n);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_pinned),
		cmocka_unit_test(programs_with_other_options_are_replaced_and_the_hole_is_told),
		cmocka_unit_test(programs_of_another_build_are_replaced_and_the_hole_is_told),
		cmocka_unit_test(a_folder_that_was_made_by_half_is_made_anew),
		cmocka_unit_test(a_run_without_pins_in_between_has_its_rows_once),
		cmocka_unit_test(another_database_gets_what_is_in_the_ring),
		cmocka_unit_test(a_second_collector_of_the_same_folder_is_refused),
		cmocka_unit_test(a_folder_that_cannot_hold_programs_is_refused),
		cmocka_unit_test(removing_the_folder_ends_the_programs),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, pins_mounted, pins_done);
}
