/* Eight who ask without a pause while connections come as fast as they can: they cost the
 * collector no record, and get their answers. */
#include "node.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define N	20000L
#define READERS 8

static const char *const questions[READERS] = {
	"top-destinations --format json",
	"top-clients --format csv",
	"top-processes --format table",
	"list --limit 0 --format jsonl",
	"list --peer 127.0.0.0/8 --limit 0 --format tsv",
	"failures --format markdown",
	"open --format csv",
	"sql 'SELECT peer_addr, count(*), sum(tx_bytes) FROM connections GROUP BY 1'",
};

struct reader {
	pid_t pid;
	char out[128], err[128];
};

/* Asks again and again until there is a file "stop", a line of its standard output for each
 * answer. Ends with 1 when one is refused. */
static struct reader reader_start(struct node *n, int i)
{
	char command[512];
	const char *const argv[] = {"sh", "-c", command, NULL};
	struct reader r;

	snprintf(command, sizeof(command),
		 "while [ ! -e %s/stop ]; do " QUERY " %s --db %s --quiet > %s/answer%d || exit 1;"
		 " echo answered; done",
		 n->folder, questions[i], n->db_path, n->folder, i);
	snprintf(r.out, sizeof(r.out), "%s/out%d", n->folder, i);
	snprintf(r.err, sizeof(r.err), "%s/err%d", n->folder, i);
	r.pid = program_start(argv, r.out, r.err);
	return r;
}

static void readers_stop(struct node *n)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/stop", n->folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0);
	close(fd);
}

static void assert_answered(struct reader *r, const char *question)
{
	int code = program_wait(r->pid, 60);
	char *answers = file_text(r->out), *words = file_text(r->err);

	if (code != 0 || !strstr(answers, "answered"))
		fail_msg("%s: exit code %d\n%s", question, code, words);
	free(answers);
	free(words);
}

static void eight_readers_cost_a_storm_no_record(void **state)
{
	static const char *const argv[] = {STORM, "--here", "20000", "16", "32", NULL};
	struct node *n = *state;
	struct reader readers[READERS];
	struct finished storm;
	long netns = (long)node_stage(n);
	char *words;

	for (int i = 0; i < READERS; i++)
		readers[i] = reader_start(n, i);
	storm = program_run(argv, 0);
	readers_stop(n);
	for (int i = 0; i < READERS; i++)
		assert_answered(&readers[i], questions[i]);
	if (storm.code != 0)
		fail_msg("the storm: exit code %d\n%s", storm.code, storm.err);
	n->stages[n->n_stages - 1].n_rows = 2 * N;
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * N);
	assert_int_equal(node_number(n, NODE_OTHER_GAPS, 0), 0);
	words = file_text(n->err_path);
	if (strstr(words, "waits in memory"))
		fail_msg("the collector was kept from writing:\n%s", words);
	free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_readers_cost_a_storm_no_record),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
