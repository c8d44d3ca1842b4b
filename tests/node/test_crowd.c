/*
 * Very many sockets at a time: each is followed or counted as one that was not, and becomes
 * exactly one row when it ends; what the collector holds for them in memory is bounded.
 *
 * CONNMON_SOCKETS in the environment: how many. A million needs some 5 GB.
 */
#include "node.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "parts.h"
#include "rss.h"

#define SOCKETS	  20000
#define PAIRS_MIN 4
/* Connections of a pair: all that they tell at a time has room in the ring, so that nothing may
 * get lost whoever is how fast. */
#define PER_PAIR  12500L
#define LONG_TIME 3600 /* s: no actor lives longer */

struct crowd {
	long sockets, connections;
	int n_pairs;
	struct pair {
		struct scene *scene;
		char addr[16];
		pid_t server, client;
	} * pairs;
};

static long n_sockets(void)
{
	const char *wanted = getenv("CONNMON_SOCKETS");

	return wanted ? atol(wanted) : SOCKETS;
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

static double seconds(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int *room_for(long n)
{
	struct rlimit files = {.rlim_cur = n + 64, .rlim_max = n + 64};
	int *fds = calloc(n, sizeof(*fds));

	must(fds && setrlimit(RLIMIT_NOFILE, &files) == 0);
	alarm(LONG_TIME);
	return fds;
}

static void part_crowd_server(struct scene *s)
{
	int *fds = room_for(s->n_connections), listener = listen_at(s->addr, s->port);

	cue_give(s, CUE_LISTENING);
	for (long i = 0; i < s->n_connections; i++) {
		fds[i] = accept_one(listener);
		send_bytes(fds[i], 1);
	}
	close(listener);
	for (long i = 0; i < s->n_connections; i++) {
		wait_for_end(fds[i]);
		close(fds[i]);
	}
}

static void part_crowd_client(struct scene *s)
{
	int *fds = room_for(s->n_connections);

	cue_wait(s, CUE_LISTENING);
	for (long i = 0; i < s->n_connections; i++) {
		fds[i] = dial(s->addr, s->port);
		receive_bytes(fds[i], 1);
	}
	cue_give(s, CUE_CONNECTED);
	must(sem_wait(&s->cues[CUE_GO]) == 0); /* longer than cue_wait() would */
	for (long i = 0; i < s->n_connections; i++)
		close(fds[i]);
}

/* All of them connected, and all that they told read by the collector, if it runs. */
static struct crowd crowd_come(struct node *n)
{
	struct crowd c = {.sockets = n_sockets(), .connections = n_sockets() / 2};
	double start_s = seconds();

	c.n_pairs = (int)((c.connections + PER_PAIR - 1) / PER_PAIR);
	if (c.n_pairs < PAIRS_MIN)
		c.n_pairs = PAIRS_MIN;
	must(c.connections > 0 && c.connections % c.n_pairs == 0 && c.n_pairs < 65536);
	c.pairs = calloc(c.n_pairs, sizeof(*c.pairs));
	must(c.pairs);
	port_range(5000, 65535);
	for (int i = 0; i < c.n_pairs; i++) {
		struct pair *p = &c.pairs[i];

		snprintf(p->addr, sizeof(p->addr), "127.1.%d.%d", i / 256, i % 256);
		p->scene = scene_new(p->addr);
		p->scene->n_connections = c.connections / c.n_pairs;
		p->server = actor_start("crowd-server", part_crowd_server, p->scene);
		p->client = actor_start("crowd-client", part_crowd_client, p->scene);
		cue_wait(p->scene, CUE_CONNECTED);
		if (n->pid)
			node_fence(n);
	}
	printf("%ld sockets were opened in %.1f s\n", c.sockets, seconds() - start_s);
	return c;
}

static void crowd_go(struct node *n, struct crowd *c)
{
	double start_s = seconds();

	for (int i = 0; i < c->n_pairs; i++) {
		struct pair *p = &c->pairs[i];

		cue_give(p->scene, CUE_GO);
		actor_wait(p->client);
		actor_wait(p->server);
		node_fence(n);
		scene_free(p->scene);
	}
	wait_for_ends();
	node_fence(n);
	printf("and closed in %.1f s\n", seconds() - start_s);
	free(c->pairs);
}

#define OPEN_ROWS "SELECT count(*) FROM open_connection WHERE netns = ?1"

/*
 * Some kernels made for guests hide an event from us now and then: see test_nested.c. Of a
 * connection that is followed that is noticed, and it is a row of outcome lost, counted. Of one
 * that is not nobody can know. Such an agent, or another collector on this machine, may also be
 * who closes a socket for good, as it holds the file for a moment.
 */
#define HIDDEN(n) ((n) / 20)

/* One row is of the wrong kind, and it shows here. One without an owner was not followed: never a
 * wrong one, rather none. */
#define KINDS                                                                                      \
	"SELECT group_concat(kind, char(10)) FROM (SELECT DISTINCT direction || ' ' || outcome"    \
	" || ' ' || min(local_port, peer_port) || ' tx=' || tx_bytes || ' rx=' || rx_bytes ||"     \
	" ' ' || CASE direction WHEN 'out' THEN ifnull(comm, 'crowd-client')"                      \
	" ELSE ifnull(comm, 'crowd-server') END AS kind FROM connections"                          \
	" WHERE netns = ?1 AND ended_at NOT NULL AND outcome <> 'lost' AND closed_by NOT NULL"     \
	" AND closed_by IN (SELECT pid FROM processes WHERE comm LIKE 'crowd-%') ORDER BY kind)"

/* No socket is two rows, and each is one that is right: one byte went from server to client. */
static void assert_each_is_one_row(struct node *n, const struct crowd *c, long netns,
				   long least_rows)
{
	long rows = node_number(n, NODE_ENDED_ROWS, netns);
	long whole =
		node_number(n, NODE_ENDED_ROWS " AND outcome = 'closed' AND closed_by NOT NULL",
			    netns);
	char *kinds = node_text(n, KINDS, netns);

	printf("%ld sockets have %ld rows, %ld of them whole; %ld ends were hidden from us\n",
	       c->sockets, rows, whole, node_number(n, NODE_MISSED, 0));
	assert_in_range(rows, least_rows, c->sockets);
	assert_in_range(whole, c->sockets - HIDDEN(c->sockets), rows);
	assert_string_equal(kinds, "in closed 4711 tx=1 rx=0 crowd-server\n"
				   "out closed 4711 tx=0 rx=1 crowd-client");
	free(kinds);
	/* It holds files, too, while it scans. */
	assert_int_equal(node_number(n, "SELECT count(*) FROM connections WHERE closed_by = ?1",
				     n->pid),
			 0);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM (SELECT DISTINCT local_addr, local_port,"
				     " peer_addr, peer_port, direction FROM connections"
				     " WHERE netns = ?1)",
				     netns),
			 rows);
	assert_int_equal(node_number(n, OPEN_ROWS, netns), 0);
}

static void end_with_a_balanced_account(struct node *n)
{
	long recorded, lost;

	node_stop(n, &recorded, &lost);
	assert_int_equal(lost, node_number(n, NODE_MISSED, 0));
	assert_account_balanced(n);
}

static void begin(struct node *n, long max_open)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", max_open);
	node_start(n, (const char *const[]){"--flush", "100ms", "--max-open", text, NULL});
}

