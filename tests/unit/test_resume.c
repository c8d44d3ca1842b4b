/*
 * The collector, killed hundreds of times at its worst moments, over a ring that outlives
 * it: each connection is recorded once, and each run's account is equal. Everything of the
 * collector is real but for the kernel: the probe below reads a ring in memory that the
 * test fills.
 */
#include "unit.h"

#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../bpf/event.h"
#include "clock.h"
#include "collector.h"
#include "netns.h"
#include "ring.h"
#include "tempdb.h"

#define ROUNDS	   250
#define RING_BYTES (64 << 10)
#define SLOTS	   48
#define MAX_MADE   200000

/* Where the collector is killed. */
enum point {
	ANYWHERE,      /* by the test, after a while */
	IN_A_COMMIT,   /* some rows are written, and not committed */
	BEFORE_COMMIT, /* all rows are written */
	COMMITTED,     /* and the kernel does not know */
	RELEASED,      /* now it does */
	POINTS,
};

/* What the kernel keeps: it stays when a collector is gone. */
struct world {
	_Atomic uint64_t last_id;
	struct probe_counters counters;
	int64_t instance_ns;
	struct slot {
		_Atomic uint64_t id; /* 0: not open */
		struct event_end e;  /* as a review tells it */
	} slots[SLOTS];
	/* For the collector: */
	enum point point;
	int countdown;
	atomic_bool finish;
	atomic_int kills_at[POINTS];
};

static struct world *world;
static struct ring kernel_ring; /* the test's own view of it */
static uint64_t *consumer, *producer;
static char *data;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(1);
}

static void make_world(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("ring", MFD_CLOEXEC);
	char *at;

	must(fd >= 0 && ftruncate(fd, (off_t)page + RING_BYTES) == 0, "a file in memory");
	at = mmap(NULL, page + 2 * RING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(at != MAP_FAILED, "room");
	must(mmap(at, page + RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) !=
			     MAP_FAILED &&
		     mmap(at + page + RING_BYTES, RING_BYTES, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, fd, (off_t)page) != MAP_FAILED,
	     "a ring");
	close(fd);
	consumer = (uint64_t *)(void *)at;
	producer = consumer + 8;
	data = at + page;
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	must(world != MAP_FAILED, "a world");
	world->instance_ns = clock_boot_ns();
	ring_init(&kernel_ring, consumer, producer, data, RING_BYTES);
}

static void end_world(void)
{
	munmap(consumer, (size_t)sysconf(_SC_PAGESIZE) + 2 * RING_BYTES);
	munmap(world, sizeof(*world));
}

/* ---- the kernel ---- */

/* False: there is no room, which is counted. */
static bool send(const void *event, uint32_t len)
{
	const struct event_header *h = event;
	uint32_t size = (len + 8 + 7) / 8 * 8;
	_Atomic uint32_t *head;

	world->counters.seen[h->type]++;
	if (*producer + size - __atomic_load_n(consumer, __ATOMIC_ACQUIRE) > RING_BYTES - 1) {
		world->counters.lost[h->type]++;
		return false;
	}
	head = (_Atomic uint32_t *)(void *)(data + *producer % RING_BYTES);
	atomic_store(head, len | BPF_RINGBUF_BUSY_BIT);
	__atomic_store_n(producer, *producer + size, __ATOMIC_RELEASE);
	memcpy((char *)head + 8, event, len);
	atomic_store(head, len);
	return true;
}

static bool has_room(void)
{
	return *producer + 1024 - __atomic_load_n(consumer, __ATOMIC_ACQUIRE) < RING_BYTES;
}

static void open_slot(struct slot *s)
{
	struct event_connection open;
	int64_t now = clock_boot_ns();
	uint64_t id = atomic_load(&world->last_id);

	id = (uint64_t)now > id ? (uint64_t)now : id + 1;
	atomic_store(&world->last_id, id);
	memset(&s->e, 0, sizeof(s->e));
	s->e.connection = (struct event_connection){
		.header = {.time_boot_ns = (uint64_t)now,
			   .size = sizeof(s->e),
			   .type = EVENT_PROGRESS},
		.id = id,
		.cookie = id,
		.start_boot_ns = (uint64_t)now,
		.established_boot_ns = (uint64_t)now,
		.local_addr = {127, 0, 0, 1},
		.peer_addr = {127, 0, 0, 2},
		.netns = 4711,
		.local_port = 1,
		.peer_port = 2,
		.family = 4,
	};
	s->e.old_state = 1; /* established */
	open = s->e.connection;
	open.header.size = sizeof(open);
	open.header.type = EVENT_OPEN;
	atomic_store(&s->id, id);
	send(&open, sizeof(open));
}

static void close_slot(struct slot *s)
{
	struct event_end end = s->e;

	end.connection.header.type = EVENT_END;
	end.connection.header.time_boot_ns = (uint64_t)clock_boot_ns();
	/* First: a review must not tell of it after its end. */
	atomic_store(&s->id, 0);
	send(&end, sizeof(end));
}

/* Opens or closes one of the connections. */
static void happen(unsigned int *seed, long *made)
{
	struct slot *s = &world->slots[rand_r(seed) % SLOTS];

	if (atomic_load(&s->id)) {
		close_slot(s);
	} else if (*made < MAX_MADE) {
		open_slot(s);
		++*made;
	}
}

/* ---- the collector's probe ---- */

struct probe {
	struct ring ring;
	probe_sink sink;
	void *ctx;
};

static void come_to(enum point point)
{
	if (world->point == point && --world->countdown == 0) {
		atomic_fetch_add(&world->kills_at[point], 1);
		kill(getpid(), SIGKILL);
	}
}

int probe_new(const struct probe_config *config, probe_sink sink, void *ctx, struct probe **out,
	      struct err *err)
{
	struct probe *p = calloc(1, sizeof(*p));

	(void)config, (void)err;
	must(p != NULL, "memory");
	ring_init(&p->ring, consumer, producer, data, RING_BYTES);
	p->ring.keep = true;
	p->sink = sink;
	p->ctx = ctx;
	*out = p;
	return 0;
}

void probe_free(struct probe *p)
{
	free(p);
}

int probe_fd(const struct probe *p)
{
	(void)p;
	return -1;
}

int probe_read(struct probe *p)
{
	return ring_read(&p->ring, p->sink, p->ctx);
}

void probe_stop(struct probe *p)
{
	(void)p;
}

enum probe_pins probe_pins(const struct probe *p)
{
	(void)p;
	return PROBE_ADOPTED;
}

int64_t probe_instance_ns(const struct probe *p)
{
	(void)p;
	return world->instance_ns;
}

uint64_t probe_position(const struct probe *p)
{
	return p->ring.taken;
}

void probe_release(struct probe *p)
{
	come_to(COMMITTED);
	ring_release(&p->ring, p->ring.taken);
	come_to(RELEASED);
}

bool probe_must_release(const struct probe *p)
{
	return ring_unreleased(&p->ring) > RING_BYTES / 16;
}

bool probe_resume(struct probe *p, uint64_t position)
{
	return ring_skip(&p->ring, position);
}

void probe_pass(struct probe *p, int64_t boot_ns)
{
	(void)p, (void)boot_ns; /* no run of another kind has filled the database */
}

void probe_span(const struct probe *p, uint64_t *from, uint64_t *to)
{
	*to = ring_written(&p->ring);
	*from = p->ring.taken - ring_unreleased(&p->ring);
}

int probe_scan_processes(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)sink, (void)ctx, (void)err;
	return 0;
}

