/* Starting in a place where it cannot work: one sentence on standard error that
 * says what to do, the exit code of the contract, and nothing touched. */
#include "node.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "program.h"

#define FAILED 1
#define USAGE  2
#define BUSY   75 /* EX_TEMPFAIL */
#define CROWD  100
#define NOBODY 65534

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

/* It ended with @code and one line of its own that holds @words. */
static void assert_sentence(const struct finished *f, int code, const char *words)
{
	const char *end = strchr(f->err, '\n');

	if (f->code != code || strncmp(f->err, "connmon-collect: ", 17) || !end || end[1] ||
	    !strstr(f->err, words))
		fail_msg("exit code %d (should be %d), standard error (should be one line with"
			 " \"%s\"):\n%s",
			 f->code, code, words, f->err);
	assert_string_equal(f->out, "");
}

static struct finished collect(struct node *n, uid_t uid, const char *option, const char *value)
{
	/* --duration ends it where the test is wrong and it does start. */
	const char *const argv[] = {COLLECT, "--db", n->db_path, "--duration",
				    "5s",    option, value,	 NULL};

	return program_run(argv, uid);
}

/* Where everybody may run it: the source folder may be in somebody's private home.
 * Valid until @n is freed. */
static const char *copied_program(struct node *n)
{
	char command[256];

	snprintf(n->out_path, sizeof(n->out_path), "%s/connmon-collect", n->folder);
	snprintf(command, sizeof(command), "cp %s %s", COLLECT, n->out_path);
	run(command);
	return n->out_path;
}

static void make_database(struct node *n, const char *sql)
{
	const char *const argv[] = {"sqlite3", n->db_path, sql, NULL};

	must(program_run(argv, 0).code == 0);
}

/* Runs with the file that is at db_path; afterwards it is the same, byte by byte,
 * and nothing stands beside it. */
static void assert_refuses_file(struct node *n, const char *words)
{
	char command[256];
	struct finished f;

	snprintf(command, sizeof(command), "cp -p %s %s.before", n->db_path, n->db_path);
	run(command);
	f = collect(n, 0, NULL, NULL);
	assert_sentence(&f, FAILED, words);
	assert_true(strstr(f.err, n->db_path));
	snprintf(command, sizeof(command), "cmp %s %s.before", n->db_path, n->db_path);
	run(command);
	snprintf(command, sizeof(command), "test ! -e %s-wal", n->db_path);
	run(command);
}

static void a_folder_as_database_is_refused(void **state)
{
	struct node *n = *state;
	struct finished f;

	must(mkdir(n->db_path, 0755) == 0);
	f = collect(n, 0, NULL, NULL);
	assert_sentence(&f, FAILED, "is a directory");
}

static void a_folder_that_does_not_exist_is_named(void **state)
{
	struct node *n = *state;
	struct finished f;

	snprintf(n->db_path, sizeof(n->db_path), "%s/nowhere/connmon.db", n->folder);
	f = collect(n, 0, NULL, NULL);
	assert_sentence(&f, FAILED, "folder does not exist");
}

static void a_text_file_as_database_is_refused_and_kept(void **state)
{
	struct node *n = *state;
	FILE *f = fopen(n->db_path, "we");

	must(f && fputs("This is a letter to my grandmother, not a database.\n", f) >= 0);
	must(fclose(f) == 0);
	assert_refuses_file(n, "not a SQLite database");
}

static void another_application_s_database_is_refused_and_kept(void **state)
{
	make_database(*state, "CREATE TABLE recipe(name TEXT)");
	assert_refuses_file(*state, "another application");
}

static void a_newer_schema_is_refused_and_kept(void **state)
{
	make_database(*state, "PRAGMA application_id=0x434e4d4e; PRAGMA user_version=999;"
			      "CREATE TABLE future(x)");
	assert_refuses_file(*state, "newer");
}

