/* Memory has a limit, at the start and while connections come: a sentence or a collector that goes
 * on, never a signal; where the kernel ends it, the next one goes on. What it could not take in is
 * counted. More with CONNMON_FAULT_ALL in the environment. */
#include "load.h"
#include "log_lines.h"
#include "pinned.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "parts.h"
#include "program.h"

#define MIB	     (1L << 20)
#define STEP	     (16 * MIB)
#define MOST	     (1024 * MIB)
#define OPEN_AT_ONCE 5000
#define FILES	     (OPEN_AT_ONCE + 100)
#define KILLS	     3
#define MANY_KILLS   60
#define PATIENCE_S   60

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static bool all(void)
{
	return getenv("CONNMON_FAULT_ALL");
}

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

/* What reserves more room than it uses has nothing to do with such a limit. */
static void needs_no_sanitizer(void)
{
#ifdef SANITIZED
	print_message("not with AddressSanitizer, which wants terabytes of addresses\n");
	skip();
#endif
}

/* ---- at the start ---- */

static struct finished run_within(long bytes, const char *const words[], int n_words)
{
	const char *argv[16] = {"prlimit"};
	char limit[32];

	snprintf(limit, sizeof(limit), "--as=%ld", bytes);
	argv[1] = limit;
	must(n_words < 12);
	memcpy(argv + 2, words, (size_t)n_words * sizeof(*words));
	return program_run(argv, 0);
}

/* Where the program itself has room, if not for its work. */
static long least_to_load(void)
{
	const char *const argv[] = {COLLECT, "--version"};
	long bytes = MIB;

	while (run_within(bytes, argv, 2).code != 0) {
		bytes += MIB;
		must(bytes < MOST);
	}
	return bytes;
}

static bool starts_within(struct node *n, long bytes)
{
	const char *const argv[] = {COLLECT, "--db", n->db_path, "--duration", "1s"};
	struct finished f = run_within(bytes, argv, 5);
	const char *line = f.err;

	if (f.code == 0) {
		assert_non_null(strstr(f.err, "recorded "));
		return true;
	}
	/* Sentences of its own, and nothing of libraries. */
	while (strncmp(line, "connmon-collect: ", 17) == 0 && strchr(line, '\n'))
		line = strchr(line, '\n') + 1;
	if (f.code != 1 || line == f.err || *line)
		fail_msg("%ld MiB: exit code %d, and no sentence:\n%s", bytes / MIB, f.code, f.err);
	return false;
}

static void with_too_little_memory_it_says_so_and_does_not_start(void **state)
{
	const long step = all() ? STEP / 32 : STEP;
	int refused = 0;
	long bytes;

	needs_no_sanitizer();
	for (bytes = least_to_load(); !starts_within(*state, bytes); bytes += step) {
		refused++;
		assert_true(bytes < MOST);
	}
	assert_true(refused > 0);
	print_message("%d starts within too little, up to %ld MiB\n", refused, bytes / MIB);
	assert_int_equal(node_number(*state, "SELECT count(*) FROM run WHERE stop_us > 0", 0), 1);
}

/* ---- under load ---- */

static rlim_t addresses_of(pid_t pid)
{
	char path[64];
	long pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	f = fopen(path, "re");
	must(f && fscanf(f, "%ld", &pages) == 1);
	fclose(f);
	return (rlim_t)(pages * sysconf(_SC_PAGESIZE));
}

static void limit_addresses(pid_t pid, rlim_t bytes)
{
	const struct rlimit limit = {bytes, RLIM_INFINITY};

	must(prlimit(pid, RLIMIT_AS, &limit, NULL) == 0);
}

static void more_files(void)
{
	const struct rlimit limit = {FILES, FILES};

	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* Both keep all of them open until the client is told. */
static void part_keeping_server(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);

	more_files();
	cue_give(s, CUE_LISTENING);
	for (int i = 0; i < OPEN_AT_ONCE; i++)
		accept_one(listener);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_DONE);
}

static void part_keeping_client(struct scene *s)
{
	static int fds[OPEN_AT_ONCE];

	more_files();
	cue_wait(s, CUE_LISTENING);
	for (int i = 0; i < OPEN_AT_ONCE; i++)
		fds[i] = dial(s->addr, s->port);
	cue_wait(s, CUE_GO);
	for (int i = 0; i < OPEN_AT_ONCE; i++)
		close(fds[i]);
	cue_give(s, CUE_DONE);
}

