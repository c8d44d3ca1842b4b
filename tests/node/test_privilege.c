/* What the collector may do once it is ready, and that it records all the same: started as root,
 * and by a user who has two capabilities and no more. */
#include "node.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "parts.h"
#include "program.h"
#include "schema/db.h"

#define NOBODY 65534
#define N      50L

static int fresh(void **state)
{
	*state = node_new();
	return 0;
}

static int done(void **state)
{
	node_free(*state);
	return 0;
}

static bool told(const struct node *n, const char *sentence)
{
	char *words = file_text(n->err_path);
	bool found = strstr(words, sentence);

	free(words);
	return found;
}

static char *status_of(const struct node *n)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)n->pid);
	return file_text(path);
}

static void assert_status(const struct node *n, const char *const lines[])
{
	char *status = status_of(n);

	for (int i = 0; lines[i]; i++)
		if (!strstr(status, lines[i]))
			fail_msg("no line \"%s\" in\n%s", lines[i] + 1, status);
	free(status);
}

static const char *const nothing_left[] = {
	"\nCapInh:\t0000000000000000\n",
	"\nCapPrm:\t0000000000000000\n",
	"\nCapEff:\t0000000000000000\n",
	"\nCapAmb:\t0000000000000000\n",
	"\nNoNewPrivs:\t1\n",
	"\nSeccomp:\t2\n",
	NULL,
};
static const char *const nobody[] = {
	"\nUid:\t65534\t65534\t65534\t65534\n",
	"\nGid:\t65534\t65534\t65534\t65534\n",
	"\nGroups:\t \n",
	NULL,
};
static const char *const empty_bounding_set[] = {"\nCapBnd:\t0000000000000000\n", NULL};

static void connect_some(struct node *n)
{
	long netns = (long)node_stage(n);

	connect_often(N);
	n->stages[n->n_stages - 1].n_rows = 2 * N;
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * N);
	/* With the owner, who is another user than the collector. */
	assert_int_equal(
		node_number(n,
			    "SELECT count(*) FROM connections"
			    " WHERE netns = ?1 AND uid = 0 AND comm IN ('client', 'server')",
			    netns),
		2 * N);
}

