/* --pin: the kernel goes on collecting while no collector runs, and the next one goes on
 * where the last one ended, however it ended. */
#include "rows.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/bpf.h>
#include <time.h>

#include "parts.h"
#include "program.h"
#include "schema/db.h"

#define KILLS	"60" /* by CONNMON_KILLS in the environment: another number of them */
#define NOBODY	65534
#define HELD	16  /* connections that the storm keeps open at a time */
#define STAYING 8   /* and some that it keeps to its end */
#define STORM_S 900 /* at most */

static char bpffs[80], pins[96];

/* A BPF file system that no other process sees. */
static int mounted(void **state)
{
	struct node *n = node_new();

	must(unshare(CLONE_NEWNS) == 0);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	snprintf(bpffs, sizeof(bpffs), "%s/bpf", n->folder);
	snprintf(pins, sizeof(pins), "%s/connmon", bpffs);
	must(mkdir(bpffs, 0755) == 0);
	must(mount("bpf", bpffs, "bpf", 0, "mode=0755") == 0);
	*state = n;
	return 0;
}

static int done(void **state)
{
	struct node *n = *state;

	if (n->pid)
		node_crash(n);
	must(umount(bpffs) == 0);
	node_free(n);
	return 0;
}

static void begin(struct node *n, const char *option, const char *value)
{
	node_start(n,
		   (const char *const[]){"--flush", "100ms", "--pin", pins, option, value, NULL});
}

static void assert_said(struct node *n, const char *words)
{
	char *text = file_text(n->err_path);

	/* Told after "ready". */
	for (int i = 0; i < 500 && !strstr(text, words); i++) {
		free(text);
		usleep(10000);
		text = file_text(n->err_path);
	}
	if (!strstr(text, words))
		fail_msg("standard error should hold \"%s\":\n%s", words, text);
	free(text);
}

static void end(struct node *n)
{
	long recorded, lost;

	node_stop(n, &recorded, &lost);
	assert_int_equal(lost, node_number(n,
					   "SELECT total(lost) FROM run WHERE id ="
					   " (SELECT max(id) FROM run)",
					   0));
	assert_said(n, "the kernel goes on collecting");
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/* ---- one by one ---- */

static void what_begins_and_ends_while_no_collector_runs_is_a_row_with_its_owner(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	struct row rows[2];
	int64_t before_us, after_us;
	ino_t netns;

	begin(n, NULL, NULL);
	end(n);
	s->request = 10;
	s->reply = 20;
	before_us = now_us();
	netns = play(n, s, part_server, part_client, rows);
	after_us = now_us();
	begin(n, NULL, NULL);
	assert_said(n, "went on where the last run ended");
	assert_rows(n, netns, rows, 2);
	/* A millisecond: how well the two clocks are known to each other. */
	assert_in_range(node_number(n,
				    "SELECT min(id - duration_us) FROM connections"
				    " WHERE netns = ?1",
				    (long)netns),
			before_us - 1000, after_us + 1000);
	assert_in_range(node_number(n, "SELECT max(id) FROM connections WHERE netns = ?1",
				    (long)netns),
			before_us - 1000, after_us + 1000);
	end(n);
	scene_free(s);
}

static void what_was_open_when_the_collector_was_killed_keeps_its_begin_and_its_owner(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	ino_t netns = node_stage(n);
	pid_t server, client;
	int64_t open_us;

	begin(n, NULL, NULL);
	s->request = 10;
	s->reply = 20;
	server = actor_start("server", part_server, s);
	client = actor_start("client", part_staying_client, s);
	cue_wait(s, CUE_CONNECTED);
	node_expect_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1", (long)netns,
			   2);
	open_us = node_number(n, "SELECT min(start_us) FROM open_connection WHERE netns = ?1",
			      (long)netns);
	node_crash(n);
	/* Ends unwatched. */
	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	begin(n, NULL, NULL);
	assert_rows(n, netns, (struct row[]){out_row(s, client), in_row(s, server)}, 2);
	assert_in_range(node_number(n,
				    "SELECT min(id - duration_us) FROM connections"
				    " WHERE netns = ?1",
				    (long)netns),
			open_us - 1000, open_us + 1000);
	assert_int_equal(node_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1",
				     (long)netns),
			 0);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1"
				     " AND flags & 6",
				     (long)netns),
			 0);
	end(n);
	scene_free(s);
}

static void what_begins_while_no_collector_runs_is_open_for_the_next_one(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	ino_t netns = node_stage(n);
	pid_t server, client;

	server = actor_start("server", part_server, s);
	client = actor_start("client", part_staying_client, s);
	cue_wait(s, CUE_CONNECTED);
	begin(n, NULL, NULL);
	node_expect_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1", (long)netns,
			   2);
	node_crash(n);
	begin(n, NULL, NULL);
	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	assert_rows(n, netns, (struct row[]){out_row(s, client), in_row(s, server)}, 2);
	end(n);
	scene_free(s);
}

