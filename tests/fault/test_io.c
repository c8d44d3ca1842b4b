/* Whichever call to the file system fails, once or for a while: the collector says so, goes on,
 * and afterwards each connection is there exactly once. */
#include "rig.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "fake.h"
#include "vfs.h"

/* Places in the course of a play; not all of them in each test run. */
#define STRIDE 23

/* What is a matter of megabytes else; it may fail. */
static void empty_the_wal(struct rig *r)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(r->path, &db) == SQLITE_OK)
		sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	sqlite3_close(db);
}

static struct rig rig = {.mend = vfs_mend, .midway = empty_the_wal};

struct sweep {
	const char *words;
	unsigned int calls;
	enum vfs_fault fault;
	bool lasting;
	bool durable;
};

/* Lets the 1st, 2nd, ... call fail, one in each play, until a play is over before. */
static void break_each(const struct sweep *s)
{
	struct rig_places at = rig_places(STRIDE);
	unsigned int played = 0, failures = 0;
	char words[128];

	for (;; at.next += at.stride) {
		rig_setup(&rig);
		rig.durable = s->durable;
		vfs_break(s->calls, s->fault, at.next, s->lasting);
		rig_play(&rig);
		vfs_mend();
		snprintf(words, sizeof(words), "%s, %s from call %u on", s->words,
			 s->lasting ? "lasting" : "once", at.next);
		rig_assert_whole(&rig, words);
		if (!vfs_broke())
			break;
		played++;
		failures += rig.failures;
	}
	assert_true(played > 0 && failures > 0);
	print_message("%s%s: %u places up to %u, %u messages\n", s->words,
		      s->lasting ? ", lasting" : "", played, at.next, failures);
}

static void break_once_and_for_long(const char *words, unsigned int calls, enum vfs_fault fault,
				    bool durable)
{
	break_each(&(struct sweep){words, calls, fault, false, durable});
	break_each(&(struct sweep){words, calls, fault, true, durable});
}

static void a_failing_write_loses_nothing(void **state)
{
	(void)state;
	break_once_and_for_long("write", VFS_WRITE, VFS_EIO, false);
}

static void a_full_disk_loses_nothing(void **state)
{
	(void)state;
	break_once_and_for_long("full", VFS_WRITE | VFS_TRUNCATE, VFS_FULL, false);
}

/* What SQLite writes by: see full.h. It uses one of these, as it was built. */
ssize_t __real_write(int fd, const void *from, size_t n);
ssize_t __real_pwrite(int fd, const void *from, size_t n, off_t at);
ssize_t __real_pwrite64(int fd, const void *from, size_t n, off64_t at);
ssize_t __wrap_write(int fd, const void *from, size_t n);
ssize_t __wrap_pwrite(int fd, const void *from, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *from, size_t n, off64_t at);

static bool exceeds_quota(void)
{
	if (!vfs_meet())
		return false;
	errno = EDQUOT;
	return true;
}

ssize_t __wrap_write(int fd, const void *from, size_t n)
{
	return exceeds_quota() ? -1 : __real_write(fd, from, n);
}

ssize_t __wrap_pwrite(int fd, const void *from, size_t n, off_t at)
{
	return exceeds_quota() ? -1 : __real_pwrite(fd, from, n, at);
}

ssize_t __wrap_pwrite64(int fd, const void *from, size_t n, off64_t at)
{
	return exceeds_quota() ? -1 : __real_pwrite64(fd, from, n, at);
}

static void a_quota_that_is_used_up_loses_nothing(void **state)
{
	(void)state;
	rig.words = "the disk quota is used up; free some space, or raise it";
	break_once_and_for_long("quota", VFS_OTHER, VFS_FULL, false);
	rig.words = NULL;
}

static void a_write_that_is_cut_short_loses_nothing(void **state)
{
	(void)state;
	break_once_and_for_long("short", VFS_WRITE, VFS_SHORT, false);
}

static void a_failing_fsync_loses_nothing(void **state)
{
	(void)state;
	break_once_and_for_long("fsync", VFS_SYNC, VFS_EIO, true);
}

static void let_five_seconds_pass_without_fsync(struct rig *r)
{
	(void)r;
	vfs_break(VFS_SYNC, VFS_EIO, 1, true);
	fake.now_ns += 5 * NS_PER_S;
}

static void give_fsync_back(struct rig *r)
{
	(void)r;
	vfs_mend();
}

/* Told once, and at the end: what failed was that, and nothing else here syncs. */
static void without_durable_the_wal_is_synced_after_five_seconds(void **state)
{
	struct rig slow = {.midway = let_five_seconds_pass_without_fsync,
			   .between = give_fsync_back};

	(void)state;
	rig_setup(&slow);
	rig_play(&slow);
	assert_true(slow.unfinished);
	slow.unfinished = false; /* all is written, and may be lost */
	rig_assert_whole(&slow, "no fsync");
	assert_int_equal(slow.failures, 1);
	assert_int_equal(slow.notes, 1);
	rig_teardown(&slow);
}

static void a_failing_read_loses_nothing(void **state)
{
	(void)state;
	break_once_and_for_long("read", VFS_READ, VFS_EIO, false);
}

static void a_file_that_cannot_be_truncated_or_opened_loses_nothing(void **state)
{
	(void)state;
	break_once_and_for_long("truncate, open", VFS_TRUNCATE | VFS_OPEN, VFS_EIO, false);
}

static void a_lock_that_fails_loses_nothing(void **state)
{
	(void)state;
	break_once_and_for_long("lock", VFS_LOCK | VFS_SHM, VFS_EIO, false);
}

static void without_any_fault_nothing_is_told(void **state)
{
	(void)state;
	rig_setup(&rig);
	rig_play(&rig);
	rig_assert_whole(&rig, "no fault");
	assert_int_equal(rig_number(rig.path, "SELECT count(DISTINCT hour) > 0 FROM hourly"), 1);
	assert_int_equal(rig_number(rig.path, "SELECT count(DISTINCT slot) > 0 FROM recent"), 1);
	assert_int_equal(rig.failures + rig.notes, 0);
}

static int clean(void **state)
{
	(void)state;
	rig_teardown(&rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_any_fault_nothing_is_told),
		cmocka_unit_test(a_failing_write_loses_nothing),
		cmocka_unit_test(a_full_disk_loses_nothing),
		cmocka_unit_test(a_quota_that_is_used_up_loses_nothing),
		cmocka_unit_test(a_write_that_is_cut_short_loses_nothing),
		cmocka_unit_test(a_failing_fsync_loses_nothing),
		cmocka_unit_test(without_durable_the_wal_is_synced_after_five_seconds),
		cmocka_unit_test(a_failing_read_loses_nothing),
		cmocka_unit_test(a_file_that_cannot_be_truncated_or_opened_loses_nothing),
		cmocka_unit_test(a_lock_that_fails_loses_nothing),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, clean);
}
