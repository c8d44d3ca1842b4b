/* The prompt, on a terminal of its own. */
#include "unit.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "prompt_words.h"
#include "tempdb.h"

#define PATIENCE_MS 30000 /* a machine may be busy; nothing is measured */

struct terminal {
	struct tempdb *temp;
	pid_t pid;
	int fd;
	char seen[65536]; /* since the last line that was typed */
	size_t used;
};

static int run_prompt(struct tempdb *temp)
{
	char *argv[] = {"connmon-query", "sql", "--db", temp->path, "--format", "csv", NULL};
	struct request *q = calloc(1, sizeof(*q));
	struct err err = {0};
	int ret = 3;

	setenv("TERM", "dumb", 1);
	setenv("CONNMON_PAGER", "", 1);
	setenv("XDG_STATE_HOME", temp->folder, 1);
	if (q && !request_init(q, commands, &err) && !request_read(q, 6, argv, 0, &err))
		ret = command_sql(q, &err);
	if (ret)
		fprintf(stderr, "%s\n", err.msg);
	free(q);
	return ret ? 1 : 0;
}

static int start(void **state)
{
	struct terminal *t = calloc(1, sizeof(*t));
	sqlite3 *db = NULL;
	struct err err = {0};

	assert_non_null(t);
	tempdb_setup((void **)&t->temp);
	assert_int_equal(db_open_writer(t->temp->path, false, &db, &err), 0);
	tempdb_run(
		db,
		"INSERT INTO gap(id, from_us, to_us, reason, count) VALUES (1, 2, 3, 'stopped', 77)");
	db_close(db);
	t->pid = forkpty(&t->fd, NULL, NULL, NULL);
	assert_true(t->pid >= 0);
	if (t->pid == 0)
		_exit(run_prompt(t->temp));
	*state = t;
	return 0;
}

static int stop(void **state)
{
	struct terminal *t = *state;
	char path[128];

	close(t->fd);
	if (t->pid) {
		kill(t->pid, SIGKILL);
		waitpid(t->pid, NULL, 0);
	}
	snprintf(path, sizeof(path), "%s/connmon/history", t->temp->folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/connmon", t->temp->folder);
	rmdir(path);
	tempdb_teardown((void **)&t->temp);
	free(t);
	return 0;
}

/* False at the end of the program, or after @ms of silence. */
static bool read_some(struct terminal *t, int ms)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return false;
	n = read(t->fd, t->seen + t->used, sizeof(t->seen) - 1 - t->used);
	if (n <= 0)
		return false;
	t->used += (size_t)n;
	t->seen[t->used] = '\0';
	return true;
}

static void expect(struct terminal *t, const char *text)
{
	while (!strstr(t->seen, text))
		if (!read_some(t, PATIENCE_MS))
			fail_msg("no \"%s\" in \"%s\"", text, t->seen);
}

static void type(struct terminal *t, const char *text)
{
	t->used = 0;
	t->seen[0] = '\0';
	assert_int_equal(write(t->fd, text, strlen(text)), strlen(text));
}

static int end_of(struct terminal *t)
{
	int status;

	while (read_some(t, PATIENCE_MS)) {
	}
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	t->pid = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The prompt is shown before the line is edited: in between the terminal itself takes a Ctrl-D,
 * and nobody hears of it. So it is typed until it is heard. */
static int end_by_ctrl_d(struct terminal *t)
{
	int status;

	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		if (waitpid(t->pid, &status, WNOHANG) == t->pid) {
			t->pid = 0;
			assert_true(WIFEXITED(status));
			return WEXITSTATUS(status);
		}
		usleep(10000);
		t->used = 0;
		if (write(t->fd, "\004", 1) == 1)
			read_some(t, 1);
	}
	fail_msg("Ctrl-D does not end it");
	return -1;
}

static void statements_are_answered_until_one_leaves(void **state)
{
	struct terminal *t = *state;

	expect(t, "connmon> ");
	type(t, "SELECT count,\n");
	expect(t, "...> ");
	type(t, "reason || 'é' AS r FROM gap;\n");
	expect(t, "77,stoppedé\r\n");
	expect(t, "connmon> ");
	type(t, ".exit\n");
	assert_int_equal(end_of(t), 0);
}

static void an_error_does_not_end_it(void **state)
{
	struct terminal *t = *state;

	expect(t, "connmon> ");
	type(t, "SELEC 1;\n");
	expect(t, "syntax error");
	expect(t, "connmon> ");
	type(t, "DELETE FROM gap;\n");
	expect(t, "read-only");
	expect(t, "connmon> ");
	type(t, ".formt csv\n");
	expect(t, "did you mean \".format\"?");
	expect(t, "connmon> ");
	type(t, ".format jsonl\n");
	expect(t, "connmon> ");
	type(t, "SELECT 'a;b' AS x;\n");
	expect(t, "{\"x\": \"a;b\"}");
	expect(t, "connmon> ");
	type(t, "help\n");
	expect(t, "Ctrl-C ends a statement");
	expect(t, "connmon> ");
	type(t, ".schema gap\n");
	expect(t, "where the history has holes");
	expect(t, "connmon> ");
	type(t, ".quit\n");
	assert_int_equal(end_of(t), 0);
}