static void a_user_without_the_capabilities_is_told_so(void **state)
{
	struct node *n = *state;
	struct finished f;

	must(chown(n->folder, NOBODY, NOBODY) == 0);
	f = program_run((const char *const[]){copied_program(n), "--db", n->db_path, "--duration",
					      "5s", NULL},
			NOBODY);
	assert_sentence(&f, FAILED, "root");
	assert_true(strstr(f.err, "CAP_BPF"));
	/* No run is written down that there was not. */
	f = program_run((const char *const[]){"sqlite3", n->db_path,
					      "SELECT count(*) FROM sqlite_schema", NULL},
			0);
	assert_string_equal(f.out, "0\n");
}

static void a_folder_that_may_not_be_written_is_refused(void **state)
{
	struct node *n = *state;
	/* CAP_BPF and CAP_PERFMON suffice for the kernel's side, not for the folder. */
	const char *const argv[] = {"setpriv",
				    "--reuid=65534",
				    "--clear-groups",
				    "--inh-caps=+bpf,+perfmon",
				    "--ambient-caps=+bpf,+perfmon",
				    copied_program(n),
				    "--db",
				    n->db_path,
				    "--duration",
				    "5s",
				    NULL};
	struct finished f = program_run(argv, 0);

	assert_sentence(&f, FAILED, "permission");
	assert_int_equal(access(n->db_path, F_OK), -1);
}

static void an_unknown_option_is_a_usage_error(void **state)
{
	struct finished f = collect(*state, 0, "--frobnicate", NULL);

	assert_int_equal(f.code, USAGE);
	assert_true(strstr(f.err, "--frobnicate"));
	assert_true(strstr(f.err, "--help"));
	assert_string_equal(f.out, "");
}

static void a_value_that_makes_no_sense_is_a_usage_error(void **state)
{
	static const char *const bad[][2] = {
		{"--flush", "soon"}, {"--flush", "-1s"},  {"--flush", ""},
		{"--ring", "big"},   {"--ring", "-16M"},  {"--ring", "99999999999999G"},
		{"--duration", "x"}, {"--hook", "magic"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct finished f = collect(*state, 0, bad[i][0], bad[i][1]);

		if (f.code != USAGE || !strstr(f.err, bad[i][0]))
			fail_msg("%s '%s': exit code %d\n%s", bad[i][0], bad[i][1], f.code, f.err);
		assert_string_equal(f.out, "");
	}
}

static void an_argument_that_is_no_option_is_a_usage_error(void **state)
{
	assert_int_equal(collect(*state, 0, "extra", NULL).code, USAGE);
}

static void a_second_collector_on_the_same_database_names_the_first(void **state)
{
	struct node *n = *state;
	long recorded, lost;
	struct finished f;
	char pid[16];

	node_start(n, (const char *const[]){NULL});
	f = collect(n, 0, NULL, NULL);
	snprintf(pid, sizeof(pid), "%d", n->pid);
	assert_sentence(&f, BUSY, pid);
	/* The first is not disturbed. */
	node_fence(n);
	node_stop(n, &recorded, &lost);
	assert_int_equal(node_number(n, "SELECT count(*) FROM run", 0), 1);
}

/* The number of the one that is left when all others have ended; their exit code must be BUSY. */
static int last_of(pid_t pids[], int n)
{
	int left = n, last = 0;

	for (int i = 0; i < 6000 && left > 1; i++, usleep(10000))
		for (int k = 0; k < n; k++) {
			int status;

			if (pids[k] == 0 || waitpid(pids[k], &status, WNOHANG) != pids[k])
				continue;
			if (!WIFEXITED(status) || WEXITSTATUS(status) != BUSY)
				fail_msg("status %#x, not exit code %d", (unsigned int)status,
					 BUSY);
			pids[k] = 0;
			left--;
		}
	while (last < n - 1 && pids[last] == 0)
		last++;
	if (left != 1 || pids[last] == 0)
		fail_msg("%d collectors go on", left);
	return last;
}

/* @n at once: one records, the others end and name it. */
static void start_a_crowd(struct node *n, int count)
{
	const char *const argv[] = {COLLECT, "--db", n->db_path, NULL};
	char path[96], pid[32], *words;
	pid_t pids[CROWD];
	int last;

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/err-%d", n->folder, i);
		pids[i] = program_start(argv, n->out_path, path);
	}
	last = last_of(pids, count);
	snprintf(pid, sizeof(pid), "pid %d,", pids[last]);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/err-%d", n->folder, i);
		words = file_text(path);
		if (i != last && !strstr(words, pid))
			fail_msg("it should name %s\n%s", pid, words);
		for (int k = 0; i == last && k < 6000 && !strstr(words, "ready"); k++) {
			usleep(10000);
			free(words);
			words = file_text(path);
		}
		free(words);
	}
	must(kill(pids[last], SIGTERM) == 0);
	assert_int_equal(program_wait(pids[last], 60), 0);
	assert_int_equal(node_number(n, "SELECT count(*) FROM run WHERE stop_us > 0", 0), 1);
}