int probe_scan_files(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)sink, (void)ctx, (void)err;
	return 0;
}

int probe_scan_namespace(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)sink, (void)ctx, (void)err;
	return 0;
}

int netns_each(int (*each)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	(void)each, (void)ctx, (void)err;
	return 0;
}

int probe_review(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)err;
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &world->slots[i];
		uint64_t id = atomic_load(&s->id);
		struct event_end e = s->e;

		if (id && e.connection.id == id && atomic_load(&s->id) == id)
			sink(ctx, &e, sizeof(e));
	}
	return 0;
}

int probe_counters(const struct probe *p, struct probe_counters *out, struct err *err)
{
	(void)p, (void)err;
	*out = world->counters;
	return 0;
}

int probe_counters_read(const struct probe *p, struct probe_counters *out, struct err *err)
{
	(void)p, (void)err;
	memset(out, 0, sizeof(*out)); /* the first of all collectors finds all in the ring */
	return 0;
}

/* ---- a collector ---- */

static void on_row(void *ctx, int what, const char *db, const char *table, sqlite3_int64 row)
{
	(void)ctx, (void)what, (void)db, (void)table, (void)row;
	come_to(IN_A_COMMIT);
}

static int on_commit(void *ctx)
{
	(void)ctx;
	come_to(BEFORE_COMMIT);
	return 0;
}

static int hook(sqlite3 *db)
{
	sqlite3_update_hook(db, on_row, NULL);
	sqlite3_commit_hook(db, on_commit, NULL);
	return SQLITE_OK;
}

static void collect(const char *db)
{
	const struct options options = {.db = db, .flush_ns = NS_PER_MS, .refresh_ns = NS_PER_S};
	struct collector *c = NULL;
	struct closing closing;
	struct err err = {0};
	int more = 0;

	sqlite3_auto_extension((void (*)(void))hook);
	if (collector_new(&options, stdout, &(struct note){0}, &c, &err) != 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(2);
	}
	while (more >= 0 && !(atomic_load(&world->finish) && more == 0)) {
		more = collector_work(c, &err);
		if (more == 0)
			usleep(200);
	}
	if (more < 0 || collector_finish(c, &closing, &err) != 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(3);
	}
	_exit(0);
}

static pid_t start(const char *db, enum point point, int countdown)
{
	pid_t pid;

	world->point = point;
	world->countdown = countdown;
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0)
		collect(db);
	return pid;
}

