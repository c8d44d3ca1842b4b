/*
 * The wall clock is set back and forth, by milliseconds to a day, while connections are made: only
 * in a guest, where nobody else looks at it.
 *
 * Where the clock was set back, keys (the time of the end) count on by one until it has
 * caught up: so only what ends after the clock was set forward is asked when it began.
 */
#include "../node/node.h"

#include <stdlib.h>
#include <time.h>

#include "../node/parts.h"

#define ADDR	  "127.0.0.1"
#define HOUR_S	  3600
#define N	  2000L
#define N_SETS	  20
#define N_STEPS	  12 /* by CONNMON_STEPS in the environment: another number of them */
#define MAX_OFF_S (3 * 86400)

#define UP_TO	    "SELECT count(*) FROM connection WHERE id <= ?1"
#define N_CLOCKS    "SELECT count(*) FROM clock"
#define NEWEST	    "SELECT ifnull(max(id), 0) FROM connection"
#define LAST_OFFSET "SELECT offset_us FROM clock ORDER BY at_us - offset_us DESC LIMIT 1"

static long now_us(clockid_t id)
{
	struct timespec t;

	must(clock_gettime(id, &t) == 0);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void set_clock_us(long us)
{
	struct timespec t;
	long ns;

	must(clock_gettime(CLOCK_REALTIME, &t) == 0);
	ns = t.tv_nsec + us % 1000000 * 1000;
	t.tv_sec += us / 1000000 + (ns >= 1000000000) - (ns < 0);
	t.tv_nsec = (ns + 1000000000) % 1000000000;
	must(clock_settime(CLOCK_REALTIME, &t) == 0);
}

static void set_clock(int seconds)
{
	set_clock_us(seconds * 1000000L);
}

/* Sets it and waits for its row, which says by how much. */
static void set_and_see(struct node *n, int seconds)
{
	long rows = node_number(n, N_CLOCKS, 0), before = node_number(n, LAST_OFFSET, 0);

	set_clock(seconds);
	node_expect_number(n, N_CLOCKS, 0, rows + 1);
	assert_in_range(node_number(n, LAST_OFFSET, 0) - before - seconds * 1000000L + 1000, 0,
			2000);
}

/* Both ends of a connection, and what this process saw of it. */
struct pair {
	int client, server, port;
	long start_us[2]; /* the wall clock before and after connect() */
	long boot_us[2];  /* time since boot then */
};

static struct pair open_pair(void)
{
	int listener = listen_at(ADDR, SERVER_PORT);
	struct pair p;

	p.start_us[0] = now_us(CLOCK_REALTIME);
	p.boot_us[0] = now_us(CLOCK_BOOTTIME);
	p.client = dial(ADDR, SERVER_PORT);
	p.boot_us[1] = now_us(CLOCK_BOOTTIME);
	p.start_us[1] = now_us(CLOCK_REALTIME);
	p.port = local_port(p.client);
	p.server = accept_one(listener);
	close(listener);
	return p;
}

static long of_client(struct node *n, const char *what, const struct pair *p)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "SELECT %s FROM connections WHERE direction = 'out' AND local_port = ?1", what);
	return node_number(n, sql, p->port);
}

/* Ends it. Its two rows come next, and its duration is right. Returns its key. */
static long close_pair(struct node *n, ino_t netns, const struct pair *p)
{
	long last = node_number(n, NEWEST, 0);
	long rows = node_number(n, NODE_ENDED_ROWS, (long)netns);
	long before = now_us(CLOCK_BOOTTIME), after;

	close(p->client);
	close(p->server);
	after = now_us(CLOCK_BOOTTIME);
	node_expect_number(n, NODE_ENDED_ROWS, (long)netns, rows + 2);
	assert_true(of_client(n, "id", p) > last);
	assert_in_range(of_client(n, "duration_us", p), before - p->boot_us[1],
			after - p->boot_us[0]);
	return of_client(n, "id", p);
}

/* Not off by more than the sample of the offset may be, where each instruction is emulated:
 * far less than the smallest step here. */
#define SAMPLE_US 2000
static void assert_began(struct node *n, const struct pair *p, int seconds_later)
{
	assert_in_range(of_client(n, "id - duration_us", p) - seconds_later * 1000000L,
			p->start_us[0] - SAMPLE_US, p->start_us[1] + SAMPLE_US);
}

static long one(struct node *n, ino_t netns, bool began_right)
{
	struct pair p = open_pair();
	long id;

	usleep(50000);
	id = close_pair(n, netns, &p);
	if (began_right)
		assert_began(n, &p, 0);
	return id;
}

static void each_step_is_a_row_and_times_are_told_by_the_clock_as_it_is(void **state)
{
	struct node *n = *state;
	ino_t netns = node_stage(n);
	struct pair open;
	long id, later, last;

	open = open_pair();
	id = one(n, netns, true);
	node_expect_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1", (long)netns,
			   2);
	assert_began(n, &open, 0);

	set_and_see(n, HOUR_S);
	assert_began(n, &open, HOUR_S);
	later = one(n, netns, true);
	assert_in_range(later - id, HOUR_S * 1000000L, (HOUR_S + 30) * 1000000L);

	set_and_see(n, -HOUR_S);
	assert_began(n, &open, 0);
	last = node_number(n, NEWEST, 0);
	id = one(n, netns, false);
	assert_in_range(id - last, 1, 2);

	set_and_see(n, 2 * HOUR_S);
	one(n, netns, true);
	close_pair(n, netns, &open);
	assert_began(n, &open, 2 * HOUR_S);

	set_and_see(n, -2 * HOUR_S);
	n->stages[n->n_stages - 1].n_rows = 5 * 2;
}

