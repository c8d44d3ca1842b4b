/* --max-size: what was set aside is part of it, and the newest of the past stay. */
#include "capdb.h"

#include <limits.h>
#include <unistd.h>

#include "aside.h"

/* As collector_begin_anew() does. The new name into @name. */
static void set_aside(struct fixture *f, char name[PATH_MAX])
{
	struct err err = {0};
	int64_t from_us;

	if (store_set_aside(f->store, &err) ||
	    aside_move(f->temp->path, ASIDE_PINNED, OFFSET_NS / NS_PER_US, name, &from_us, &err))
		fail_msg("%s", err.msg);
	open_store(f);
}

/* It begins after @batches and ends a while after its database was set aside. */
static void expect_newest(struct fixture *f, int batches)
{
	struct err err = {0};
	char name[PATH_MAX];
	struct reader r;
	uint64_t before;

	open_store(f);
	write_batches(f, batches);
	r = start_reader(f);
	while (write_batch(f, &err) == 0)
		;
	assert_int_equal(err.code, -EMLINK);
	set_aside(f, name);
	assert_in_range(files_measure(name).wal, MAX_BYTES / 8, MAX_BYTES / 2);
	before = f->written;
	write_batches(f, 2);
	assert_int_equal(access(name, F_OK), 0);
	assert_int_equal(end_reader(&r), 0);
	while (access(name, F_OK) == 0)
		write_batches(f, 1);
	assert_non_null(strstr(f->notes, ": removed with what it recorded"));
	look(f);
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM connection"), 100000,
			(long)(f->written - before));
	assert_in_range(files_measure(f->temp->path).db, MAX_BYTES / 4, MAX_BYTES / 2);
}

static void a_reader_that_ends_costs_no_more_of_the_past_than_the_bound_asks_for(void **state)
{
	expect_newest(*state, 60);
}

/* Nearly all of it is in the WAL then, which is there twice while it is written back. */
static void a_reader_of_a_small_database_costs_no_more_either(void **state)
{
	expect_newest(*state, 1);
}

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
	char removed[160];

	make_file(f, ".pinned-20260102T000000Z", 20 << 20);
	make_file(f, ".pinned-20260102T000000Z-wal", 4 << 20);
	make_file(f, ".pinned-20260101T000000Z", 20 << 20);
	make_file(f, ".pinned-20260101T000000Z-wal", 4 << 20);
	make_file(f, ".other", 100 << 20); /* not ours */
	open_store(f);
	for (int i = 0; i < 100 && !strstr(f->notes, "20260101T000000Z: removed"); i++)
		write_batches(f, 1);
	snprintf(removed, sizeof(removed), "%s.pinned-20260101T000000Z: removed", f->temp->path);
	assert_non_null(strstr(f->notes, removed)); /* by the name that it has */
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
		TEST(a_reader_that_ends_costs_no_more_of_the_past_than_the_bound_asks_for),
		TEST(a_reader_of_a_small_database_costs_no_more_either),
		TEST(what_was_set_aside_counts_and_the_oldest_goes_when_its_room_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
