/* --max-size: the database, its WAL, its shm and what was set aside, never above it. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "clock.h"
#include "files.h"
#include "readers.h"
#include "store.h"
#include "tempdb.h"

#define OFFSET_NS (1769853600LL * NS_PER_S)
#define MAX_BYTES (64ull << 20) /* the least there is */
#define BATCH	  5000
#define DMS_LOCK  128 /* in the shm: that a process has the database open */

struct fixture {
	struct tempdb *temp;
	struct processes processes;
	struct containers containers;
	struct store *store;
	sqlite3 *db; /* a second connection, to look with */
	struct connection rows[BATCH];
	int64_t now_ns;
	uint64_t written;
	struct watched {
		uint64_t most_bytes;
		struct file_sizes most;
	} * watched; /* by a process of its own */
	pid_t watcher;
	char notes[4096];
};

static void hear(void *ctx, const char *text)
{
	struct fixture *f = ctx;
	size_t len = strlen(f->notes);

	snprintf(f->notes + len, sizeof(f->notes) - len, "%s\n", text);
}

static void open_store_with(struct fixture *f, uint64_t max_bytes)
{
	const struct store_config config = {
		.path = f->temp->path,
		.now_boot_ns = f->now_ns,
		.offset_ns = OFFSET_NS,
		.retention = {.max_bytes = max_bytes},
		.note = {.say = hear, .ctx = f},
	};
	struct err err = {0};

	if (store_open(&config, &f->processes, &f->containers, &f->store, &err))
		fail_msg("%s", err.msg);
	store_set_patience(f->store, false);
}

static void open_store(struct fixture *f)
{
	open_store_with(f, MAX_BYTES);
}

/* As often as it can; when a file goes while it looks at the others, it is counted once. */
static void watch_sizes(const char *path, struct watched *w)
{
	for (;;) {
		struct file_sizes sizes = files_measure(path);
		struct aside_files aside;
		uint64_t bytes;

		files_aside(path, &aside);
		bytes = sizes.db + sizes.wal + sizes.shm + aside.bytes;
		if (bytes > w->most_bytes) {
			w->most = sizes;
			w->most_bytes = bytes;
		}
		usleep(100);
		if (getppid() == 1)
			_exit(0);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	tempdb_setup((void **)&f->temp);
	f->processes.proc = "/nowhere";
	f->containers.cgroups.mount_fd = -1;
	f->now_ns = NS_PER_S;
	f->watched = mmap(NULL, sizeof(*f->watched), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->watched, MAP_FAILED);
	f->watcher = fork();
	if (f->watcher == 0)
		watch_sizes(f->temp->path, f->watched);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct watched *w = f->watched;

	kill(f->watcher, SIGKILL);
	waitpid(f->watcher, NULL, 0);
	if (w->most_bytes > MAX_BYTES)
		print_error("%lu bytes: db %lu, wal %lu, shm %lu\n", (unsigned long)w->most_bytes,
			    (unsigned long)w->most.db, (unsigned long)w->most.wal,
			    (unsigned long)w->most.shm);
	assert_in_range(w->most_bytes, 1, MAX_BYTES);
	munmap(w, sizeof(*w));
	store_free(f->store);
	sqlite3_close(f->db);
	processes_clear(&f->processes);
	containers_clear(&f->containers);
	tempdb_teardown((void **)&f->temp);
	free(f);
	return 0;
}

/* A batch of connections, of a process of its own for every tenth. */
static int write_batch(struct fixture *f, struct err *err)
{
	struct flush flush = {.ended = f->rows, .n_ended = BATCH, .offset_ns = OFFSET_NS};
	int ret;

	for (int i = 0; i < BATCH; i++) {
		struct connection *c = &f->rows[i];
		uint32_t pid = (uint32_t)(f->written + (uint64_t)i) / 10 + 1;

		*c = (struct connection){
			.cookie = f->written + (uint64_t)i,
			.start_boot_ns = f->now_ns,
			.end_boot_ns = f->now_ns + i * NS_PER_US,
			.owner = {.pid = pid, .start_boot_ns = pid, .comm = "many"},
			.netns = 1,
			.family = 4,
			.min_rtt_us = MIN_RTT_NONE,
			.outcome = OUTCOME_CLOSED,
		};
		inet_pton(AF_INET, "10.0.0.1", &c->local_addr);
		inet_pton(AF_INET, "10.200.100.200", &c->peer_addr);
	}
	f->now_ns += NS_PER_S;
	flush.now_boot_ns = f->now_ns;
	ret = store_write(f->store, &flush, err);
	if (!ret)
		f->written += BATCH;
	return ret;
}

static void upkeep(struct fixture *f)
{
	struct err err = {0};

	if (store_upkeep(f->store, f->now_ns, OFFSET_NS, &err) < 0)
		fail_msg("%s", err.msg);
}

static void write_batches(struct fixture *f, int n)
{
	struct err err = {0};

	for (int i = 0; i < n; i++) {
		int ret = write_batch(f, &err);

		/* On a slow disk; the collector tries again, too. */
		for (int more = 0; ret == -EFBIG && more < 50; more++)
			ret = write_batch(f, &err);
		if (ret)
			fail_msg("%s", err.msg);
	}
}

static void look(struct fixture *f)
{
	if (!f->db)
		assert_int_equal(sqlite3_open(f->temp->path, &f->db), SQLITE_OK);
}

/* Without a pause, so without any upkeep; and more than fits in all. */
static void a_fast_writer_stays_below_the_bound_and_the_newest_stay(void **state)
{
	struct fixture *f = *state;

	open_store(f);
	write_batches(f, 110);
	look(f);
	assert_in_range(f->watched->most_bytes, MAX_BYTES / 2, MAX_BYTES);
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM connection"), 100000,
			(long)f->written - 1);
	assert_int_equal(tempdb_number(f->db, "SELECT max(id) FROM connection"),
			 (OFFSET_NS + f->now_ns - NS_PER_S) / NS_PER_US + BATCH - 1);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM connection, extent"
					      " WHERE connection.id < rows_from_us"),
			 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_string_equal(tempdb_text(f->db, "PRAGMA integrity_check"), "ok");
}

