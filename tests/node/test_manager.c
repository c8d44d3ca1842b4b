/* The collector as a service: what it tells the service manager, what it gives it to keep, and
 * that it goes on with that. This test is the manager. */
#include "node.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"
#include "sockets.h"

#define FIRST_FD    3 /* sd_listen_fds(3) */
#define MAX_KEPT    128
#define SAFE_FD	    500 /* descriptors are put beyond those that a service gets */
#define PATIENCE_MS 60000

static struct manager {
	int fd;
	char socket[64];
	struct {
		int fd;
		char name[64];
	} kept[MAX_KEPT];
	int n_kept;
	char heard[65536]; /* all messages, each with a line feed before and behind */
} manager;

/* By a path: a name without a file is known in one network namespace only. */
static void manager_begin(const struct node *n)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(manager.socket, sizeof(manager.socket), "%.48s/notify", n->folder);
	strcpy(address.sun_path, manager.socket);
	assert_int_equal(bind(manager.fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void manager_end(void)
{
	for (int i = 0; i < manager.n_kept; i++)
		close(manager.kept[i].fd);
	close(manager.fd);
	unlink(manager.socket);
}

static void keep(const char *name, int fd)
{
	assert_true(manager.n_kept < MAX_KEPT);
	manager.kept[manager.n_kept].fd = fcntl(fd, F_DUPFD_CLOEXEC, SAFE_FD);
	assert_true(manager.kept[manager.n_kept].fd >= 0);
	snprintf(manager.kept[manager.n_kept++].name, sizeof(manager.kept[0].name), "%s", name);
}

static void forget(const char *name)
{
	int left = 0;

	for (int i = 0; i < manager.n_kept; i++)
		if (strcmp(manager.kept[i].name, name) != 0)
			manager.kept[left++] = manager.kept[i];
		else
			close(manager.kept[i].fd);
	manager.n_kept = left;
}

/* One message, if there is one within @ms. A barrier is passed by letting go of it. */
static bool hear(int ms)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char text[1024], *name;
	struct iovec into = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr message = {.msg_iov = &into,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control.room)};
	struct pollfd p = {.fd = manager.fd, .events = POLLIN};
	struct cmsghdr *c;
	ssize_t n;
	int fd = -1;

	if (poll(&p, 1, ms) != 1)
		return false;
	n = recvmsg(manager.fd, &message, MSG_CMSG_CLOEXEC);
	assert_true(n > 0);
	text[n] = '\0';
	c = CMSG_FIRSTHDR(&message);
	if (c)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	name = strstr(text, "FDNAME=");
	if (fd >= 0 && name)
		keep(name + strlen("FDNAME="), fd);
	else if (name)
		forget(name + strlen("FDNAME="));
	if (fd >= 0)
		close(fd);
	if (strlen(manager.heard) + (size_t)n + 3 < sizeof(manager.heard))
		sprintf(manager.heard + strlen(manager.heard), "\n%s\n", text);
	return true;
}

static void expect_to_hear(const char *words)
{
	for (int ms = 0; !strstr(manager.heard, words); ms += 1000) {
		if (ms >= PATIENCE_MS)
			fail_msg("no \"%s\" in \"%s\"", words, manager.heard);
		hear(1000);
	}
}

