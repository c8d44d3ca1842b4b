/* A damaged database, found so at the start or while the collector runs: it is set aside, and
 * what happens from then on is recorded in a new one, whole. */
#include "rig.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Damages of each kind in a test run; many more with CONNMON_FAULT_ALL. */
#define FEW  25
#define MANY 300

enum damage {
	FLIP,	  /* one byte, anywhere */
	SCRIBBLE, /* a page of nonsense over each fourth */
	CUT,	  /* the file ends before its end */
};

static struct {
	const char *ending; /* of the file's name: "" or "-wal" */
	enum damage damage;
	unsigned int seed; /* of the random numbers */
} now;

static unsigned int any(unsigned int below)
{
	now.seed = now.seed * 1103515245 + 12345; /* as in the C standard's example */
	return (now.seed >> 8) % below;
}

static void overwrite(int fd, off_t at, size_t n)
{
	unsigned char bytes[4096];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)any(256);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
}

static void flip(int fd, off_t at)
{
	unsigned char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= (unsigned char)(1 + any(255));
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void damage(struct rig *r)
{
	char path[128];
	struct stat st;
	int fd;

	rig_mark();
	snprintf(path, sizeof(path), "%s%s", r->path, now.ending);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	if (st.st_size > 100) {
		/* The first hundred bytes say whose file it is: see the last test. */
		off_t at = 100 + any((unsigned int)st.st_size - 100);

		/* Half of the bytes where a page says what it holds: most others are free, or a
		 * value like another. */
		if (now.damage == FLIP && any(2) && at >= 4096)
			at = at / 4096 * 4096 + any(8);
		if (now.damage == FLIP)
			flip(fd, at);
		else if (now.damage == CUT)
			assert_int_equal(ftruncate(fd, at), 0);
		else
			for (at = 4096; at + 4096 <= st.st_size; at += 4L * 4096)
				overwrite(fd, at, 4096);
	}
	close(fd);
}

/* What the collector has read it keeps in mind until another has written: so another does. */
static void damage_while_it_runs(struct rig *r)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
	if (now.ending[0] == '\0') /* so that it is read, and not the WAL */
		assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL,
					      NULL),
				 SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE; UPDATE extent SET id = 1", NULL, NULL,
				      NULL),
			 SQLITE_OK);
	damage(r);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* How many of @n plays saw their database set aside. */
static unsigned int damage_often(const char *ending, enum damage kind, bool running)
{
	const unsigned int n = getenv("CONNMON_FAULT_ALL") ? MANY : FEW;
	struct rig rig = {0};
	unsigned int set_aside = 0;
	char words[64];

	if (running)
		rig.midway = damage_while_it_runs;
	else
		rig.between = damage;
	for (unsigned int seed = 1; seed <= n; seed++) {
		rig_setup(&rig);
		now.ending = ending;
		now.damage = kind;
		now.seed = seed;
		rig_play(&rig);
		snprintf(words, sizeof(words), "damage %d of \"%s\", seed %u", kind, ending, seed);
		set_aside += rig_assert_goes_on(&rig, words);
	}
	print_message("%u of %u set aside\n", set_aside, n);
	rig_teardown(&rig);
	return set_aside;
}

static void a_flipped_byte_in_a_database_does_not_keep_it_from_recording(void **state)
{
	(void)state;
	assert_true(damage_often("", FLIP, false) > 0);
	damage_often("", FLIP, true);
}

static void nonsense_in_a_database_is_set_aside(void **state)
{
	(void)state;
	assert_true(damage_often("", SCRIBBLE, false) > 0);
	assert_true(damage_often("", SCRIBBLE, true) > 0);
}

static void a_database_that_was_cut_is_set_aside(void **state)
{
	(void)state;
	assert_true(damage_often("", CUT, false) > 0);
	assert_true(damage_often("", CUT, true) > 0);
}

static void a_damaged_wal_does_not_keep_it_from_recording(void **state)
{
	(void)state;
	damage_often("-wal", FLIP, true);
	damage_often("-wal", SCRIBBLE, true);
	assert_true(damage_often("-wal", CUT, true) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_byte_in_a_database_does_not_keep_it_from_recording),
		cmocka_unit_test(nonsense_in_a_database_is_set_aside),
		cmocka_unit_test(a_database_that_was_cut_is_set_aside),
		cmocka_unit_test(a_damaged_wal_does_not_keep_it_from_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