static void of_two_that_start_at_once_one_records_and_the_other_names_it(void **state)
{
	start_a_crowd(*state, 2);
}

static void of_a_hundred_that_start_at_once_one_records_and_the_others_name_it(void **state)
{
	start_a_crowd(*state, CROWD);
}

static void a_collector_that_was_killed_locks_nobody_out(void **state)
{
	struct node *n = *state;
	long recorded, lost;

	node_start(n, (const char *const[]){NULL});
	node_crash(n);
	node_start(n, (const char *const[]){NULL});
	node_stop(n, &recorded, &lost);
}

static void it_ends_by_itself_after_its_duration(void **state)
{
	struct node *n = *state;
	const char *const argv[] = {COLLECT, "--db", n->db_path, "--duration", "1s", NULL};
	struct finished f = program_run(argv, 0);

	assert_int_equal(f.code, 0);
	assert_true(strstr(f.err, "connmon-collect: ready"));
	assert_true(strstr(f.err, "recorded "));
	assert_int_equal(node_number(n, "SELECT count(*) FROM run WHERE stop_us IS NOT NULL", 0),
			 1);
}

static void a_kernel_without_btf_is_named(void **state)
{
	struct node *n = *state;
	const char *const argv[] = {"unshare",
				    "--mount",
				    "sh",
				    "-c",
				    "mount -t tmpfs none /sys/kernel/btf &&"
				    " exec \"$0\" --db \"$1\" --duration 5s",
				    COLLECT,
				    n->db_path,
				    NULL};
	struct finished f = program_run(argv, 0);

	assert_sentence(&f, FAILED, "this kernel has no BTF");
}

int main(void)
{
#define OF_ITS_OWN(test) cmocka_unit_test_setup_teardown(test, fresh, done)
	const struct CMUnitTest tests[] = {
		OF_ITS_OWN(a_kernel_without_btf_is_named),
		OF_ITS_OWN(a_folder_as_database_is_refused),
		OF_ITS_OWN(a_folder_that_does_not_exist_is_named),
		OF_ITS_OWN(a_text_file_as_database_is_refused_and_kept),
		OF_ITS_OWN(another_application_s_database_is_refused_and_kept),
		OF_ITS_OWN(a_newer_schema_is_refused_and_kept),
		OF_ITS_OWN(a_user_without_the_capabilities_is_told_so),
		OF_ITS_OWN(a_folder_that_may_not_be_written_is_refused),
		OF_ITS_OWN(an_unknown_option_is_a_usage_error),
		OF_ITS_OWN(a_value_that_makes_no_sense_is_a_usage_error),
		OF_ITS_OWN(an_argument_that_is_no_option_is_a_usage_error),
		OF_ITS_OWN(a_second_collector_on_the_same_database_names_the_first),
		OF_ITS_OWN(of_two_that_start_at_once_one_records_and_the_other_names_it),
		OF_ITS_OWN(of_a_hundred_that_start_at_once_one_records_and_the_others_name_it),
		OF_ITS_OWN(a_collector_that_was_killed_locks_nobody_out),
		OF_ITS_OWN(it_ends_by_itself_after_its_duration),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
