#include "rig.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/event.h"
#include "clock.h"
#include "history.h"
#include "netns.h"
#include "tests/no_pins.h"

#define START_NS    (1000 * NS_PER_S)
#define OFFSET_NS   (1769853600LL * NS_PER_S)
#define NETNS	    4026531840U
#define PHASES	    6 /* of a run */
#define ENDED	    8 /* connections that begin and end in a phase */
#define MAX_IDS	    512
#define MAX_WAITING 512
#define MAX_TRIES   200
#define PHASE_TICKS 8
#define FIRST_PID   5000000 /* nobody has it: /proc shows none above 4 million */
#define PATH_OF_CGROUP                                                                             \
	"/system.slice/docker-"                                                                    \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope"

/* ---- the kernel side ---- */

static struct kernel {
	int64_t now_ns, offset_ns;
	probe_sink sink;
	void *ctx;
	struct waiting {
		union {
			struct event_header header;
			struct event_end end;
			struct event_listen listen;
			struct event_exec exec;
			struct event_exit exit;
			struct event_cgroup cgroup;
		};
	} ring[MAX_WAITING];
	size_t n_waiting;
	struct probe_counters counters;

	/* What there is of connections, by number: their cookies. */
	unsigned int n_ids;
	struct {
		bool open, over;
		int64_t start_ns;
	} ids[MAX_IDS];
	unsigned int n_listeners;
} kernel;

int64_t clock_boot_ns(void)
{
	return kernel.now_ns += NS_PER_US;
}

int64_t clock_offset_ns(void)
{
	return kernel.offset_ns;
}

int netns_each(int (*each)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	return each(ctx, err);
}

int probe_new(const struct probe_config *config, probe_sink sink, void *ctx, struct probe **out,
	      struct err *err)
{
	(void)config, (void)err;
	kernel.sink = sink;
	kernel.ctx = ctx;
	kernel.counters = (struct probe_counters){0};
	kernel.n_waiting = 0;
	*out = (struct probe *)&kernel;
	return 0;
}

void probe_free(struct probe *p)
{
	(void)p;
}

int probe_fd(const struct probe *p)
{
	(void)p;
	return -1;
}

int probe_read(struct probe *p)
{
	size_t n = 0;
	int ret = 0;

	(void)p;
	while (n < kernel.n_waiting && !ret) {
		const struct waiting *w = &kernel.ring[n++];

		ret = kernel.sink(kernel.ctx, w, w->header.size);
	}
	kernel.n_waiting -= n;
	memmove(kernel.ring, kernel.ring + n, kernel.n_waiting * sizeof(kernel.ring[0]));
	return ret ? ret : (int)n;
}

void probe_stop(struct probe *p)
{
	(void)p;
}

int probe_scan_processes(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)sink, (void)ctx, (void)err;
	return 0;
}

int probe_counters(const struct probe *p, struct probe_counters *out, struct err *err)
{
	(void)p, (void)err;
	*out = kernel.counters;
	return 0;
}

static struct event_owner owner_of(unsigned int id)
{
	return (struct event_owner){.start_boot_ns = NS_PER_S + id % 3,
				    .cgroup_id = 4000 + id % 2,
				    .pid = FIRST_PID + id % 3,
				    .uid = 1000,
				    .exec_id = 1,
				    .comm = "curl",
				    .thread = "worker"};
}

/* What is told of connection @id, as of now. */
static struct event_end told(unsigned int id, enum event_type type)
{
	return (struct event_end){
		.connection = {.header = {.time_boot_ns = (uint64_t)kernel.now_ns,
					  .size = sizeof(struct event_end),
					  .type = (uint8_t)type},
			       .id = 1000 + id,
			       .cookie = id,
			       .cgroup_id = 4000 + id % 2,
			       .start_boot_ns = (uint64_t)kernel.ids[id].start_ns,
			       .established_boot_ns = (uint64_t)kernel.ids[id].start_ns + 1000,
			       .local_addr = {10, 0, 0, (uint8_t)(1 + id % 2)},
			       .peer_addr = {10, 1, (uint8_t)(id >> 8), (uint8_t)id},
			       .netns = NETNS,
			       .local_port = (uint16_t)(30000 + id),
			       .peer_port = 443,
			       .family = 4,
			       .owner_source = OWNER_CONNECT,
			       .owner = owner_of(id)},
		.closer = owner_of(id),
		.tx_bytes = id,
		.rx_bytes = (uint64_t)kernel.now_ns / NS_PER_S,
		.min_rtt_us = 7,
		.old_state = TCP_LAST_ACK,
	};
}