static void tables_are_listed_and_ctrl_d_leaves(void **state)
{
	struct terminal *t = *state;

	expect(t, "connmon> ");
	type(t, ".tables\n");
	expect(t, "open_connections,view");
	expect(t, "hourly_program,table");
	expect(t, "connmon> ");
	type(t, ".format\n");
	expect(t, "write .format NAME");
	expect(t, "connmon> ");
	assert_int_equal(end_by_ctrl_d(t), 0);
}

static void ctrl_c_ends_the_line_or_the_statement(void **state)
{
	struct terminal *t = *state;

	expect(t, "connmon> ");
	type(t, "SELECT 'never;\n");
	expect(t, "...> ");
	type(t, "\003");
	expect(t, "connmon> ");
	/* A terminal forgets at a Ctrl-C what was typed ahead and what it has not shown yet, so
	 * that one that comes too soon ends nothing. */
	for (int i = 0; i < 30 && !strstr(t->seen, "interrupted"); i++) {
		type(t, "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x FROM n)"
			" SELECT x FROM n WHERE x < 0;\n");
		while (read_some(t, 500)) {
		}
		assert_int_equal(write(t->fd, "\003", 1), 1);
		while (read_some(t, 500)) {
		}
	}
	expect(t, "interrupted");
	expect(t, "connmon> ");
	type(t, "SELECT count + 1 FROM gap;\n");
	expect(t, "78\r\n");
	type(t, "exit;\n");
	assert_int_equal(end_of(t), 0);
}

#ifdef WITH_EDITLINE /* without it there is neither of these two */
static void tab_completes_functions_tables_and_columns(void **state)
{
	struct terminal *t = *state;

	expect(t, "connmon> ");
	type(t, "SELECT human_by\t");
	expect(t, "human_bytes");
	type(t, "\025SELECT 1 FROM hourly_prog\t");
	expect(t, "hourly_program");
	type(t, "\025SELECT accept_wa\t");
	expect(t, "accept_wait_us");
	type(t, "\025.quit\n");
	assert_int_equal(end_of(t), 0);
}

static void what_was_asked_can_be_asked_again_also_in_the_next_prompt(void **state)
{
	struct terminal *t = *state;
	char path[128], line[128] = "";
	FILE *f;

	expect(t, "connmon> ");
	type(t, "SELECT count + 23 FROM gap;\n");
	expect(t, "100\r\n");
	expect(t, "connmon> ");
	type(t, "\020\n"); /* the one before */
	expect(t, "100\r\n");
	expect(t, "connmon> ");
	type(t, ".quit\n");
	assert_int_equal(end_of(t), 0);
	snprintf(path, sizeof(path), "%s/connmon/history", t->temp->folder);
	f = fopen(path, "r");
	assert_non_null(f);
	while (!strstr(line, "count") && fgets(line, sizeof(line), f)) {
	}
	fclose(f);
	assert_non_null(strstr(line, "count"));
}
#endif

/* Names of SQL are the same in small and in capital letters. */
static void a_word_is_completed_once_however_it_is_written(void **state)
{
	static const char *const dots[] = {".quit", ".QUIT", NULL};
	struct terminal *t = *state;
	char *argv[] = {"connmon-query", "sql", "--db", t->temp->path, NULL};
	struct request *q = calloc(1, sizeof(*q));
	char **words = NULL;
	sqlite3 *db = NULL;
	struct err err = {0};
	int n = 0, comms = 0;

	assert_non_null(q);
	assert_int_equal(db_open_writer(t->temp->path, false, &db, &err), 0);
	tempdb_run(db, "CREATE TABLE Mine (COMM TEXT, Comm_ TEXT); CREATE TABLE other (mine TEXT)");
	db_close(db);
	assert_int_equal(request_init(q, commands, &err), 0);
	assert_int_equal(request_read(q, 4, argv, 0, &err), 0);
	assert_int_equal(prompt_words(q, dots, &words, &err), 0);
	for (; words[n]; n++) {
		comms += !strcasecmp(words[n], "comm");
		assert_true(n == 0 || strcasecmp(words[n - 1], words[n]) < 0);
	}
	assert_true(n > 100);
	assert_int_equal(comms, 1);
	prompt_words_free(words);
	free(q);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		T(statements_are_answered_until_one_leaves),
		T(an_error_does_not_end_it),
		T(tables_are_listed_and_ctrl_d_leaves),
		T(ctrl_c_ends_the_line_or_the_statement),
		T(a_word_is_completed_once_however_it_is_written),
#ifdef WITH_EDITLINE
		T(tab_completes_functions_tables_and_columns),
		T(what_was_asked_can_be_asked_again_also_in_the_next_prompt),
#endif
	};

	setenv("LC_ALL", "C.UTF-8", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
