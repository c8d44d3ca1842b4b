#include "unit.h"

#include <fcntl.h>

#include "cgroup.h"
#include "tempdir.h"

static void expect(const struct cgroups *cs, uint64_t id, const char *want)
{
	char path[CGROUP_PATH_LEN];

	cgroups_path(cs, id, path);
	assert_string_equal(path, want);
}

static void what_was_told_is_known_until_long_after_it_is_gone(void **state)
{
	struct cgroups cs = {.mount_fd = -1};
	char path[32];

	(void)state;
	expect(&cs, 7, "");
	cgroups_made(&cs, 7, "/a");
	expect(&cs, 7, "/a");
	cgroups_removed(&cs, 7, ""); /* its path could not be told */
	expect(&cs, 7, "/a");
	cgroups_removed(&cs, 8, "/b"); /* that it was made could not be told */
	expect(&cs, 8, "/b");
	cgroups_made(&cs, 9, "");
	expect(&cs, 9, "");
	cgroups_removed(&cs, 9, "");
	expect(&cs, 9, "");

	/* Those that are gone are pushed out by others that are, not by the living. */
	cgroups_made(&cs, 10, "/living");
	for (uint64_t id = 100; id < 100 + 5000; id++) {
		snprintf(path, sizeof(path), "/%d", (int)id);
		cgroups_made(&cs, id, path);
	}
	expect(&cs, 7, "/a");
	for (uint64_t id = 100; id < 100 + 5000; id++)
		cgroups_removed(&cs, id, "");
	expect(&cs, 7, "");
	expect(&cs, 100, "");
	expect(&cs, 5099, "/5099");
	expect(&cs, 10, "/living");
	cgroups_clear(&cs);
}

static void many_living_ones_are_bounded(void **state)
{
	struct cgroups cs = {.mount_fd = -1};

	(void)state;
	for (uint64_t id = 1; id <= 70000; id++)
		cgroups_made(&cs, id, "/x");
	expect(&cs, 1, "");
	expect(&cs, 70000, "/x");
	cgroups_clear(&cs);
}

static uint64_t number(const char *folder)
{
	struct stat st;

	assert_int_equal(stat(folder, &st), 0);
	return st.st_ino;
}

static void count(void *ctx, uint64_t id, const char *path)
{
	assert_int_not_equal(id, 0);
	assert_true(path[0] == '/');
	++*(int *)ctx;
}

static void a_walk_learns_the_whole_tree_and_nothing_else(void **state)
{
	struct cgroups cs = {.mount_fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	char path[256], outside[256];
	uint64_t ids[3];
	int n = 0;

	snprintf(path, sizeof(path), "%s/a/b/", (char *)*state);
	tempdir_make(path);
	ids[0] = number(path);
	snprintf(path, sizeof(path), "%s/a", (char *)*state);
	ids[1] = number(path);
	snprintf(path, sizeof(path), "%s/a/cgroup.procs", (char *)*state);
	tempdir_write(path, "1\n");
	ids[2] = number(path);
	snprintf(outside, sizeof(outside), "%s/link", (char *)*state);
	assert_int_equal(symlink("/", outside), 0);

	cgroups_walk(&cs, count, &n);
	assert_int_equal(n, 2);
	expect(&cs, ids[0], "/a/b");
	expect(&cs, ids[1], "/a");
	expect(&cs, ids[2], ""); /* a file */
	cgroups_clear(&cs);
}

static void without_cgroup_v2_there_is_nothing_to_walk(void **state)
{
	struct cgroups cs = {.mount_fd = -1};
	int n = 0;

	(void)state;
	cgroups_walk(&cs, count, &n);
	assert_int_equal(n, 0);
	cgroups_clear(&cs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_told_is_known_until_long_after_it_is_gone),
		cmocka_unit_test(many_living_ones_are_bounded),
		cmocka_unit_test_setup_teardown(a_walk_learns_the_whole_tree_and_nothing_else,
						tempdir_setup, tempdir_teardown),
		cmocka_unit_test(without_cgroup_v2_there_is_nothing_to_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
