/* --print: a line for each attempt, in columns, while it happens. */
#include "node.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "parts.h"
#include "program.h"

#define TIME "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}"

static int fresh(void **state)
{
	struct node *n = node_new();

	node_start(n, (const char *const[]){"--print", "--no-db", NULL});
	*state = n;
	return 0;
}

static int done(void **state)
{
	node_free(*state);
	return 0;
}

/* Waits until a line of standard output matches, and returns the whole output. */
static char *wait_for_line(struct node *n, const char *pattern)
{
	regex_t line;
	char *text = NULL;
	bool found = false;

	must(regcomp(&line, pattern, REG_EXTENDED | REG_NEWLINE | REG_NOSUB) == 0);
	for (int i = 0; i < 500 && !found; i++) {
		free(text);
		text = file_text(n->out_path);
		found = regexec(&line, text, 0, NULL, 0) == 0;
		if (!found)
			usleep(20000);
	}
	regfree(&line);
	if (!found)
		fail_msg("no line like\n  %s\nin\n%s", pattern, text);
	return text;
}

/* Both lines are there while the connection is still open. The addresses are
 * patterns, the second one as it stands before a port. A client's line has no local
 * port: the kernel has not chosen it yet. */
static void check_lines(struct node *n, const char *addr, const char *plain, const char *before)
{
	struct scene *s = scene_new(addr);
	char pattern[256];
	pid_t server, client;

	node_stage(n);
	server = actor_start("server", part_server, s);
	client = actor_start("client", part_staying_client, s);
	cue_wait(s, CUE_CONNECTED);

	snprintf(pattern, sizeof(pattern), "^" TIME " client +%d +%s +-> %s:%d$", client, plain,
		 before, SERVER_PORT);
	free(wait_for_line(n, pattern));
	snprintf(pattern, sizeof(pattern), "^" TIME " server +%d +%s:%d +<- %s:%d$", server, before,
		 SERVER_PORT, before, s->client_port);
	free(wait_for_line(n, pattern));

	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	scene_free(s);
}

static void it_begins_with_a_header(void **state)
{
	free(wait_for_line(*state, "^TIME +COMM +PID +SADDR +-> DADDR:PORT$"));
}

static void both_ends_of_a_connection_are_printed_while_it_is_open(void **state)
{
	check_lines(*state, "127.0.0.1", "127\\.0\\.0\\.1", "127\\.0\\.0\\.1");
}

static void ipv6_addresses_stand_in_brackets_before_a_port(void **state)
{
	check_lines(*state, "::1", "::1", "\\[::1\\]");
}

static void a_mapped_address_is_printed_as_ipv4(void **state)
{
	check_lines(*state, "::ffff:127.0.0.1", "127\\.0\\.0\\.1", "127\\.0\\.0\\.1");
}

static void an_attempt_that_fails_is_printed_once(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	char pattern[256], *text, *line;
	pid_t client;
	int n_lines = 0;

	node_stage(n);
	client = actor_start("client", part_attempt, s);
	actor_wait(client);
	snprintf(pattern, sizeof(pattern), "^" TIME " client +%d +127\\.0\\.0\\.1 +-> .*:%d$",
		 client, SERVER_PORT);
	/* A second attempt that has been printed: the first is complete by then. */
	free(wait_for_line(n, pattern));
	check_lines(n, "127.0.0.1", "127\\.0\\.0\\.1", "127\\.0\\.0\\.1");
	text = file_text(n->out_path);
	snprintf(pattern, sizeof(pattern), " %d ", client);
	for (line = text; (line = strstr(line, pattern)); line++)
		n_lines++;
	assert_int_equal(n_lines, 1);
	free(text);
	scene_free(s);
}

static void part_hostile(struct scene *s)
{
	prctl(PR_SET_NAME, "\x1b[31m\n\\");
	part_attempt(s);
}

static void a_name_that_would_command_a_terminal_is_printed_visibly(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	char pattern[256], *text;
	pid_t client;

	node_stage(n);
	client = actor_start("hostile", part_hostile, s);
	actor_wait(client);
	snprintf(pattern, sizeof(pattern), "^" TIME " \\\\x1b\\[31m\\\\x0a\\\\\\\\ +%d ", client);
	text = wait_for_line(n, pattern);
	for (const char *c = text; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c != 0x7f));
	free(text);
	scene_free(s);
}

static void nothing_is_kept(void **state)
{
	struct node *n = *state;

	free(wait_for_line(n, "^TIME "));
	assert_int_equal(access(n->db_path, F_OK), -1);
}

static void a_reader_that_goes_away_ends_it_quietly(void **state)
{
	const char *const argv[] = {
		"sh",
		"-c",
		"{ \"$1\" --print --no-db --duration 20s; echo \"exit $?\" >&2; } | head -n 1",
		"sh",
		COLLECT,
		NULL};
	struct scene *s = scene_new("127.0.0.1");
	struct finished f;
	pid_t noise;

	(void)state;
	close(stage_new());
	noise = fork();
	must(noise >= 0);
	if (noise == 0)
		for (;;) {
			part_attempt(s);
			usleep(50000);
		}
	f = program_run(argv, 0);
	actor_kill(noise);
	assert_non_null(strstr(f.out, "TIME"));
	assert_non_null(strstr(f.err, "exit 0"));
	assert_null(strstr(f.err, "rror"));
	scene_free(s);
}

int main(void)
{
#define OF_ITS_OWN(test) cmocka_unit_test_setup_teardown(test, fresh, done)
	const struct CMUnitTest tests[] = {
		OF_ITS_OWN(it_begins_with_a_header),
		OF_ITS_OWN(both_ends_of_a_connection_are_printed_while_it_is_open),
		OF_ITS_OWN(ipv6_addresses_stand_in_brackets_before_a_port),
		OF_ITS_OWN(a_mapped_address_is_printed_as_ipv4),
		OF_ITS_OWN(an_attempt_that_fails_is_printed_once),
		OF_ITS_OWN(a_name_that_would_command_a_terminal_is_printed_visibly),
		OF_ITS_OWN(nothing_is_kept),
		cmocka_unit_test(a_reader_that_goes_away_ends_it_quietly),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