/* ---- hundreds of kills ---- */

/* What the storm did; shared. No cookie of a socket is ever used twice. */
#define MAX_STORM 100000

static struct storm {
	volatile bool over;
	volatile long connections, accepted;
	uint64_t client_cookies[MAX_STORM], server_cookies[MAX_STORM];
} * storm;

static uint64_t cookie_of(int fd)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie;

	must(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0);
	return cookie;
}

/* Says one byte to each and closes at once: its ends are many. */
static void part_storm_server(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);

	alarm(STORM_S);
	cue_give(s, CUE_LISTENING);
	for (;;) {
		int fd = accept_one(listener);

		storm->server_cookies[storm->accepted++] = cookie_of(fd);
		send_bytes(fd, 1);
		close(fd);
	}
}

static int dial_in_storm(struct scene *s)
{
	int fd = dial(s->addr, s->port);

	must(storm->connections < MAX_STORM);
	storm->client_cookies[storm->connections++] = cookie_of(fd);
	receive_bytes(fd, 1);
	return fd;
}

/* Some of its connections are open at any time, and some all the time. */
static void part_storm_client(struct scene *s)
{
	int held[HELD], staying[STAYING];
	long i;

	alarm(STORM_S);
	cue_wait(s, CUE_LISTENING);
	for (i = 0; i < STAYING; i++)
		staying[i] = dial_in_storm(s);
	for (i = 0; !storm->over; i++) {
		if (i >= HELD)
			close(held[i % HELD]);
		held[i % HELD] = dial_in_storm(s);
		usleep(2000);
	}
	for (int k = 0; k < HELD && k < i; k++)
		close(held[k]);
	for (int k = 0; k < STAYING; k++)
		close(staying[k]);
}

static void kill_often(struct node *n, int kills)
{
	unsigned int seed = 4711;

	for (int i = 0; i < kills; i++) {
		begin(n, NULL, NULL);
		/* Some of them before the first commit, most of them between two. */
		usleep((unsigned int)rand_r(&seed) % (i % 2 ? 20000 : 300000));
		node_crash(n);
	}
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Each row is one of these @n sockets, and none of them has two. Returns how many have none. */
static long missing_rows(struct node *n, const char *sql, long netns, uint64_t *cookies, long made)
{
	AUTO_STMT *stmt = node_ask(n, sql, netns);
	uint64_t last = 0;
	long rows = 0;

	qsort(cookies, (size_t)made, sizeof(*cookies), by_value);
	for (; sqlite3_step(stmt) == SQLITE_ROW; rows++) {
		uint64_t cookie = (uint64_t)sqlite3_column_int64(stmt, 0);

		assert_true(cookie > last);
		assert_non_null(
			bsearch(&cookie, cookies, (size_t)made, sizeof(*cookies), by_value));
		last = cookie;
	}
	return made - rows;
}

/* Each with its owner, its outcome and its begin. */
#define STORM_ROWS(direction, comm)                                                                \
	"SELECT cookie FROM connections WHERE netns = ?1 AND direction = '" direction "'"          \
	" AND comm = '" comm "' AND outcome = 'closed' AND flags & 6 = 0 ORDER BY cookie"

static void every_connection_is_recorded_once_however_often_the_collector_is_killed(void **state)
{
	const char *wanted = getenv("CONNMON_KILLS");
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	struct stage *stage = &n->stages[n->n_stages];
	int kills = atoi(wanted ? wanted : KILLS);
	long gaps = node_number(n, NODE_OTHER_GAPS, 0), hidden = node_number(n, NODE_MISSED, 0);
	long missing, netns;
	pid_t server, client;

	storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	must(storm != MAP_FAILED && kills > 0);
	netns = (long)node_stage(n);
	port_range(5000, 65535);
	server = actor_start("storm-server", part_storm_server, s);
	client = actor_start("storm-client", part_storm_client, s);
	kill_often(n, kills);
	storm->over = true;
	actor_wait(client);
	begin(n, NULL, NULL);
	node_fence(n);
	actor_kill(server);
	end(n);

	assert_true(storm->connections > kills);
	assert_int_equal(storm->connections, storm->accepted);
	missing = missing_rows(n, STORM_ROWS("out", "storm-client"), netns, storm->client_cookies,
			       storm->connections);
	missing += missing_rows(n, STORM_ROWS("in", "storm-server"), netns, storm->server_cookies,
				storm->connections);
	/* All but those that some kernels hide from us, and that are counted: see node.h. */
	hidden = node_number(n, NODE_MISSED, 0) - hidden;
	print_message("%d kills, %ld connections, %ld ends without a row, %ld hidden\n", kills,
		      storm->connections, missing, hidden);
	assert_in_range(missing, 0, hidden);
	assert_int_equal(node_number(n, NODE_OTHER_GAPS, 0), gaps);
	assert_int_equal(node_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1",
				     netns),
			 0);
	stage->n_rows = node_number(n, NODE_ENDED_ROWS, netns);
	munmap(storm, sizeof(*storm));
	scene_free(s);
}