static void root_becomes_another_without_any_capability_and_records(void **state)
{
	struct node *n = *state;
	struct stat st;
	char path[128];

	must(chown(n->folder, NOBODY, NOBODY) == 0);
	node_start(n, (const char *const[]){"--user", "nobody", "--flush", "100ms", "--refresh",
					    "1s", NULL});
	assert_status(n, nothing_left);
	assert_status(n, nobody);
	assert_status(n, empty_bounding_set);
	connect_some(n);
	sleep(2); /* it has looked at what is open, without any capability */
	connect_some(n);
	for (int i = 0; i < 3; i++) {
		static const char *const endings[] = {"", "-wal", "-shm"};

		snprintf(path, sizeof(path), "%s%s", n->db_path, endings[i]);
		must(stat(path, &st) == 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		assert_int_equal(st.st_uid, NOBODY);
	}
	the_collector_ends_and_its_account_equals_the_rows(state);
	assert_false(told(n, "known for now")); /* what is open */
}

static void root_that_stays_root_has_no_capability_either(void **state)
{
	struct node *n = *state;

	node_start(n, (const char *const[]){"--user", "root", "--flush", "100ms", NULL});
	assert_status(n, nothing_left);
	assert_status(n, empty_bounding_set);
	connect_some(n);
	the_collector_ends_and_its_account_equals_the_rows(state);
}

static void a_user_with_two_capabilities_records(void **state)
{
	struct node *n = *state;
	char copy[128], command[256];
	const char *const argv[] = {"setpriv",
				    "--reuid=65534",
				    "--regid=65534",
				    "--clear-groups",
				    "--inh-caps=-all,+bpf,+perfmon",
				    "--ambient-caps=-all,+bpf,+perfmon",
				    "--bounding-set=-all,+bpf,+perfmon",
				    copy,
				    "--accept=lazy",
				    "--flush",
				    "100ms",
				    "--refresh",
				    "1s",
				    "--db",
				    n->db_path,
				    NULL};

	snprintf(copy, sizeof(copy), "%s/connmon-collect", n->folder);
	snprintf(command, sizeof(command), "cp %s %s", COLLECT, copy);
	run(command);
	must(chown(n->folder, NOBODY, NOBODY) == 0);
	n->pid = program_start(argv, n->out_path, n->err_path);
	for (int i = 0; i < 6000 && !told(n, "connmon-collect: ready"); i++)
		usleep(10000);
	assert_status(n, nothing_left);
	assert_status(n, nobody);
	connect_some(n);
	sleep(2);
	connect_some(n);
	the_collector_ends_and_its_account_equals_the_rows(state);
}

static void a_user_that_does_not_exist_is_told_before_anything_is_made(void **state)
{
	struct node *n = *state;
	struct finished f = program_run((const char *const[]){COLLECT, "--user", "connmon-no-one",
							      "--db", n->db_path, NULL},
					0);

	assert_int_equal(f.code, 1);
	assert_non_null(strstr(f.err, "there is no such user"));
	assert_int_equal(access(n->db_path, F_OK), -1);
}

/* Asks as a user who has no right but that of the group. */
static struct finished ask_as_member(const char *program, const char *one, const char *two,
				     const char *three, const char *four)
{
	return program_run((const char *const[]){"setpriv", "--reuid=12345", "--regid=12345",
						 "--groups=65534", "--inh-caps=-all", program, one,
						 two, three, four, NULL},
			   0);
}

static void assert_members_read(struct node *n)
{
	char copy[128], want[32];
	struct finished f;

	snprintf(want, sizeof(want), "%ld\n",
		 node_number(n, "SELECT count(*) FROM connections WHERE ended_at NOT NULL", 0));
	f = ask_as_member("sqlite3", "-readonly", n->db_path,
			  "SELECT count(*) FROM connections WHERE ended_at NOT NULL", NULL);
	assert_string_equal(f.err, "");
	assert_string_equal(f.out, want);
	snprintf(copy, sizeof(copy), "%s/connmon-query", n->folder);
	f = ask_as_member(copy, "--db", n->db_path, "sql",
			  "SELECT count(*) AS n FROM connections WHERE ended_at NOT NULL");
	assert_int_equal(f.code, 0);
	want[strcspn(want, "\n")] = '\0';
	assert_non_null(strstr(f.out, want));
	/* And strangers do not. */
	f = program_run((const char *const[]){"sqlite3", "-readonly", n->db_path,
					      "SELECT count(*) FROM connections", NULL},
			12345);
	assert_int_not_equal(f.code, 0);
}

static void members_of_the_group_read_while_it_runs_and_after_it_ended(void **state)
{
	struct node *n = *state;
	char command[256];
	long recorded, lost;

	snprintf(command, sizeof(command), "cp %s %s/", QUERY, n->folder);
	run(command);
	must(chown(n->folder, NOBODY, NOBODY) == 0);
	node_start(n, (const char *const[]){"--user", "nobody", "--flush", "100ms", NULL});
	connect_some(n);
	db_close(n->db); /* as root this would hide what the others may */
	n->db = NULL;
	node_fence(n);
	assert_members_read(n);
	db_close(n->db);
	n->db = NULL;
	node_stop(n, &recorded, &lost);
	assert_members_read(n);
	node_start(n, (const char *const[]){"--user", "nobody", "--flush", "100ms", NULL});
	node_crash(n);
	assert_members_read(n);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		TEST(root_becomes_another_without_any_capability_and_records),
		TEST(root_that_stays_root_has_no_capability_either),
		TEST(a_user_with_two_capabilities_records),
		TEST(a_user_that_does_not_exist_is_told_before_anything_is_made),
		TEST(members_of_the_group_read_while_it_runs_and_after_it_ended),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