/* It was killed, and nothing else. */
static bool is_over(pid_t pid, int options)
{
	int status;
	pid_t got = waitpid(pid, &status, options);

	must(got >= 0, "waitpid");
	if (got && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		fail_msg("the collector ended by itself: %x", (unsigned int)status);
	return got != 0;
}

static void end_in_order(pid_t pid)
{
	int status;

	atomic_store(&world->finish, true);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	assert_int_equal(status, 0);
}

/* ---- the tests ---- */

static int setup(void **state)
{
	make_world();
	return tempdb_setup(state);
}

static int teardown(void **state)
{
	end_world();
	return tempdb_teardown(state);
}

static sqlite3 *open_db(const struct tempdb *t)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
	return db;
}

static void assert_accounts_are_equal(sqlite3 *db)
{
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM account"
					   " WHERE seen <> recorded + lost + filtered"),
			 0);
	assert_int_equal(tempdb_number(db,
				       "SELECT count(*) FROM run WHERE seen <> recorded + lost"),
			 0);
	assert_int_equal(tempdb_number(db, "SELECT sum(recorded) FROM run"),
			 tempdb_number(db, "SELECT count(*) FROM connection"));
}

static void a_collector_killed_at_any_point_has_each_connection_once(void **state)
{
	struct tempdb *t = *state;
	unsigned int seed = 4711;
	long made = 0;
	sqlite3 *db;
	pid_t pid;

	for (int round = 0; round < ROUNDS; round++) {
		enum point point = (enum point)(round % POINTS);
		int patience = 10 + rand_r(&seed) % 90;

		pid = start(t->path, point, 1 + rand_r(&seed) % (point == IN_A_COMMIT ? 100 : 10));
		while (!is_over(pid, WNOHANG)) {
			for (int i = rand_r(&seed) % 20; i > 0 && has_room(); i--)
				happen(&seed, &made);
			usleep(300);
			if (point == ANYWHERE && --patience == 0) {
				kill(pid, SIGKILL);
				atomic_fetch_add(&world->kills_at[ANYWHERE], 1);
			}
		}
		/* Some of it happens while there is none. */
		for (int i = rand_r(&seed) % 50; i > 0 && has_room(); i--)
			happen(&seed, &made);
	}
	pid = start(t->path, POINTS, 0);
	for (int i = 0; i < SLOTS; i++) {
		while (!has_room())
			usleep(100);
		if (atomic_load(&world->slots[i].id))
			close_slot(&world->slots[i]);
	}
	end_in_order(pid);

	for (int i = 0; i < POINTS; i++)
		assert_true(atomic_load(&world->kills_at[i]) >= ROUNDS / POINTS);
	db = open_db(t);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM open_connection"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection"), made);
	assert_int_equal(tempdb_number(db, "SELECT count(DISTINCT cookie) FROM connection"), made);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection WHERE outcome = 8"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection WHERE flags & 6"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM gap"), 0);
	assert_accounts_are_equal(db);
	assert_string_equal(tempdb_text(db, "PRAGMA integrity_check"), "ok");
	sqlite3_close(db);
}

static void what_found_no_room_while_there_was_no_collector_is_a_gap(void **state)
{
	struct tempdb *t = *state;
	unsigned int seed = 4711;
	long made = 0, lost;
	sqlite3 *db;
	pid_t pid;

	pid = start(t->path, COMMITTED, 2);
	while (!is_over(pid, WNOHANG)) {
		if (has_room())
			happen(&seed, &made);
		usleep(300);
	}
	for (int i = 0; i < 2000; i++)
		happen(&seed, &made);
	for (int i = 0; i < SLOTS; i++)
		if (atomic_load(&world->slots[i].id))
			close_slot(&world->slots[i]);
	lost = (long)world->counters.lost[EVENT_END];
	assert_true(lost > 100);
	end_in_order(start(t->path, POINTS, 0));
	end_in_order(start(t->path, POINTS, 0)); /* which finds nothing more to tell */

	db = open_db(t);
	assert_int_equal(tempdb_number(db, "SELECT sum(count) FROM gap WHERE reason = 'ring_full'"),
			 lost);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM gap WHERE reason <> 'ring_full'"),
			 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM gap JOIN run ON run.id = 1"
					   " WHERE from_us = last_commit_us"),
			 1);
	assert_int_equal(tempdb_number(db, "SELECT lost FROM run WHERE id = 2"), lost);
	assert_int_equal(tempdb_number(db, "SELECT sum(seen) FROM account WHERE run_id = 3"), 0);
	assert_int_equal(tempdb_number(db, "SELECT sum(lost) FROM account WHERE run_id = 3"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection WHERE outcome <> 8"),
			 made - lost);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM open_connection"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM account"
					   " WHERE seen <> recorded + lost + filtered"),
			 0);
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_collector_killed_at_any_point_has_each_connection_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_found_no_room_while_there_was_no_collector_is_a_gap, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