static void each_run_accounts_for_what_it_took_and_no_other(void **state)
{
	struct node *n = *state;

	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM account"
				     " WHERE seen <> recorded + lost + filtered",
				     0),
			 0);
	assert_int_equal(node_number(n, "SELECT count(*) FROM run WHERE seen <> recorded + lost",
				     0),
			 0);
	assert_int_equal(node_number(n, "SELECT sum(recorded) FROM account WHERE record = 'end'",
				     0),
			 node_number(n, "SELECT count(*) FROM connection WHERE outcome <> 8", 0));
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
	struct node *n = *state;
	long gaps;

	begin(n, NULL, NULL);
	gaps = stopped_gaps(n);
	node_crash(n);
	begin(n, "--exclude-port", "1234");
	assert_said(n, "replaced the pinned programs");
	assert_records(n);
	assert_int_equal(stopped_gaps(n), gaps + 1);
	node_crash(n);
	begin(n, "--exclude-port", "1234");
	assert_said(n, "went on where the last run ended");
	assert_records(n);
	assert_int_equal(stopped_gaps(n), gaps + 1);
	end(n);
}

static void programs_of_another_build_are_replaced_and_the_hole_is_told(void **state)
{
	struct node *n = *state;
	long gaps = stopped_gaps(n);

	change_fingerprint();
	begin(n, "--exclude-port", "1234");
	assert_said(n, "replaced the pinned programs");
	assert_records(n);
	assert_int_equal(stopped_gaps(n), gaps + 1);
	end(n);
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
		begin(n, "--exclude-port", "1234");
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
	begin(n, "--exclude-port", "1234");
	assert_said(n, "another database");
	node_fence(n);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)netns), 2);
	end(n);
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
	begin(n, "--exclude-port", "1234");
	end(n);
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

	begin(n, "--exclude-port", "1234");
	assert_said(n, "another database");
	assert_int_equal(stopped_gaps(n), gaps + 1);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)netns), 0);
	scene_free(s);
}

/* ---- where it cannot be ---- */

/* It ended with one line of its own that holds @words. */
static void assert_refused(struct node *n, const char *folder, uid_t uid, const char *words)
{
	char path[128];
	const char *const argv[] = {COLLECT, "--db",  path,   "--duration",
				    "5s",    "--pin", folder, NULL};
	struct finished f;

	snprintf(path, sizeof(path), "%s/refused.db", n->folder);
	f = program_run(argv, uid);
	if (f.code != 1 || strncmp(f.err, "connmon-collect: --pin ", 23) || !strstr(f.err, words))
		fail_msg("exit code %d, standard error (should hold \"%s\"):\n%s", f.code, words,
			 f.err);
}

static void a_second_collector_of_the_same_folder_is_refused(void **state)
{
	assert_refused(*state, pins, 0, "another collector uses it");
	node_crash(*state);
}

static void a_folder_that_cannot_hold_programs_is_refused(void **state)
{
	struct node *n = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/plain", n->folder);
	assert_refused(n, path, 0, "mount -t bpf bpf /sys/fs/bpf");
	assert_int_equal(access(path, F_OK), -1);
	must(mkdir(path, 0700) == 0);
	assert_refused(n, path, 0, "is not on a BPF file system");
	snprintf(path, sizeof(path), "%s/nowhere/connmon", bpffs);
	assert_refused(n, path, 0, "No such file or directory");
	snprintf(path, sizeof(path), "%s/everybody", bpffs);
	must(mkdir(path, 0700) == 0 && chmod(path, 0777) == 0);
	assert_refused(n, path, 0, "others may write there");
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
	begin(n, NULL, NULL);
	node_fence(n);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)netns), 0);
	assert_records(n);
	end(n);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_begins_and_ends_while_no_collector_runs_is_a_row_with_its_owner),
		cmocka_unit_test(
			what_was_open_when_the_collector_was_killed_keeps_its_begin_and_its_owner),
		cmocka_unit_test(what_begins_while_no_collector_runs_is_open_for_the_next_one),
		cmocka_unit_test(
			every_connection_is_recorded_once_however_often_the_collector_is_killed),
		cmocka_unit_test(each_run_accounts_for_what_it_took_and_no_other),
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
	return cmocka_run_group_tests(tests, mounted, done);
}
