#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "program.h"
#include "sockets.h"
#include "schema/db.h"

#define PATIENCE_S  60
#define MAX_OPTIONS 24

int node_missing(void)
{
	if (geteuid() != 0) {
		puts("SKIP: needs root");
		return 77;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
		puts("SKIP: this kernel offers no BTF (/sys/kernel/btf/vmlinux)");
		return 77;
	}
	return 0;
}

struct node *node_new(void)
{
	struct node *n = calloc(1, sizeof(*n));

	must(n);
	snprintf(n->folder, sizeof(n->folder), "/tmp/connmon-node-XXXXXX");
	must(mkdtemp(n->folder));
	must(chmod(n->folder, 0755) == 0);
	snprintf(n->db_path, sizeof(n->db_path), "%s/connmon.db", n->folder);
	snprintf(n->out_path, sizeof(n->out_path), "%s/out", n->folder);
	snprintf(n->err_path, sizeof(n->err_path), "%s/err", n->folder);

	n->home = stage_here();
	for (int i = 0; i < NODE_STAGES; i++) {
		n->stages[i].fd = stage_new();
		n->stages[i].netns = stage_number(n->stages[i].fd);
	}
	n->n_stages = 1;
	return n;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

void node_free(struct node *n)
{
	if (!n)
		return;
	if (n->pid)
		node_crash(n);
	db_close(n->db);
	nftw(n->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	for (int i = 0; i < NODE_STAGES; i++)
		close(n->stages[i].fd);
	stage_enter(n->home);
	close(n->home);
	free(n);
}

static bool says(const char *path, const char *words)
{
	char *text = file_text(path);
	bool found = strstr(text, words);

	free(text);
	return found;
}

/* Adds the words of CONNMON_NODE_OPTIONS, which stay valid: so the same tests run
 * under "--hook kprobe", say. */
static int add_variant(const char **argv, int argc, int max)
{
	static char words[256];
	const char *variant = getenv("CONNMON_NODE_OPTIONS");
	char *rest = words;

	must(snprintf(words, sizeof(words), "%s", variant ? variant : "") < (int)sizeof(words));
	for (char *word; (word = strsep(&rest, " "));)
		if (*word) {
			must(argc < max);
			argv[argc++] = word;
		}
	return argc;
}

void node_start(struct node *n, const char *const options[])
{
	/* The same rows on every kernel; a test that wants it otherwise says so later. */
	const char *argv[MAX_OPTIONS + 4] = {COLLECT, "--accept=lazy"};
	bool without_db = false;
	int argc = 2;
	int here;

	for (int i = 0; options[i]; i++) {
		must(argc <= MAX_OPTIONS);
		argv[argc++] = options[i];
		without_db |= !strcmp(options[i], "--no-db");
	}
	argc = add_variant(argv, argc, MAX_OPTIONS + 1);
	if (!without_db) {
		argv[argc++] = "--db";
		argv[argc++] = n->db_path;
	}
	here = stage_here();
	stage_enter(n->home);
	n->pid = program_start(argv, n->out_path, n->err_path);
	stage_enter(here);
	close(here);

	for (int i = 0; i < PATIENCE_S * 100; i++) {
		if (says(n->err_path, "connmon-collect: ready"))
			return;
		if (waitpid(n->pid, NULL, WNOHANG) == n->pid) {
			n->pid = 0;
			break;
		}
		usleep(10000);
	}
	fail_msg("the collector did not become ready; it says:\n%s", file_text(n->err_path));
}

void node_stop(struct node *n, long *recorded, long *lost)
{
	char *words;
	const char *account;
	int code;

	must(kill(n->pid, SIGTERM) == 0);
	code = program_wait(n->pid, PATIENCE_S);
	n->pid = 0;
	words = file_text(n->err_path);
	account = strstr(words, "recorded ");
	if (code != 0 || !account || sscanf(account, "recorded %ld, lost %ld", recorded, lost) != 2)
		fail_msg("exit code %d, standard error:\n%s", code, words);
	free(words);
}

void node_crash(struct node *n)
{
	actor_kill(n->pid);
	n->pid = 0;
}

const struct stage *node_spare_stage(struct node *n)
{
	must(n->n_stages < NODE_STAGES);
	return &n->stages[n->n_stages++];
}

ino_t node_stage(struct node *n)
{
	const struct stage *stage = node_spare_stage(n);

	stage_enter(stage->fd);
	return stage->netns;
}

sqlite3_stmt *node_ask(struct node *n, const char *sql, long arg)
{
	sqlite3_stmt *stmt = NULL;
	struct err err;

	if (!n->db && db_open_reader(n->db_path, &n->db, &err))
		fail_msg("%s", err.msg);
	if (db_prepare(n->db, sql, &stmt, &err))
		fail_msg("%s: %s", sql, err.msg);
	sqlite3_bind_int64(stmt, 1, arg); /* fails, rightly, where the SQL has no ?1 */
	return stmt;
}

long node_number(struct node *n, const char *sql, long arg)
{
	AUTO_STMT *stmt = node_ask(n, sql, arg);
	int rc = sqlite3_step(stmt);

	if (rc != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(n->db));
	return sqlite3_column_int64(stmt, 0);
}

char *node_text(struct node *n, const char *sql, long arg)
{
	AUTO_STMT *stmt = node_ask(n, sql, arg);
	int rc = sqlite3_step(stmt);
	const unsigned char *text;
	char *copy;

	if (rc != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(n->db));
	text = sqlite3_column_text(stmt, 0);
	copy = strdup(text ? (const char *)text : "");
	must(copy);
	return copy;
}

bool node_reaches(struct node *n, const char *sql, long arg, long least)
{
	for (int i = 0; i < PATIENCE_S * 50; i++) {
		if (node_number(n, sql, arg) >= least)
			return true;
		usleep(20000);
	}
	return false;
}

void node_expect_number(struct node *n, const char *sql, long arg, long want)
{
	for (int i = 0; i < PATIENCE_S * 50 && node_number(n, sql, arg) != want; i++)
		usleep(20000);
	if (node_number(n, sql, arg) != want)
		fail_msg("%s: is %ld, should be %ld", sql, node_number(n, sql, arg), want);
}

static void connect_in_fence(struct node *n)
{
	int here = stage_here();
	int fd;

	stage_enter(n->stages[0].fd);
	fd = open_socket("127.0.0.1");
	must(try_connect(fd, "127.0.0.1", 1) == ECONNREFUSED);
	close(fd);
	stage_enter(here);
	close(here);
}

/* The kernel's ring keeps the order of events over all processors. So once a
 * connection made now has arrived, every earlier end has, too. */
void node_fence(struct node *n)
{
	connect_in_fence(n);
	n->stages[0].n_rows++;
	if (!node_reaches(n, NODE_ENDED_ROWS, (long)n->stages[0].netns, n->stages[0].n_rows))
		fail_msg("a connection was not in the database within %d s", PATIENCE_S);
}

void node_fence_after_loss(struct node *n)
{
	long before = n->stages[0].n_rows;

	for (int i = 0; i < PATIENCE_S * 10; i++) {
		connect_in_fence(n);
		usleep(100000);
		n->stages[0].n_rows = node_number(n, NODE_ENDED_ROWS, (long)n->stages[0].netns);
		if (n->stages[0].n_rows > before)
			return;
	}
	fail_msg("no connection was in the database within %d s", PATIENCE_S);
}

int node_setup(void **state)
{
	struct node *n = node_new();

	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	*state = n;
	return 0;
}

int node_teardown(void **state)
{
	node_free(*state);
	return 0;
}

void assert_account_balanced(struct node *n)
{
	long rows;

	assert_int_equal(node_number(n, "SELECT count(*) FROM account", 0),
			 8 * node_number(n, "SELECT count(*) FROM run", 0));
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM account"
				     " WHERE seen <> recorded + lost + filtered",
				     0),
			 0);
	/* Those marked as lost are mostly rows without an end, but not where the socket was found
	 * gone; others on this machine may go on. */
	rows = node_number(n,
			   "SELECT count(*) FROM connections WHERE outcome <> 'lost'"
			   " AND ended_at IS NOT NULL",
			   0);
	assert_in_range(node_number(n, "SELECT sum(recorded) FROM account WHERE record = 'end'", 0),
			rows,
			rows + node_number(n, "SELECT count(*) FROM connection WHERE outcome = 8",
					   0));
}

void the_collector_ends_and_its_account_equals_the_rows(void **state)
{
	struct node *n = *state;
	long recorded, lost;

	node_stop(n, &recorded, &lost);
	assert_int_equal(lost, node_number(n, NODE_MISSED, 0));
	assert_int_equal(recorded, node_number(n, "SELECT count(*) FROM connection", 0));
	assert_int_equal(node_number(n, NODE_OTHER_GAPS, 0), 0);
	assert_account_balanced(n);
	for (int i = 0; i < n->n_stages; i++) {
		long netns = (long)n->stages[i].netns;

		assert_int_equal(node_number(n, NODE_ENDED_ROWS, netns), n->stages[i].n_rows);
		assert_int_equal(
			node_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1",
				    netns),
			0);
	}
}
