/* --max-size: the database, its WAL, its shm and what was set aside, never above it. */
#include "capdb.h"

#include "readers.h"

#define DMS_LOCK 128 /* in the shm: that a process has the database open */

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