static struct event_listen listening(unsigned int number)
{
	return (struct event_listen){.header = {.time_boot_ns = (uint64_t)clock_boot_ns(),
						.size = sizeof(struct event_listen),
						.type = EVENT_LISTEN},
				     .cookie = 9000 + number,
				     .netns = NETNS,
				     .port = (uint16_t)(8000 + number),
				     .family = 4,
				     .up = 1,
				     .owner = owner_of(number)};
}

static void tell(const void *record)
{
	const struct event_header *h = record;

	assert_true(kernel.n_waiting < MAX_WAITING);
	memcpy(&kernel.ring[kernel.n_waiting++], record, h->size);
	kernel.counters.seen[h->type]++;
}

static int tell_open(struct event_end e, uint8_t flags, probe_sink sink, void *ctx)
{
	e.connection.header.type = EVENT_OPEN;
	e.connection.header.size = sizeof(e.connection);
	e.connection.flags = flags;
	return sink(ctx, &e.connection, sizeof(e.connection));
}

static int scan(probe_sink sink, void *ctx, struct err *err)
{
	for (unsigned int id = 1; id <= kernel.n_ids; id++) {
		int ret = kernel.ids[id].open
				  ? tell_open(told(id, EVENT_OPEN), EVENT_PREEXISTING, sink, ctx)
				  : 0;

		if (ret)
			return err_set(err, ret, "looking for connections: %s", strerror(-ret));
	}
	return 0;
}

int probe_scan_files(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p;
	for (unsigned int i = 1; i <= kernel.n_listeners; i++) {
		struct event_listen e = listening(i);
		int ret = sink(ctx, &e, sizeof(e));

		if (ret)
			return err_set(err, ret, "looking for listeners: %s", strerror(-ret));
	}
	return scan(sink, ctx, err);
}

int probe_scan_namespace(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p;
	return scan(sink, ctx, err);
}

int probe_review(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p;
	for (unsigned int id = 1; id <= kernel.n_ids; id++) {
		struct event_end e = told(id, EVENT_PROGRESS);
		int ret;

		if (!kernel.ids[id].open)
			continue;
		e.old_state = TCP_ESTABLISHED;
		ret = sink(ctx, &e, sizeof(e));
		if (ret)
			return err_set(err, ret, "looking at connections: %s", strerror(-ret));
	}
	return 0;
}

/* ---- the play ---- */

static unsigned int connection_opens(void)
{
	unsigned int id = ++kernel.n_ids;
	struct event_end e;

	assert_true(id < MAX_IDS);
	kernel.ids[id].start_ns = clock_boot_ns();
	kernel.ids[id].open = true;
	e = told(id, EVENT_OPEN);
	e.connection.header.size = sizeof(e.connection);
	tell(&e);
	return id;
}

static void connection_ends(unsigned int id)
{
	struct event_end e;

	clock_boot_ns();
	e = told(id, EVENT_END);
	tell(&e);
	kernel.ids[id].open = false;
	kernel.ids[id].over = true;
}

static void socket_listens(void)
{
	struct event_listen e = listening(++kernel.n_listeners);

	tell(&e);
}

static void process_runs(unsigned int phase)
{
	static const char path[] = "curl\0bin\0usr";
	struct event_exec e = {.header = {.time_boot_ns = (uint64_t)clock_boot_ns(),
					  .size = offsetof(struct event_exec, args),
					  .type = EVENT_EXEC},
			       .owner = owner_of(phase),
			       .path_len = sizeof(path)};

	memcpy(e.path, path, sizeof(path));
	tell(&e);
}

static void process_ends(unsigned int phase)
{
	struct event_owner who = owner_of(phase);
	struct event_exit e = {.header = {.time_boot_ns = (uint64_t)clock_boot_ns(),
					  .size = sizeof(e),
					  .type = EVENT_EXIT},
			       .start_boot_ns = who.start_boot_ns,
			       .pid = who.pid};

	tell(&e);
}

