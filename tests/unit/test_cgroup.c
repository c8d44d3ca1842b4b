#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "calls.h"
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

/* What a cgroup's number leads to, for open_by_handle_at(): a path, or NULL: it is gone. */
static const char *leads_to;

int open_by_handle_at(int mount, struct file_handle *handle, int flags)
{
	uint64_t id;

	assert_true(mount >= 0);
	assert_int_equal(handle->handle_bytes, sizeof(id));
	assert_int_equal(handle->handle_type, 0xfe); /* FILEID_KERNFS */
	memcpy(&id, handle->f_handle, sizeof(id));
	errno = ESTALE;
	return leads_to && id == 77 ? open(leads_to, flags) : -1;
}

static void one_that_was_never_told_is_looked_up_by_its_number(void **state)
{
	struct cgroups cs = {.mount_fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	char path[256];

	snprintf(path, sizeof(path), "%s/a/b/", (char *)*state);
	tempdir_make(path);
	leads_to = path;
	expect(&cs, 77, "/a/b");
	expect(&cs, 78, ""); /* gone since */
	leads_to = "/usr";   /* outside of what is mounted here */
	expect(&cs, 77, "");
	leads_to = path;
	fail_call("readlink", 1, ENOENT);
	expect(&cs, 77, "");
	assert_int_equal(mend_calls(), 1);
	cgroups_made(&cs, 77, "/told"); /* what was told comes first */
	expect(&cs, 77, "/told");
	cgroups_clear(&cs);
	expect(&cs, 77, ""); /* without a mount */
}

/* Folders deeper, or with longer names, than a path has room for. */
static void a_tree_without_end_is_walked_as_far_as_there_is_room(void **state)
{
	struct cgroups cs = {.mount_fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	char name[201], home[256];
	int n = 0, depth = 0;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_non_null(getcwd(home, sizeof(home)));
	assert_int_equal(chdir(*state), 0);
	for (; depth < 2 + CGROUP_PATH_LEN / 201; depth++)
		assert_true(mkdir(name, 0700) == 0 && chdir(name) == 0);
	cgroups_walk(&cs, count, &n);
	assert_int_equal(n, (CGROUP_PATH_LEN - 1) / 201);
	while (depth-- > 0)
		assert_true(chdir("..") == 0 && rmdir(name) == 0);
	for (depth = 0; depth < 70; depth++)
		assert_true(mkdir("d", 0700) == 0 && chdir("d") == 0);
	n = 0;
	cgroups_walk(&cs, count, &n);
	assert_int_equal(n, 64);
	while (depth-- > 0)
		assert_true(chdir("..") == 0 && rmdir("d") == 0);
	assert_int_equal(chdir(home), 0);
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
		cmocka_unit_test_setup_teardown(one_that_was_never_told_is_looked_up_by_its_number,
						tempdir_setup, tempdir_teardown),
		cmocka_unit_test_setup_teardown(
			a_tree_without_end_is_walked_as_far_as_there_is_room, tempdir_setup,
			tempdir_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