static void wait_for_open_rows(struct node *n, long netns, long least)
{
	double start_s = seconds();

	while (node_number(n, OPEN_ROWS, netns) < least) {
		must(seconds() - start_s < 300);
		usleep(100000);
	}
	printf("%.1f s later %ld of them are in the table of open ones\n", seconds() - start_s,
	       node_number(n, OPEN_ROWS, netns));
}

static void
a_crowd_that_there_is_room_for_is_seen_open_and_after_a_restart_and_then_ended(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n), recorded, lost;
	long max_open = n_sockets() + 10000; /* some of others on this machine */
	struct crowd c;
	double start_s;

	begin(n, max_open);
	rss_tell("at the start", rss_of(n->pid));
	c = crowd_come(n);
	wait_for_open_rows(n, netns, c.sockets);
	rss_tell("with all of them open", rss_of(n->pid));
	assert_int_equal(node_number(n, OPEN_ROWS, netns), c.sockets);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1 AND"
				     " ended_at IS NULL AND comm = CASE direction WHEN 'out'"
				     " THEN 'crowd-client' ELSE 'crowd-server' END",
				     netns),
			 c.sockets);

	start_s = seconds();
	node_stop(n, &recorded, &lost);
	printf("it stopped in %.1f s", seconds() - start_s);
	start_s = seconds();
	begin(n, max_open);
	printf(" and was ready again in %.1f s\n", seconds() - start_s);
	node_fence(n);
	rss_tell("after a restart", rss_of(n->pid));
	assert_int_equal(node_number(n, OPEN_ROWS, netns), c.sockets);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, netns), 0);

	crowd_go(n, &c);
	rss_tell("when all have ended", rss_of(n->pid));
	node_expect_number(n, NODE_ENDED_ROWS, netns, c.sockets); /* those lost, too */
	assert_each_is_one_row(n, &c, netns, c.sockets);
	assert_int_equal(node_number(n, NODE_OTHER_GAPS " AND reason <> 'stopped'", 0), 0);
	end_with_a_balanced_account(n);
}

static void a_crowd_beyond_what_is_followed_is_counted_and_each_is_a_row_in_the_end(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n), max_open = n_sockets() / 4, open, told;
	struct crowd c;

	begin(n, max_open);
	c = crowd_come(n);
	wait_for_open_rows(n, netns, max_open / 2); /* others may have had the rest */
	node_fence(n);
	open = node_number(n, OPEN_ROWS, netns);
	told = node_number(n, "SELECT total(count) FROM gap WHERE reason = 'table_full'", 0);
	rss_tell("with the table full", rss_of(n->pid));
	printf("%ld of them are known as open, %ld counted as not followed\n", open, told);
	assert_true(open <= max_open);
	assert_true(open + told >= c.sockets); /* more, when others found no room either */

	crowd_go(n, &c);
	rss_tell("when all have ended", rss_of(n->pid));
	assert_each_is_one_row(n, &c, netns, c.sockets - HIDDEN(c.sockets));
	assert_int_equal(node_number(n, NODE_OTHER_GAPS " AND reason <> 'table_full'", 0), 0);
	/* Those that were followed have been seen to begin, and have an owner. */
	assert_true(node_number(n,
				"SELECT count(*) FROM connections WHERE netns = ?1 AND"
				" flags & 4 = 0 AND comm NOT NULL",
				netns) >= open);
	end_with_a_balanced_account(n);
}

int main(void)
{
#define OF_ITS_OWN(test) cmocka_unit_test_setup_teardown(test, fresh, done)
	const struct CMUnitTest tests[] = {
		OF_ITS_OWN(
			a_crowd_that_there_is_room_for_is_seen_open_and_after_a_restart_and_then_ended),
		OF_ITS_OWN(a_crowd_beyond_what_is_followed_is_counted_and_each_is_a_row_in_the_end),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
