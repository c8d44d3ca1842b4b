/* What a database that is left behind says is true, and stays: one that is set aside while the
 * collector runs, and one that is closed. */
#include "rig.h"

#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "fake.h"
#include "run.h"
#include "vfs.h"

#define PAGE	     4096
#define ON_THEIR_WAY 3
#define PROMISE_NS   (5 * NS_PER_S)
#define LOOKS	     100

static struct rig rig;

static void run_sql(const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(rig.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Table connection is nonsense, all else is whole. What the collector has read it keeps in mind
 * until another has written: so another does. */
static void damage_connections(struct rig *r)
{
	char nonsense[PAGE];
	long page = rig_number(r->path, "SELECT rootpage FROM sqlite_schema"
					" WHERE name = 'connection'");
	FILE *f;

	run_sql("PRAGMA wal_checkpoint(TRUNCATE)");
	run_sql("UPDATE extent SET id = 1; PRAGMA wal_checkpoint(TRUNCATE)");
	memset(nonsense, 0xa5, sizeof(nonsense));
	f = fopen(r->path, "r+");
	assert_true(f && fseek(f, (page - 1) * PAGE, SEEK_SET) == 0);
	assert_int_equal(fwrite(nonsense, sizeof(nonsense), 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

/* The wall clock is not set, but it is asked in each phase. */
static int64_t keep_some_on_their_way(struct rig *r)
{
	(void)r;
	fake.n_kept = ON_THEIR_WAY;
	return 0;
}

/* The file that was set aside. */
static void find_aside(const char **path, glob_t *found)
{
	char pattern[128];

	snprintf(pattern, sizeof(pattern), "%s.corrupt-*Z", rig.path);
	assert_int_equal(glob(pattern, 0, NULL, found), 0);
	assert_int_equal(found->gl_pathc, 1);
	*path = found->gl_pathv[0];
}

static void the_account_of_a_file_set_aside_adds_up_and_the_next_goes_on_from_there(void **state)
{
	const char *aside;
	char sql[128];
	glob_t found;

	(void)state;
	rig_setup(&rig);
	rig.step_ns = keep_some_on_their_way;
	rig.midway = damage_connections;
	rig_play_once(&rig);
	find_aside(&aside, &found);
	assert_int_equal(rig_number(aside, "SELECT count(*) FROM account"), PROBE_RECORDS);
	assert_int_equal(rig_number(aside, "SELECT count(*) FROM account"
					   " WHERE seen <> recorded + lost + filtered"),
			 0);
	assert_int_equal(rig_number(aside,
				    "SELECT count(*) FROM run WHERE seen <> recorded + lost"),
			 0);
	for (int i = 0; i < PROBE_RECORDS; i++) {
		snprintf(sql, sizeof(sql), "SELECT seen FROM account WHERE record = '%s'",
			 run_record_names[i]);
		assert_int_equal(rig_number(aside, sql) + rig_number(rig.path, sql),
				 fake.counters.seen[i]);
	}
	globfree(&found);
}

/* ---- a power cut ---- */

static sqlite3 *reader;

static void begin_to_read(struct rig *r)
{
	assert_int_equal(sqlite3_open(r->path, &reader), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM run", NULL, NULL, NULL),
			 SQLITE_OK);
}

/* Then SQLite does not write the WAL back when it is closed, for which it would sync it. */
static void what_is_closed_beside_a_reader_survives_a_power_cut(void **state)
{
	const unsigned int left = vfs_left_unsynced();

	(void)state;
	rig_setup(&rig);
	rig.midway = begin_to_read;
	rig_play_once(&rig);
	sqlite3_close(reader);
	assert_int_equal(rig.failures, 0);
	assert_int_equal(vfs_left_unsynced(), left);
}

static void what_is_set_aside_survives_a_power_cut(void **state)
{
	const unsigned int left = vfs_left_unsynced();

	(void)state;
	rig_setup(&rig);
	rig.midway = damage_connections;
	rig_play_once(&rig);
	assert_int_equal(vfs_left_unsynced(), left);
}

/* As soon as there is something that a power cut may undo. */
static bool fill_the_disk(void)
{
	if (!vfs_unsynced())
		return false;
	fake.busy = NULL;
	vfs_break(VFS_WRITE, VFS_FULL, 1, true);
	fake.now_ns += PROMISE_NS;
	return false;
}

static void wait_to_fill_the_disk(struct rig *r)
{
	(void)r;
	fake.busy = fill_the_disk;
}

/* It has been tried to write, several times. */
static void make_room(void)
{
	vfs_mend();
	assert_false(vfs_unsynced());
}

static void on_a_full_disk_what_was_written_survives_a_power_cut(void **state)
{
	(void)state;
	rig_setup(&rig);
	rig.midway = wait_to_fill_the_disk;
	rig.mend = make_room;
	rig_play_once(&rig);
	assert_true(rig.failures >= 3);
}

static int64_t unsynced_since_ns, longest_ns;
static int looks;

static bool there_is_more(void)
{
	fake.now_ns += COLLECTOR_TICK_MS * NS_PER_MS;
	if (!vfs_unsynced())
		unsynced_since_ns = fake.now_ns;
	if (fake.now_ns - unsynced_since_ns > longest_ns)
		longest_ns = fake.now_ns - unsynced_since_ns;
	if (looks < LOOKS)
		looks++;
	return looks < LOOKS;
}

static void keep_it_busy(struct rig *r)
{
	(void)r;
	unsynced_since_ns = fake.now_ns;
	fake.busy = there_is_more;
}

static void while_more_and_more_comes_what_was_written_survives_a_power_cut(void **state)
{
	(void)state;
	rig_setup(&rig);
	rig.midway = keep_it_busy;
	rig_play_once(&rig);
	assert_int_equal(looks, LOOKS);
	assert_in_range(longest_ns, PROMISE_NS / 2, PROMISE_NS);
}

static int clean(void **state)
{
	(void)state;
	rig_teardown(&rig);
	rig = (struct rig){0};
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, clean)
	const struct CMUnitTest tests[] = {
		TEST(the_account_of_a_file_set_aside_adds_up_and_the_next_goes_on_from_there),
		TEST(what_is_closed_beside_a_reader_survives_a_power_cut),
		TEST(what_is_set_aside_survives_a_power_cut),
		TEST(on_a_full_disk_what_was_written_survives_a_power_cut),
		TEST(while_more_and_more_comes_what_was_written_survives_a_power_cut),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
