/* The folder in which programs outlive the collector, and what is in it. The kernel's side is this
 * test's: files stand for what is pinned. With a real one: tests/node. */
#include "unit.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "calls.h"
#include "pin.h"
#include "tempdir.h"

static const char *const maps[] = {"events", ".bss"};
#define N_MAPS 2

static struct {
	bool other_fs;
	struct bpf_map_info info;
	int no_info, no_lookup; /* an errno */
	struct pin_about about;
} k;

int statfs(const char *path, struct statfs *out)
{
	if (syscall(SYS_statfs, path, out) != 0)
		return -1;
	if (!k.other_fs)
		out->f_type = BPF_FS_MAGIC;
	return 0;
}

int bpf_obj_get(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* By other names here: their parameters differ between versions of libbpf. */
int tell_info(int fd, struct bpf_map_info *info, uint32_t *size) __asm__("bpf_obj_get_info_by_fd");
int tell_info(int fd, struct bpf_map_info *info, uint32_t *size)
{
	(void)fd;
	assert_int_equal(*size, sizeof(*info));
	*info = k.info;
	errno = k.no_info;
	return k.no_info ? -1 : 0;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	(void)fd, (void)key;
	memcpy(value, &k.about, sizeof(k.about));
	errno = k.no_lookup;
	return k.no_lookup ? -1 : 0;
}

/* ---- the folder ---- */

static int setup(void **state)
{
	memset(&k, 0, sizeof(k));
	k.info = (struct bpf_map_info){.type = BPF_MAP_TYPE_ARRAY,
				       .value_size = sizeof(struct pin_about),
				       .max_entries = 4096};
	return tempdir_setup(state);
}

static const char *in(const char *folder, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void assert_opens(const char *dir)
{
	struct pins p = {0};
	struct err err = {0};

	if (pins_open(&p, dir, NULL, &err))
		fail_msg("%s", err.msg);
	pins_close(&p);
	assert_int_equal(p.lock_fd, 0);
}

static void assert_refused(const char *dir, int code, const char *words)
{
	struct pins p = {0};
	struct err err = {0};

	assert_int_equal(pins_open(&p, dir, NULL, &err), code);
	pins_close(&p);
	if (!strstr(err.msg, words) || strncmp(err.msg, "--pin ", 6) != 0)
		fail_msg("%s", err.msg);
}

static void a_folder_is_made_for_its_owner_only_where_its_parent_is(void **state)
{
	char home[PATH_MAX];
	struct stat st;

	assert_opens(in(*state, "pins"));
	assert_int_equal(stat(in(*state, "pins"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_opens(in(*state, "pins")); /* it is there */
	assert_opens(in(*state, "more//"));
	assert_int_equal(access(in(*state, "more"), F_OK), 0);
	/* From where we are. */
	assert_non_null(getcwd(home, sizeof(home)));
	assert_int_equal(chdir(*state), 0);
	assert_opens("here");
	assert_int_equal(chdir(home), 0);
	assert_int_equal(access(in(*state, "here"), F_OK), 0);
	assert_refused(in(*state, "nowhere/pins"), -ENOENT, "nowhere: No such file or directory");
}

static void a_folder_elsewhere_than_on_bpffs_is_told_with_what_to_do(void **state)
{
	k.other_fs = true;
	assert_refused(in(*state, "pins"), -EINVAL, "is not on a BPF file system; name a folder");
	assert_int_not_equal(access(in(*state, "pins"), F_OK), 0);
	assert_refused(*state, -EINVAL, "mount -t bpf bpf /sys/fs/bpf");
}

static void a_folder_that_is_none_or_not_ours_alone_is_refused(void **state)
{
	static char name[PATH_MAX];

	tempdir_write(in(*state, "file"), "x");
	assert_refused(in(*state, "file"), -ENOTDIR, "not a folder");
	assert_refused(in(*state, "file/pins"), -ENOTDIR, "looking at it: Not a directory");
	assert_int_equal(chmod(*state, 0770), 0);
	assert_refused(*state, -EPERM, "others may write there; name a folder of your own");
	assert_int_equal(chmod(*state, 0707), 0);
	assert_refused(*state, -EPERM, "others may write there");
	assert_int_equal(chmod(*state, 0700), 0);
	if (geteuid() == 0) { /* else we could give nothing away */
		assert_int_equal(chown(*state, 12345, 12345), 0);
		assert_refused(*state, -EPERM, "others may write there");
		assert_int_equal(chown(*state, 0, 0), 0);
	}
	memset(name, 'x', sizeof(name) - 1);
	assert_refused(name, -ENAMETOOLONG, "the path is too long");
}

static void what_is_not_allowed_is_told_so(void **state)
{
	fail_call("mkdir", 1, EACCES);
	assert_refused(in(*state, "pins"), -EACCES, "making the folder: not allowed; run as root");
	assert_int_equal(mend_calls(), 1);
	fail_call("mkdir", 1, ENOSPC);
	assert_refused(in(*state, "pins"), -ENOSPC, "making the folder: No space left on device");
	assert_int_equal(mend_calls(), 1);
	fail_call("open", 1, EPERM);
	assert_refused(*state, -EPERM, "opening it: not allowed; run as root");
	assert_int_equal(mend_calls(), 1);
}

static void a_folder_has_one_collector_at_a_time(void **state)
{
	struct pins first = {0};
	struct err err = {0};

	assert_int_equal(pins_open(&first, *state, NULL, &err), 0);
	assert_refused(*state, -EBUSY, "another collector uses it; stop that one");
	pins_close(&first);
	assert_opens(*state);
}

static void the_service_manager_keeps_them_where_there_is_one(void **state)
{
	struct manager m = {.fd = -1};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pins p = {0};
		struct err err = {0};

		assert_int_equal(pins_open(&p, "service", i ? &m : NULL, &err), -ENOTSUP);
		assert_non_null(strstr(err.msg, "no service manager started this"));
	}
}

/* ---- what is in it ---- */

static bool can_be_read(const char *dir)
{
	const struct pins p = {0};
	struct pin_about about = {0};
	bool found = pins_read(&p, dir, maps, N_MAPS, &about);

	assert_int_equal(found ? about.object : 0, found ? k.about.object : 0);
	return found;
}

/* What is pinned last counts: without it, all is half made. */
static void a_folder_that_is_half_made_is_as_good_as_empty(void **state)
{
	const struct pins p = {0};

	k.about.object = 7;
	assert_false(can_be_read(*state));
	tempdir_write(in(*state, "map_events"), "");
	tempdir_write(in(*state, "map__bss"), "");
	assert_false(can_be_read(*state));
	tempdir_write(in(*state, "about_v1"), "");
	assert_true(can_be_read(*state));
	assert_int_equal(pins_map_size(&p, *state, "events"), 4096);
	assert_int_equal(unlink(in(*state, "map__bss")), 0);
	assert_false(can_be_read(*state));
	assert_int_equal(pins_map_size(&p, *state, ".bss"), 0);
}

static void what_is_pinned_there_by_others_is_not_taken_for_ours(void **state)
{
	const struct pins p = {0};

	tempdir_write(in(*state, "map_events"), "");
	tempdir_write(in(*state, "map__bss"), "");
	tempdir_write(in(*state, "about_v1"), "");
	assert_true(can_be_read(*state));
	k.info.value_size++;
	assert_false(can_be_read(*state));
	k.info.value_size--;
	k.info.type = BPF_MAP_TYPE_HASH;
	assert_false(can_be_read(*state));
	k.info.type = BPF_MAP_TYPE_ARRAY;
	k.no_lookup = ENOENT;
	assert_false(can_be_read(*state));
	k.no_lookup = 0;
	k.no_info = EINVAL; /* a program */
	assert_false(can_be_read(*state));
	assert_int_equal(pins_map_size(&p, *state, "events"), 0);
}

static void what_is_ours_is_removed_and_nothing_else(void **state)
{
	const struct pins p = {0};
	struct err err = {0};

	tempdir_write(in(*state, "about_v1"), "");
	tempdir_write(in(*state, "link_x"), "");
	tempdir_write(in(*state, "program_x"), "");
	tempdir_write(in(*state, "map_x"), "");
	tempdir_write(in(*state, "theirs"), "");
	assert_int_equal(pins_remove(&p, *state, &err), 0);
	assert_int_equal(access(in(*state, "theirs"), F_OK), 0);
	assert_int_equal(unlink(in(*state, "theirs")), 0);
	assert_int_equal(rmdir(*state), 0); /* it is empty */
	assert_int_equal(mkdir(*state, 0700), 0);
}

static void what_cannot_be_removed_is_told_by_its_name(void **state)
{
	const struct pins p = {0};
	struct err err = {0};

	tempdir_write(in(*state, "link_x/inside"), ""); /* no file */
	assert_true(pins_remove(&p, *state, &err) < 0);
	assert_non_null(strstr(err.msg, ": link_x: "));
	fail_call("opendir", 1, EACCES);
	assert_int_equal(pins_remove(&p, *state, &err), -EACCES);
	assert_int_equal(mend_calls(), 1);
	assert_non_null(strstr(err.msg, "listing it: not allowed; run as root"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_folder_is_made_for_its_owner_only_where_its_parent_is),
		TEST(a_folder_elsewhere_than_on_bpffs_is_told_with_what_to_do),
		TEST(a_folder_that_is_none_or_not_ours_alone_is_refused),
		TEST(what_is_not_allowed_is_told_so),
		TEST(a_folder_has_one_collector_at_a_time),
		TEST(the_service_manager_keeps_them_where_there_is_one),
		TEST(a_folder_that_is_half_made_is_as_good_as_empty),
		TEST(what_is_pinned_there_by_others_is_not_taken_for_ours),
		TEST(what_is_ours_is_removed_and_nothing_else),
		TEST(what_cannot_be_removed_is_told_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