static void cgroup_is_made(unsigned int phase)
{
	struct event_cgroup e = {.header = {.time_boot_ns = (uint64_t)clock_boot_ns(),
					    .size = sizeof(e),
					    .type = EVENT_CGROUP},
				 .id = 4000 + phase % 2,
				 .up = 1,
				 .path_len = sizeof(PATH_OF_CGROUP) - 1,
				 .path = PATH_OF_CGROUP};

	tell(&e);
}

static void play_phase(unsigned int phase)
{
	unsigned int id = 0;

	cgroup_is_made(phase);
	process_runs(phase);
	socket_listens();
	for (int i = 0; i < ENDED; i++)
		connection_ends(connection_opens());
	id = connection_opens(); /* of each phase, one stays open until a later one */
	for (unsigned int old = 1; old < id; old++)
		if (kernel.ids[old].open && phase % 3 == 2) {
			connection_ends(old);
			break;
		}
	process_ends(phase);
}

static void hear(void *ctx, const char *text)
{
	struct rig *r = ctx;

	assert_true(text[0] != '\0');
	r->notes++;
}

/* Something failed: it must say what. */
static void failed(struct rig *r, const struct err *err, unsigned int times)
{
	assert_true(err->code < 0 && err->msg[0] != '\0');
	r->failures++;
	if (times == 3 && r->mend)
		r->mend();
	if (times > MAX_TRIES)
		fail_msg("does not come back: %s", err->msg);
}

static struct collector *start(struct rig *r, const struct options *o)
{
	const struct note note = {.say = hear, .ctx = r};
	struct collector *c = NULL;

	for (unsigned int times = 1;; times++) {
		struct err err = {0};

		if (collector_new(o, NULL, &note, &c, &err) == 0)
			return c;
		failed(r, &err, times);
		clock_boot_ns();
	}
}

static void work(struct rig *r, struct collector *c)
{
	unsigned int times = 0;

	for (int i = 0; i < PHASE_TICKS; i++) {
		struct err err = {0};
		int ret;

		kernel.now_ns += COLLECTOR_TICK_MS * NS_PER_MS;
		do {
			ret = collector_work(c, &err);
		} while (ret > 0);
		if (ret < 0) {
			failed(r, &err, ++times);
			i--;
		}
	}
}

static void play_run(struct rig *r, const struct options *o, bool first)
{
	struct collector *c = start(r, o);
	struct closing closing;
	struct err err = {0};

	for (unsigned int phase = 0; phase < PHASES; phase++) {
		play_phase(phase);
		if (first && phase == 2) { /* so that an hour is over */
			kernel.offset_ns += 3700 * NS_PER_S;
			collector_clock_set(c);
		}
		if (first && phase == 3 && r->midway)
			r->midway(r);
		work(r, c);
	}
	if (collector_finish(c, &closing, &err) != 0) {
		failed(r, &err, 1);
		r->unfinished = true;
	}
	collector_free(c);
	if (r->mend && !first)
		r->mend();
	kernel.now_ns += NS_PER_S;
}

void rig_play(struct rig *r)
{
	struct options o = {.db = r->path,
			    .durable = r->durable,
			    .flush_ns = NS_PER_S,
			    .refresh_ns = 3 * NS_PER_S};

	memset(&kernel, 0, sizeof(kernel));
	kernel.now_ns = START_NS;
	kernel.offset_ns = OFFSET_NS;
	r->failures = r->notes = 0;
	r->unfinished = false;
	play_run(r, &o, true);
	play_run(r, &o, false);
}

/* ---- what must have come of it ---- */