static void memory_that_runs_short_while_it_records_is_survived_and_counted(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	int64_t start_ns = now_ns();
	struct node *n = *state;
	long netns, rows, counted, recorded, lost, made = 0;
	struct load *load;
	pid_t server, client;

	needs_no_sanitizer();
	node_start(n, (const char *const[]){"--flush", "100ms", "--refresh", "1s", NULL});
	node_fence(n);
	netns = (long)node_stage(n);
	for (int i = 0; i < (all() ? 20 : 1); i++) {
		limit_addresses(n->pid, addresses_of(n->pid));
		load = load_begin();
		s->port = SERVER_PORT + 1;
		server = actor_start("server", part_keeping_server, s);
		client = actor_start("client", part_keeping_client, s);
		cue_wait(s, CUE_CONNECTED);
		cue_give(s, CUE_GO);
		actor_wait(client);
		actor_wait(server);
		made += load_end(load) + OPEN_AT_ONCE;
		limit_addresses(n->pid, RLIM_INFINITY);
		node_fence_after_loss(n);
		assert_int_equal(waitpid(n->pid, NULL, WNOHANG), 0); /* it runs */
	}
	node_reaches(n,
		     "SELECT (SELECT count(*) FROM connections"
		     "  WHERE ended_at NOT NULL AND netns = ?1) + total(count) FROM gap",
		     netns, 2 * made);
	node_stop(n, &recorded, &lost);
	rows = node_number(n, NODE_ENDED_ROWS, netns);
	counted = node_number(n, "SELECT total(count) FROM gap", 0);
	if (rows > 2 * made || rows + counted < 2 * made)
		fail_msg("%ld ends, %ld rows, %ld counted", 2 * made, rows, counted);
	assert_account_balanced(n);
	assert_lines_are_rare(n, start_ns);
	print_message("%ld connections, %ld rows, %ld records that found no memory\n", made, rows,
		      counted);
	scene_free(s);
}

/* ---- the kernel ends it ---- */

static struct {
	char folder[96];
	const char *limit;
	bool there;
} group;

static void write_text(const char *file, const char *text)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", group.folder, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* Of the first kind or of the second; false: there is none here. */
static bool group_make(void)
{
	static const char *const kinds[][2] = {{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
					       {"/sys/fs/cgroup", "memory.max"}};

	for (int i = 0; i < 2 && !group.there; i++) {
		char path[160];

		snprintf(group.folder, sizeof(group.folder), "%s/connmon-test-%d", kinds[i][0],
			 (int)getpid());
		group.limit = kinds[i][1];
		if (mkdir(group.folder, 0755) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", group.folder, group.limit);
		group.there = access(path, W_OK) == 0;
		if (!group.there)
			rmdir(group.folder);
	}
	return group.there;
}

static int pinned(void **state)
{
	group_make();
	return pins_mounted(state);
}

static int unpinned(void **state)
{
	pins_done(state);
	if (group.there)
		rmdir(group.folder);
	return 0;
}

/* Not a page more for it: the kernel kills it as soon as it wants one. */
static void take_all_memory(struct node *n)
{
	char pid[16];
	int status = 0, i;

	/* A group of the first kind that has some takes no limit below it. */
	must(rmdir(group.folder) == 0 && mkdir(group.folder, 0755) == 0);
	write_text(group.limit, "4096");
	snprintf(pid, sizeof(pid), "%d", (int)n->pid);
	write_text("cgroup.procs", pid);
	for (i = 0; i < PATIENCE_S * 100 && waitpid(n->pid, &status, WNOHANG) != n->pid; i++)
		usleep(10000);
	assert_in_range(i, 0, PATIENCE_S * 100 - 1);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	n->pid = 0;
}

static void whenever_the_kernel_ends_it_for_memory_the_next_one_goes_on(void **state)
{
	const int kills = all() ? MANY_KILLS : KILLS;
	struct node *n = *state;
	long gaps, netns, made;
	struct load *load;

	if (!group.there) {
		print_message("this machine has no memory cgroup to limit\n");
		skip();
	}
	netns = (long)node_stage(n);
	pins_begin(n, NULL, NULL);
	gaps = node_number(n, NODE_OTHER_GAPS, 0);
	load = load_begin();
	for (int i = 0; i < kills; i++) {
		load_wait(load, 100);
		take_all_memory(n);
		load_wait(load, 100);
		pins_begin(n, NULL, NULL);
	}
	made = load_end(load);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * made);
	assert_int_equal(node_number(n, NODE_OTHER_GAPS, 0), gaps);
	pins_end(n);
	each_run_accounts_for_what_it_took_and_no_other(state);
	print_message("%d times ended by the kernel, %ld connections, 0 lost\n", kills, made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			with_too_little_memory_it_says_so_and_does_not_start, fresh, done),
		cmocka_unit_test_setup_teardown(
			memory_that_runs_short_while_it_records_is_survived_and_counted, fresh,
			done),
		cmocka_unit_test_setup_teardown(
			whenever_the_kernel_ends_it_for_memory_the_next_one_goes_on, pinned,
			unpinned),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
