/* A database that is set aside is there whole under its new name, and the old name is free. */
#include "tempdir.h"

#include <errno.h>
#include <stdbool.h>

#include "aside.h"

#define NOW_US 1769853600000000 /* 2026-01-31 10:00:00 UTC */

struct heard {
	char text[8][256];
	int n;
};

static void hear(void *ctx, const char *text)
{
	struct heard *h = ctx;

	snprintf(h->text[h->n++], sizeof(h->text[0]), "%s", text);
}

static void path_in(char path[128], const char *folder, const char *name)
{
	snprintf(path, 128, "%s/%s", folder, name);
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[128];

	path_in(path, folder, name);
	tempdir_write(path, text);
}

static void assert_holds(const char *folder, const char *name, const char *text)
{
	char path[128], back[64] = "";
	FILE *f;

	path_in(path, folder, name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is not there", path);
	assert_non_null(fgets(back, sizeof(back), f));
	fclose(f);
	assert_string_equal(back, text);
}

static bool is_there(const char *folder, const char *name)
{
	char path[128];

	path_in(path, folder, name);
	return access(path, F_OK) == 0;
}

static int rename_in(const char *folder, const char *from, const char *to)
{
	char old[128], new[128];

	path_in(old, folder, from);
	path_in(new, folder, to);
	return rename(old, new);
}

static void move(const char *folder, const char *name, const char *why, const char *want)
{
	char path[128], wanted[128], moved[PATH_MAX];
	struct err err = {0};
	int64_t from_us;

	path_in(path, folder, name);
	path_in(wanted, folder, want);
	if (aside_move(path, why, NOW_US, moved, &from_us, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(moved, wanted);
	assert_in_range(from_us, 1, NOW_US);
}

static void the_database_its_wal_and_its_shm_get_a_name_that_says_why_and_when(void **state)
{
	put(*state, "h.db", "base");
	put(*state, "h.db-wal", "wal");
	put(*state, "h.db-shm", "shm");
	put(*state, "h.db.lock", "lock");
	move(*state, "h.db", ASIDE_CORRUPT, "h.db.corrupt-20260131T100000Z");
	assert_holds(*state, "h.db.corrupt-20260131T100000Z", "base");
	assert_holds(*state, "h.db.corrupt-20260131T100000Z-wal", "wal");
	assert_holds(*state, "h.db.corrupt-20260131T100000Z-shm", "shm");
	assert_false(is_there(*state, "h.db") || is_there(*state, "h.db-wal") ||
		     is_there(*state, "h.db-shm"));
	assert_true(is_there(*state, "h.db.lock"));
}

static void nothing_is_overwritten(void **state)
{
	put(*state, "h.db", "second");
	put(*state, "h.db.pinned-20260131T100000Z-wal", "first");
	move(*state, "h.db", ASIDE_PINNED, "h.db.pinned-20260131T100001Z");
	assert_holds(*state, "h.db.pinned-20260131T100000Z-wal", "first");
	assert_holds(*state, "h.db.pinned-20260131T100001Z", "second");
}

/* SQLite names its files after it. */
static void behind_a_symbolic_link_it_is_the_file_that_is_renamed(void **state)
{
	char link[128], target[128];

	path_in(link, *state, "link.db");
	path_in(target, *state, "deep/h.db");
	put(*state, "deep/h.db", "base");
	put(*state, "deep/h.db-wal", "wal");
	assert_int_equal(symlink(target, link), 0);
	move(*state, "link.db", ASIDE_CORRUPT, "deep/h.db.corrupt-20260131T100000Z");
	assert_holds(*state, "deep/h.db.corrupt-20260131T100000Z-wal", "wal");
}

static void what_cannot_be_renamed_is_told(void **state)
{
	char path[128], name[PATH_MAX];
	struct err err = {0};
	int64_t from_us;

	path_in(path, *state, "h.db");
	assert_int_equal(aside_move(path, ASIDE_CORRUPT, NOW_US, name, &from_us, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "setting it aside: No such file"));
}

static void finish(const char *folder)
{
	char path[128];
	struct err err = {0};

	path_in(path, folder, "h.db");
	if (aside_finish(path, &err))
		fail_msg("%s", err.msg);
}

/* As aside_move() leaves it when it is killed, and a start after that. */
static void a_wal_that_was_left_behind_follows_its_database(void **state)
{
	put(*state, "h.db.corrupt-20260131T100000Z", "older");
	put(*state, "h.db.pinned-20260131T100001Z", "base");
	put(*state, "h.db-wal", "wal");
	put(*state, "h.db-shm", "shm");
	finish(*state);
	assert_holds(*state, "h.db.pinned-20260131T100001Z-wal", "wal");
	assert_holds(*state, "h.db.pinned-20260131T100001Z-shm", "shm");
	assert_false(is_there(*state, "h.db-wal") || is_there(*state, "h.db-shm"));
	/* The empty file that a collector makes before it locks it. */
	assert_int_equal(rename_in(*state, "h.db.pinned-20260131T100001Z-wal", "h.db-wal"), 0);
	put(*state, "h.db", "");
	finish(*state);
	assert_holds(*state, "h.db.pinned-20260131T100001Z-wal", "wal");
}

static void the_wal_of_a_database_that_is_there_stays(void **state)
{
	put(*state, "h.db.corrupt-20260131T100000Z", "older");
	put(*state, "h.db", "base");
	put(*state, "h.db-wal", "wal");
	finish(*state);
	assert_holds(*state, "h.db-wal", "wal");
	/* Nor does one that has its own get another. */
	put(*state, "h.db", "");
	put(*state, "h.db.corrupt-20260131T100000Z-wal", "its own");
	finish(*state);
	assert_holds(*state, "h.db.corrupt-20260131T100000Z-wal", "its own");
	assert_holds(*state, "h.db-wal", "wal");
}

static void the_newest_are_kept_and_what_is_removed_is_told(void **state)
{
	struct heard heard = {0};
	const struct note n = {.say = hear, .ctx = &heard};
	char path[128];

	put(*state, "h.db.corrupt-20260101T000000Z", "1");
	put(*state, "h.db.corrupt-20260101T000000Z-wal", "1");
	put(*state, "h.db.corrupt-20260102T000000Z", "2");
	put(*state, "h.db.corrupt-20251231T000000Z", "0");
	put(*state, "h.db.pinned-20250101T000000Z", "of another kind");
	put(*state, "h.db.corrupt-mine", "of somebody else");
	put(*state, "other.db.corrupt-20250101T000000Z", "of another");
	path_in(path, *state, "h.db"); /* not made anew yet */
	aside_keep(path, ASIDE_CORRUPT, 1, &n);
	assert_int_equal(heard.n, 2);
	assert_non_null(strstr(heard.text[0], "h.db.corrupt-20260101T000000Z: removed"));
	assert_non_null(strstr(heard.text[1], "h.db.corrupt-20251231T000000Z: removed"));
	assert_true(is_there(*state, "h.db.corrupt-20260102T000000Z"));
	assert_false(is_there(*state, "h.db.corrupt-20260101T000000Z") ||
		     is_there(*state, "h.db.corrupt-20260101T000000Z-wal") ||
		     is_there(*state, "h.db.corrupt-20251231T000000Z"));
	assert_true(is_there(*state, "h.db.pinned-20250101T000000Z") &&
		    is_there(*state, "h.db.corrupt-mine") &&
		    is_there(*state, "other.db.corrupt-20250101T000000Z"));
}

static void the_newest_says_why_and_since_when(void **state)
{
	char path[128], why[ASIDE_WHY_SIZE];
	int64_t from_us;

	path_in(path, *state, "h.db");
	put(*state, "other.db.corrupt-20260131T100000Z", "of another");
	assert_false(aside_newest(path, why, &from_us));
	put(*state, "h.db.corrupt-20260130T100000Z", "older");
	put(*state, "h.db.pinned-20260131T100000Z", "base");
	put(*state, "h.db.pinned-20260131T100000Z-wal", "wal");
	assert_true(aside_newest(path, why, &from_us));
	assert_string_equal(why, ASIDE_PINNED);
	/* Made now, which is later than its name says. */
	assert_int_equal(from_us, NOW_US);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tempdir_setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
		T(the_database_its_wal_and_its_shm_get_a_name_that_says_why_and_when),
		T(nothing_is_overwritten),
		T(behind_a_symbolic_link_it_is_the_file_that_is_renamed),
		T(what_cannot_be_renamed_is_told),
		T(a_wal_that_was_left_behind_follows_its_database),
		T(the_wal_of_a_database_that_is_there_stays),
		T(the_newest_says_why_and_since_when),
		T(the_newest_are_kept_and_what_is_removed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