static void what_goes_before_it_is_totalled_is_counted_in_a_gap_and_told(void **state)
{
	struct fixture *f = *state;

	open_store(f);
	for (int i = 0; i < 120; i++) {
		write_batches(f, 1);
		upkeep(f);
	}
	look(f);
	assert_int_equal(tempdb_number(f->db, "SELECT (SELECT count(*) FROM connection) +"
					      " (SELECT sum(count) FROM gap"
					      "   WHERE reason = 'pruned')"),
			 f->written);
	assert_string_equal(tempdb_text(f->db, "SELECT min(connection.id) > max(to_us)"
					       " FROM connection, gap"),
			    "1");
	assert_non_null(strstr(f->notes, "--max-size is so small"));
}

static void while_the_totals_keep_up_no_gap_is_needed(void **state)
{
	struct fixture *f = *state;

	open_store(f);
	look(f);
	for (int i = 0; i < 120; i++) {
		write_batches(f, 1);
		f->now_ns += 3600 * NS_PER_S; /* each batch has an hour of its own */
		tempdb_run(f->db, "UPDATE extent SET totals_until_hour = max(totals_until_hour,"
				  " (SELECT max(id) / 3600000000 + 1 FROM connection))");
		upkeep(f);
	}
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM connection"), 100000,
			(long)f->written - 1);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM gap"), 0);
	assert_string_equal(f->notes, "");
}

/* The bound was another one, or there was none. */
static void a_database_that_is_too_large_already_is_made_smaller(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	int more = 1;

	open_store_with(f, 0);
	write_batches(f, 120);
	store_free(f->store);
	f->store = NULL;
	assert_in_range(files_measure(f->temp->path).db, MAX_BYTES / 2 + 1, MAX_BYTES);
	open_store(f);
	write_batches(f, 1);
	while (more == 1)
		more = store_upkeep(f->store, f->now_ns, OFFSET_NS, &err);
	assert_int_equal(more, 0);
	write_batches(f, 1);
	look(f);
	assert_in_range(tempdb_number(f->db, "PRAGMA page_count"), 1, MAX_BYTES / 2 / 4096);
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM connection"), 100000,
			(long)f->written - 1);
	assert_string_equal(tempdb_text(f->db, "PRAGMA integrity_check"), "ok");
}

/* No page of such a file can be given back: what is free is used again, and that is all. */
static void a_too_large_database_without_auto_vacuum_is_no_busy_loop(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	int more = 1;

	open_store_with(f, 0);
	write_batches(f, 120);
	store_free(f->store);
	f->store = NULL;
	look(f);
	tempdb_run(f->db, "PRAGMA journal_mode=DELETE; PRAGMA auto_vacuum=NONE; VACUUM");
	open_store(f);
	write_batches(f, 1);
	for (int i = 0; i < 100000 && more == 1; i++)
		more = store_upkeep(f->store, f->now_ns, OFFSET_NS, &err);
	assert_int_equal(more, 0);
	assert_in_range(tempdb_number(f->db, "PRAGMA freelist_count"), 1, MAX_BYTES / 4096);
	write_batches(f, 1);
}

/* ---- a reader ---- */

struct reader {
	pid_t pid;
	int ready[2], go[2];
};

/* A process that began to read and does not end; then it looks again: exit code 0 if what it
 * sees is as it was. */