static void a_small_step_is_a_row_too(void **state)
{
	struct node *n = *state;
	long rows = node_number(n, N_CLOCKS, 0);

	set_clock_us(20000);
	node_expect_number(n, N_CLOCKS, 0, rows + 1);
}

static void setting_the_clock_to_what_it_is_is_no_step(void **state)
{
	struct node *n = *state;
	long rows = node_number(n, N_CLOCKS, 0);

	/* Slower than a sample of the collector, and faster than any step worth a row: so
	 * this may have been one. But not ten times. */
	for (int i = 0; i < 10; i++) {
		set_clock(0);
		usleep(250000);
	}
	assert_true(node_number(n, N_CLOCKS, 0) < rows + 10);
}

/* A step of milliseconds, of up to an hour, or of up to a day, forth or back; which keeps the
 * clock within some days of where it was. */
static long some_step_us(long off_us)
{
	static const long most_us[] = {900000, HOUR_S * 1000000L, 24 * HOUR_S * 1000000L};
	long us = 20000 + (long)(drand48() * most_us[lrand48() % 3]);

	return off_us > MAX_OFF_S * 1000000L || (off_us > -MAX_OFF_S * 1000000L && lrand48() % 2)
		       ? -us
		       : us;
}

/* By how much the wall clock is ahead of time since boot: where the two were asked for at once. */
static long offset_us(void)
{
	long offset = 0, least = 1000000;

	for (int i = 0; i < 50; i++) {
		long before = now_us(CLOCK_BOOTTIME), wall = now_us(CLOCK_REALTIME);
		long took = now_us(CLOCK_BOOTTIME) - before;

		if (took < least) {
			least = took;
			offset = wall - before - took / 2;
		}
	}
	return offset;
}

static void seed(void)
{
	const char *text = getenv("CONNMON_SEED");
	long number = text ? strtol(text, NULL, 10) : now_us(CLOCK_BOOTTIME);

	printf("CONNMON_SEED=%ld\n", number);
	srand48(number);
}

/* After each of them: the row that tells of it, a connection that was open, and a new one. */
static void after_any_step_no_time_is_off_by_more_than_10_ms_and_keys_go_on(void **state)
{
	const char *text = getenv("CONNMON_STEPS");
	long steps = text ? strtol(text, NULL, 10) : N_STEPS;
	long off_us = 0, worst_us = 0, last = 0;
	struct node *n = *state;
	ino_t netns = node_stage(n);

	seed();
	for (long i = 0; i < steps; i++) {
		long rows = node_number(n, N_CLOCKS, 0), step_us = some_step_us(off_us), error_us,
		     id;
		struct pair open = open_pair();

		set_clock_us(step_us);
		off_us += step_us;
		node_expect_number(n, N_CLOCKS, 0, rows + 1);
		error_us = labs(node_number(n, LAST_OFFSET, 0) - offset_us());
		assert_in_range(error_us, 0, 10000);
		if (error_us > worst_us)
			worst_us = error_us;
		close_pair(n, netns, &open);
		/* Where no key has yet been, it is the time of the end. */
		id = one(n, netns, now_us(CLOCK_REALTIME) > node_number(n, NEWEST, 0));
		assert_true(id > last);
		last = id;
	}
	n->stages[n->n_stages - 1].n_rows = 4 * steps;
	printf("%ld steps, the offset at most %ld us off\n", steps, worst_us);
	set_clock_us(-off_us);
}

static void a_storm_during_steps_is_complete_and_no_duration_is_off(void **state)
{
	struct scene *s = scene_new(ADDR);
	struct node *n = *state;
	ino_t netns = node_stage(n);
	pid_t server, client;
	long began_us, off_us = 0;

	s->n_connections = N;
	s->request = s->reply = 1;
	began_us = now_us(CLOCK_BOOTTIME);
	server = actor_start("server", part_servers, s);
	client = actor_start("client", part_clients, s);
	for (int i = 0; i < N_SETS; i++) {
		long newest = node_number(n, NEWEST, 0);
		long rows = node_number(n, UP_TO, newest);

		long step_us = some_step_us(off_us);

		set_clock_us(step_us);
		off_us += step_us;
		usleep(100000);
		/* Who follows sees all: nothing comes in before what was there. */
		assert_int_equal(node_number(n, UP_TO, newest), rows);
	}
	actor_wait(client);
	actor_wait(server);
	set_clock_us(-off_us);
	n->stages[n->n_stages - 1].n_rows = 2 * N;
	node_fence(n);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)netns), 2 * N);
	assert_in_range(
		node_number(
			n,
			"SELECT max(duration_us) FROM connections WHERE ended_at NOT NULL AND netns = ?1",
			(long)netns),
		1, now_us(CLOCK_BOOTTIME) - began_us);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_is_a_row_and_times_are_told_by_the_clock_as_it_is),
		cmocka_unit_test(a_small_step_is_a_row_too),
		cmocka_unit_test(setting_the_clock_to_what_it_is_is_no_step),
		cmocka_unit_test(after_any_step_no_time_is_off_by_more_than_10_ms_and_keys_go_on),
		cmocka_unit_test(a_storm_during_steps_is_complete_and_no_duration_is_off),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (!getenv("CONNMON_GUEST")) {
		puts("this sets the clock: only a guest of vm.sh may run it");
		return 1;
	}
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
