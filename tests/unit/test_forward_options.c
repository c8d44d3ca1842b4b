/* The command line of connmon-forward: what is wrong is told, with exit code 2; and what it does
 * where nobody answers. */
#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "options.h"
#include "tempdb.h"

#define MAX_WORDS 12
#define TO	  "--to", "http://somebody:secret@127.0.0.1:8123/"

static struct options got; /* what the last words were read as */

/* Copies of the words, for a password is taken out of them. */
static char copies[MAX_WORDS][128], *argv[MAX_WORDS + 1];

static int copy(const char *const words[])
{
	int argc = 0;

	for (; words[argc]; argc++) {
		snprintf(copies[argc], sizeof(copies[0]), "%s", words[argc]);
		argv[argc] = copies[argc];
	}
	argv[argc] = NULL;
	return argc;
}

/* Reads them in a process of its own, for argp ends it; its exit code, what it said in @text. */
static int read_words(const char *const words[], char text[2048])
{
	int ends[2], status, argc = copy(words);
	ssize_t n, used = 0;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct options o;

		dup2(ends[1], STDERR_FILENO);
		options_parse(argc, argv, &o);
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], text + used, 2047 - (size_t)used)) > 0)
		used += n;
	text[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define ASSERT_WRONG(expected, ...)                                                                \
	assert_wrong((const char *const[MAX_WORDS]){"connmon-forward", __VA_ARGS__, NULL}, expected)

static void assert_wrong(const char *const words[], const char *expected)
{
	char text[2048];
	int code = read_words(words, text);

	if (code != 2 || !strstr(text, expected))
		fail_msg("exit code %d instead of \"%s\": %s", code, expected, text);
}

#define READ(...) read_right((const char *const[MAX_WORDS]){"connmon-forward", __VA_ARGS__, NULL})

/* Some are copies, which live as long as the program. */
static const char *urls[16];
static int n_urls;

static void read_right(const char *const words[])
{
	options_parse(copy(words), argv, &got);
	assert_true(n_urls < 16);
	urls[n_urls++] = got.to;
}

static void what_is_wrong_is_told_by_its_option(void **state)
{
	(void)state;
	unsetenv("CONNMON_FORWARD_TO");
	ASSERT_WRONG("--to is missing; write for example http://host:8123/", "--once");
	ASSERT_WRONG("--every: '0' is no number from 1 to 3600", TO, "--every", "0");
	ASSERT_WRONG("--every: 'soon' is no number", TO, "--every", "soon");
	ASSERT_WRONG("--every: '5x' is no number", TO, "--every", "5x");
	ASSERT_WRONG("--every: ' 5' is no number", TO, "--every", " 5");
	ASSERT_WRONG("--batch: '0' is no number from", TO, "--batch", "0");
	ASSERT_WRONG("--keep: '10001' is no number from 1 to 10000", TO, "--init", "--keep",
		     "10001");
	ASSERT_WRONG("--keep-totals: '-1' is no number", TO, "--init", "--keep-totals=-1");
	ASSERT_WRONG("--node: 'x' is no id of 32 digits", TO, "--node", "x");
	ASSERT_WRONG("--node: '0123456789ABCDEF0123456789abcdef' is no id", TO, "--node",
		     "0123456789ABCDEF0123456789abcdef");
	ASSERT_WRONG("--node-name: 1 to 255 bytes", TO, "--node-name", "");
	ASSERT_WRONG("--metrics: 'x.txt' does not end in .prom", TO, "--metrics", "x.txt");
	ASSERT_WRONG("--metrics: '.prom' does not end in .prom", TO, "--metrics", ".prom");
	ASSERT_WRONG("--cluster and --replicated are for --init", TO, "--cluster", "c");
	ASSERT_WRONG("--cluster and --replicated are for --init", TO, "--replicated");
	ASSERT_WRONG("'word' is not expected; options begin with --", TO, "word");
	ASSERT_WRONG("there is no option --statsu; did you mean --status?", "--statsu");
	ASSERT_WRONG("there is no option --baatch; did you mean --batch?", "--baatch=5");
}

static void what_is_right_is_taken_over(void **state)
{
	(void)state;
	READ(TO, "--node", "0123456789abcdef0123456789abcdef", "--node-name", "n", "--every", "7");
	assert_int_equal(got.task, TASK_SEND);
	assert_string_equal(got.to, "http://somebody:secret@127.0.0.1:8123/");
	assert_string_equal(got.node_id, "0123456789abcdef0123456789abcdef");
	assert_string_equal(got.node_name, "n");
	assert_true(got.is_named);
	assert_int_equal(got.every_ms, 7000);
	assert_string_equal(got.state, OPTIONS_STATE);
	READ(TO, "--init", "--cluster", "c", "--replicated", "--keep", "5", "--keep-totals", "6");
	assert_int_equal(got.task, TASK_INIT);
	assert_string_equal(got.cluster, "c");
	assert_true(got.replicated);
	assert_int_equal(got.keep_days, 5);
	assert_int_equal(got.keep_totals_days, 6);
	READ("--status", "--db", "x.db", "--state", "s");
	assert_int_equal(got.task, TASK_STATUS);
	assert_string_equal(got.db, "x.db");
	assert_string_equal(got.state, "s");
	setenv("CONNMON_FORWARD_TO", "http://h/", 1);
	READ("--init", "--ca", "c.pem", "--metrics", "x.prom", "--batch", "60000", "--once");
	assert_string_equal(got.to, "http://h/");
	assert_string_equal(got.ca, "c.pem");
	assert_string_equal(got.metrics, "x.prom");
	assert_int_equal(got.batch, 60000);
	assert_true(got.once);
	unsetenv("CONNMON_FORWARD_TO");
}

static void user_and_password_are_taken_out_of_the_arguments(void **state)
{
	(void)state;
	READ("--init", TO);
	assert_string_equal(copies[3], "http://***************@127.0.0.1:8123/");
	READ("--init", "--to", "http://h/?x=a@b"); /* no user */
	assert_string_equal(copies[3], "http://h/?x=a@b");
}

/* ---- the program ---- */

static struct tempdb *t;

/* Runs it with @words behind it, in a network where nobody is; its exit code, what it said in
 * @text. */
static int run(const char *words, char text[2048])
{
	char command[1024];
	size_t n;
	FILE *out;
	int status;

	snprintf(command, sizeof(command), "%s --db %s --state %s/state %s 2>&1", FORWARD, t->path,
		 t->folder, words);
	out = popen(command, "r");
	assert_non_null(out);
	n = fread(text, 1, 2047, out);
	text[n] = '\0';
	status = pclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void assert_says(const char *words, int expected, const char *said)
{
	char text[2048];
	int code = run(words, text);

	if (code != expected || !strstr(text, said))
		fail_msg("exit code %d: %s", code, text);
}

static int begin(void **state)
{
	sqlite3 *db;

	db = tempdb_setup_writer(&t);
	sqlite3_close(db);
	*state = t;
	return 0;
}

static int end(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -f %s/state*", t->folder);
	assert_int_equal(system(command), 0);
	return tempdb_teardown(state);
}

#define SEND "--to http://127.0.0.1:8123/ --node 0123456789abcdef0123456789abcdef --once"

static void where_nobody_answers_it_ends_to_be_started_again(void **state)
{
	char text[2048], *last;

	(void)state;
	if (unshare(CLONE_NEWNET) != 0)
		skip(); /* else somebody might answer */
	assert_int_equal(run(SEND, text), 75);
	assert_non_null(strstr(text, "connmon-forward: "));
	text[strlen(text) - 1] = '\0';
	last = strrchr(text, '\n');
	assert_null(strstr(last ? last : text, "trying again")); /* it does not */
	assert_int_equal(run("--to http://127.0.0.1:8123/ --init", text), 75);
	assert_null(strstr(text, "trying again"));
}

static void without_a_state_there_is_no_status(void **state)
{
	char path[128];
	FILE *f;

	(void)state;
	assert_says("--status", 1, "connmon-forward has not sent from here yet");
	snprintf(path, sizeof(path), "%s/state", t->folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("connmon-forward 1\ninstance 0123456789abcdef0123456789abcdef\nrows_sent 12\nend\n",
	      f);
	fclose(f);
	assert_says("--status", 0, "sent          12 connections");
	assert_says("--status", 0, "waiting       0 connections");
	assert_says("--status --db /nowhere/x.db", 1, "/nowhere/x.db: no such file");
	assert_says("--status --db /nowhere/x.db", 1, "sent          12 connections");
}

static void what_it_cannot_begin_with_is_told_by_its_code(void **state)
{
	char path[128];
	int fd;

	(void)state;
	assert_says("--to ftp://h/ --once", 64, "--to: this is no URL of a server");
	assert_says(SEND " --db /nowhere/x.db", 1, "/nowhere/x.db: no such file");
	snprintf(path, sizeof(path), "%s/state.lock", t->folder);
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_says(SEND, 75, "another connmon-forward uses it");
	close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_told_by_its_option),
		cmocka_unit_test(what_is_right_is_taken_over),
		cmocka_unit_test(user_and_password_are_taken_out_of_the_arguments),
		TEST(without_a_state_there_is_no_status),
		TEST(what_it_cannot_begin_with_is_told_by_its_code),
		TEST(where_nobody_answers_it_ends_to_be_started_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