static void read_for_ever(const char *path, const struct reader *r)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	struct err err = {0};
	long before, after;
	char byte = 0;

	if (db_open_reader(path, &db, &err) ||
	    sqlite3_prepare_v2(db, "SELECT id FROM connection", -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		_exit(1);
	before = tempdb_number(db, "SELECT count(*) || '' FROM connection");
	if (write(r->ready[1], "", 1) != 1 || read(r->go[0], &byte, 1) != 1)
		_exit(2);
	after = tempdb_number(db, "SELECT count(*) || '' FROM connection");
	_exit(before == after && before > 0 ? 0 : 3);
}

static struct reader start_reader(struct fixture *f)
{
	struct reader r;
	char byte;

	assert_int_equal(pipe(r.ready), 0);
	assert_int_equal(pipe(r.go), 0);
	r.pid = fork();
	if (r.pid == 0)
		read_for_ever(f->temp->path, &r);
	close(r.ready[1]);
	assert_int_equal(read(r.ready[0], &byte, 1), 1);
	close(r.ready[0]);
	return r;
}

static int end_reader(struct reader *r)
{
	int status;

	assert_int_equal(write(r->go[1], "", 1), 1);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	close(r->go[0]);
	close(r->go[1]);
	return status;
}

static void name_of(const struct reader *r, char name[64])
{
	snprintf(name, 64, "process %d (test_cap, user %u)", (int)r->pid, getuid());
}

static void a_reader_that_pins_the_wal_is_named_and_the_bound_holds(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	struct reader r;
	char name[64];
	int ret = 0;

	open_store(f);
	write_batches(f, 60);
	r = start_reader(f);
	name_of(&r, name);
	for (int i = 0; i < 300 && !ret; i++) {
		ret = write_batch(f, &err);
		upkeep(f);
	}
	assert_int_equal(ret, -EMLINK);
	assert_non_null(strstr(err.msg, name));
	assert_non_null(strstr(f->notes, name));
	assert_int_equal(write_batch(f, &err), -EMLINK);
	assert_int_equal(end_reader(&r), 0);
	/* And it goes on. */
	for (int i = 0; i < 60; i++) {
		write_batches(f, 1);
		upkeep(f);
	}
	assert_in_range(files_measure(f->temp->path).wal, 0, MAX_BYTES / 4);
	look(f);
	assert_string_equal(tempdb_text(f->db, "PRAGMA integrity_check"), "ok");
}

/* Its own file is one thing, another's locks are another: asking must not drop SQLite's. */
static void asking_for_readers_leaves_sqlites_locks_alone(void **state)
{
	struct fixture *f = *state;
	struct readers readers = READERS_NONE;
	struct reader r;
	int status;
	pid_t pid, child;

	open_store(f);
	write_batches(f, 1);
	assert_false(readers_find(&readers, f->temp->path, &pid));
	r = start_reader(f);
	assert_true(readers_find(&readers, f->temp->path, &pid));
	assert_int_equal(pid, r.pid);
	assert_int_equal(end_reader(&r), 0);
	assert_false(readers_find(&readers, f->temp->path, &pid));
	child = fork();
	if (child == 0) {
		struct flock lock = {.l_type = F_WRLCK, .l_start = DMS_LOCK, .l_len = 1};
		char shm[128];

		snprintf(shm, sizeof(shm), "%s-shm", f->temp->path);
		_exit(fcntl(open(shm, O_RDWR | O_CLOEXEC), F_GETLK, &lock) == 0 &&
				      lock.l_type == F_RDLCK && lock.l_pid == getppid()
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	store_free(f->store);
	f->store = NULL;
	readers_close(&readers);
}

/* ---- what was set aside ---- */

static void make_file(struct fixture *f, const char *ending, off_t bytes)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s%s", f->temp->path, ending);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	close(fd);
}

static int remove_file(struct fixture *f, const char *ending)
{
	char path[160];

	snprintf(path, sizeof(path), "%s%s", f->temp->path, ending);
	return unlink(path);
}

static void what_was_set_aside_counts_and_the_oldest_goes_when_its_room_is_needed(void **state)
{
	struct fixture *f = *state;

	make_file(f, ".pinned-20260102T000000Z", 20 << 20);
	make_file(f, ".pinned-20260102T000000Z-wal", 4 << 20);
	make_file(f, ".pinned-20260101T000000Z", 20 << 20);
	make_file(f, ".pinned-20260101T000000Z-wal", 4 << 20);
	make_file(f, ".other", 100 << 20); /* not ours */
	open_store(f);
	for (int i = 0; i < 100 && !strstr(f->notes, "20260101T000000Z: removed"); i++)
		write_batches(f, 1);
	assert_non_null(strstr(f->notes, "20260101T000000Z: removed"));
	assert_null(strstr(f->notes, "20260102T000000Z: removed"));
	assert_int_equal(remove_file(f, ".pinned-20260101T000000Z-wal"), -1);
	assert_int_equal(remove_file(f, ".pinned-20260102T000000Z-wal"), 0);
	assert_int_equal(remove_file(f, ".pinned-20260102T000000Z"), 0);
	assert_int_equal(remove_file(f, ".other"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_fast_writer_stays_below_the_bound_and_the_newest_stay),
		TEST(what_goes_before_it_is_totalled_is_counted_in_a_gap_and_told),
		TEST(while_the_totals_keep_up_no_gap_is_needed),
		TEST(a_database_that_is_too_large_already_is_made_smaller),
		TEST(a_too_large_database_without_auto_vacuum_is_no_busy_loop),
		TEST(a_reader_that_pins_the_wal_is_named_and_the_bound_holds),
		TEST(asking_for_readers_leaves_sqlites_locks_alone),
		TEST(what_was_set_aside_counts_and_the_oldest_goes_when_its_room_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