long rig_number(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	long n;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		fail_msg("%s: %s: %s", path, sql, sqlite3_errmsg(db));
	n = (long)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

/* Counts in @met how often each connection has a row in the file @path. */
static void count_rows(const char *path, unsigned int met[MAX_IDS])
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int rc;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	rc = sqlite3_prepare_v2(db, "SELECT cookie, outcome, tx_bytes FROM connection", -1, &stmt,
				NULL);
	while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
		unsigned int id = (unsigned int)sqlite3_column_int(stmt, 0);

		if (id < MAX_IDS)
			met[id]++;
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static bool is_set_aside(const char *name)
{
	return strstr(name, ".corrupt-") && !strstr(name, "-wal") && !strstr(name, "-shm");
}

static void count_rows_of_all(struct rig *r, unsigned int met[MAX_IDS])
{
	DIR *d = opendir(r->folder);
	struct dirent *e;
	char path[512];

	assert_non_null(d);
	while ((e = readdir(d)))
		if (is_set_aside(e->d_name)) {
			snprintf(path, sizeof(path), "%s/%s", r->folder, e->d_name);
			count_rows(path, met);
		}
	closedir(d);
	count_rows(r->path, met);
}

static void assert_sound(struct rig *r, const char *words)
{
	if (rig_number(r->path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") != 1)
		fail_msg("%s: the database is damaged", words);
	if (rig_number(r->path, "SELECT count(*) FROM pragma_foreign_key_check"))
		fail_msg("%s: a row refers to one that is not there", words);
	if (rig_number(r->path, "SELECT count(*) FROM connections WHERE comm <> 'curl'"))
		fail_msg("%s: a row has another owner", words);
	if (rig_number(r->path, "SELECT count(*) FROM account JOIN run ON run.id = run_id"
				" WHERE stop_us IS NOT NULL"
				" AND account.seen <> account.recorded + account.lost + filtered"))
		fail_msg("%s: an account does not add up", words);
	if (rig_number(r->path, "SELECT count(*) FROM run WHERE stop_us IS NOT NULL"
				" AND seen <> recorded + lost"))
		fail_msg("%s: a run's rows do not add up", words);
}

static unsigned int count_open(void)
{
	unsigned int n = 0;

	for (unsigned int id = 1; id <= kernel.n_ids; id++)
		n += kernel.ids[id].open;
	return n;
}

static void assert_rows(struct rig *r, const char *words, bool all)
{
	unsigned int met[MAX_IDS] = {0};

	count_rows_of_all(r, met);
	for (unsigned int id = 1; id <= kernel.n_ids; id++)
		if (met[id] > kernel.ids[id].over || (all && met[id] < kernel.ids[id].over))
			fail_msg("%s: connection %u, which is %s, has %u rows", words, id,
				 kernel.ids[id].over ? "over" : "open", met[id]);
}

void rig_assert_sound(struct rig *r, const char *words)
{
	assert_sound(r, words);
	assert_rows(r, words, false);
}

/* What there is no memory for is not known until a scan finds it, but it is counted. */
static void assert_number(struct rig *r, const char *words, const char *sql, long want)
{
	long have = rig_number(r->path, sql);
	long counted = rig_number(r->path, "SELECT total(count) FROM gap WHERE reason = 'corrupt'");

	if (have > want || have + counted < want)
		fail_msg("%s: %s: %ld instead of %ld", words, sql, have, want);
}

void rig_assert_whole(struct rig *r, const char *words)
{
	assert_sound(r, words);
	assert_rows(r, words, !r->unfinished);
	if (r->unfinished)
		return;
	assert_number(r, words, "SELECT count(*) FROM open_connection", count_open());
	assert_number(r, words, "SELECT count(DISTINCT cookie) FROM open_connection", count_open());
	assert_number(r, words, "SELECT count(DISTINCT cookie) FROM listener", kernel.n_listeners);
}

/* ---- the folder ---- */

static void empty_folder(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[512];

	assert_non_null(d);
	while ((e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	closedir(d);
}

void rig_setup(struct rig *r)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	if (!r->folder[0]) {
		snprintf(r->folder, sizeof(r->folder), "%s/connmon-fault-XXXXXX", base);
		assert_non_null(mkdtemp(r->folder));
		snprintf(r->path, sizeof(r->path), "%s/h.db", r->folder);
	}
	empty_folder(r->folder);
}

void rig_teardown(struct rig *r)
{
	empty_folder(r->folder);
	rmdir(r->folder);
	r->folder[0] = '\0';
}

struct rig_places rig_places(unsigned int stride)
{
	const char *seed = getenv("CONNMON_FAULT_SEED");

	if (getenv("CONNMON_FAULT_ALL"))
		return (struct rig_places){.next = 1, .stride = 1};
	return (struct rig_places){.next = 1 +
					   (seed ? (unsigned int)strtoul(seed, NULL, 10) % stride
						 : 0),
				   .stride = stride};
}