/* Starts argv[0] as a manager does, with all that is kept. */
static pid_t start_service(struct node *n, const char *const argv[])
{
	char names[MAX_KEPT * 64] = "", number[16];
	pid_t pid;

	manager.heard[0] = '\0';
	for (int i = 0; i < manager.n_kept; i++)
		sprintf(names + strlen(names), "%s%s", i ? ":" : "", manager.kept[i].name);
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stage_enter(n->home);
	for (int i = 0; i < manager.n_kept; i++)
		dup2(manager.kept[i].fd, FIRST_FD + i);
	dup2(open(n->err_path, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("WATCHDOG_PID", number, 1);
	snprintf(number, sizeof(number), "%d", manager.n_kept);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	setenv("NOTIFY_SOCKET", manager.socket, 1);
	setenv("WATCHDOG_USEC", "400000", 1);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

/* Its exit code, while the manager listens. */
static int end_of(pid_t pid)
{
	int status = 0;

	for (int ms = 0; waitpid(pid, &status, WNOHANG) == 0; ms += 10) {
		assert_true(ms < PATIENCE_MS);
		hear(10);
	}
	while (hear(0)) {
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static const char *const *collect(struct node *n)
{
	static const char *argv[] = {COLLECT,	"--db",	   NULL,    "--accept=lazy", "--pin",
				     "service", "--flush", "100ms", "--no-drop",     NULL};

	argv[2] = n->db_path;
	return argv;
}

static void it_is_ready_says_how_it_is_and_that_it_lives(void **state)
{
	struct node *n = *state;

	n->pid = start_service(n, collect(n));
	expect_to_hear("\nREADY=1\n");
	expect_to_hear("STATUS=recording to ");
	expect_to_hear("\nWATCHDOG=1\n");
	manager.heard[0] = '\0';
	expect_to_hear("\nWATCHDOG=1\n"); /* and again */
	assert_true(manager.n_kept > 10); /* programs and maps */
}

static void what_happens_between_two_runs_is_recorded_by_the_next(void **state)
{
	struct node *n = *state;
	ino_t netns = node_stage(n);
	char *said;
	int listener, client;

	kill(n->pid, SIGTERM);
	assert_int_equal(end_of(n->pid), 0);
	listener = listen_at("127.0.0.1", 4711);
	client = dial("127.0.0.1", 4711);
	close(client);
	close(accept_one(listener));
	close(listener);
	n->pid = start_service(n, collect(n));
	expect_to_hear("\nREADY=1\n");
	said = file_text(n->err_path);
	assert_non_null(strstr(said, "went on where the last run ended"));
	free(said);
	node_expect_number(n, NODE_ENDED_ROWS, (long)netns, 2);
	assert_int_equal(node_number(n, "SELECT count(*) FROM gap WHERE reason = 'stopped'", 0), 0);
	kill(n->pid, SIGTERM);
	assert_int_equal(end_of(n->pid), 0);
	n->pid = 0;
}

static void with_another_ring_the_kept_programs_are_replaced(void **state)
{
	struct node *n = *state;
	const char *argv[] = {COLLECT,	 "--db",   n->db_path, "--accept=lazy", "--pin",
			      "service", "--ring", "128K",     "--no-drop",	NULL};
	int n_kept = manager.n_kept;
	char *said;

	n->pid = start_service(n, argv);
	expect_to_hear("\nREADY=1\n");
	said = file_text(n->err_path);
	assert_non_null(strstr(said, "replaced the pinned programs"));
	free(said);
	assert_non_null(strstr(manager.heard, "FDSTOREREMOVE=1"));
	assert_int_equal(manager.n_kept, n_kept);
	kill(n->pid, SIGTERM);
	assert_int_equal(end_of(n->pid), 0);
	n->pid = 0;
}

static void without_pins_the_kept_programs_are_let_go(void **state)
{
	struct node *n = *state;
	const char *argv[] = {COLLECT, "--db", n->db_path, "--accept=lazy", "--no-drop", NULL};

	n->pid = start_service(n, argv);
	expect_to_hear("\nREADY=1\n");
	kill(n->pid, SIGTERM);
	assert_int_equal(end_of(n->pid), 0);
	n->pid = 0;
	assert_int_equal(manager.n_kept, 0);
}

static void a_socket_for_names_is_lent_to_the_next_process(void **state)
{
	struct node *n = *state;
	const char *lend[] = {COLLECT, "--lend-names", NULL};
	const char *argv[] = {COLLECT, "--no-db", "--print", "--no-drop", NULL};
	pid_t pid = start_service(n, lend);
	int code = end_of(pid), network = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	char *said;

	if (network < 0) { /* where process 1 is not ours to look at */
		said = file_text(n->err_path);
		assert_non_null(strstr(said, "the network namespace of process 1"));
		free(said);
		assert_int_equal(code, 1);
		return;
	}
	close(network);
	assert_int_equal(code, 0);
	assert_int_equal(manager.n_kept, 1);
	assert_string_equal(manager.kept[0].name, "names");
	n->pid = start_service(n, argv);
	expect_to_hear("STATUS=watching only");
	kill(n->pid, SIGTERM);
	assert_int_equal(end_of(n->pid), 0);
	n->pid = 0;
}

static void without_a_manager_nothing_is_lent_or_kept(void **state)
{
	struct finished f = program_run((const char *const[]){COLLECT, "--lend-names", NULL}, 0);
	char path[96];

	snprintf(path, sizeof(path), "%s/none.db", ((struct node *)*state)->folder);
	assert_int_equal(f.code, 1);
	assert_non_null(strstr(f.err, "no service manager started this"));
	f = program_run((const char *const[]){COLLECT, "--db", path, "--pin", "service", NULL}, 0);
	assert_int_equal(f.code, 1);
	assert_non_null(strstr(f.err, "--pin service: no service manager started this"));
	assert_int_not_equal(access(path, F_OK), 0);
}

static int setup(void **state)
{
	*state = node_new();
	manager_begin(*state);
	return 0;
}

static int teardown(void **state)
{
	manager_end();
	node_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_ready_says_how_it_is_and_that_it_lives),
		cmocka_unit_test(what_happens_between_two_runs_is_recorded_by_the_next),
		cmocka_unit_test(with_another_ring_the_kept_programs_are_replaced),
		cmocka_unit_test(without_pins_the_kept_programs_are_let_go),
		cmocka_unit_test(a_socket_for_names_is_lent_to_the_next_process),
		cmocka_unit_test(without_a_manager_nothing_is_lent_or_kept),
	};
	int missing = node_missing();

	return missing ? missing : cmocka_run_group_tests(tests, setup, teardown);
}
