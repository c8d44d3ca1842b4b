/* What connmon-forward keeps of how far it is, when it cannot be kept: it is told, and what was
 * there before stays. Wholeness: unit.fleet. */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "state.h"
#include "tempdir.h"

int fsync(int fd)
{
	return fails("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
	return fails("rename") ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

FILE *fdopen(int fd, const char *mode)
{
	return fails("fdopen") ? NULL : ((__typeof__(&fdopen))dlsym(RTLD_NEXT, "fdopen"))(fd, mode);
}

ssize_t getrandom(void *out, size_t size, unsigned int flags)
{
	return fails("getrandom") ? -1 : syscall(SYS_getrandom, out, size, flags);
}

static char path[128];

static void in(const char *folder)
{
	snprintf(path, sizeof(path), "%s/state", folder);
}

static void what_cannot_be_written_is_told_and_the_old_one_stays(void **state)
{
	static const struct {
		const char *call;
		int error;
	} cases[] = {{"open", EROFS}, {"fdopen", ENOMEM}, {"fsync", EIO}, {"rename", EXDEV}};
	struct state s, there;
	struct err err = {0};

	in(*state);
	state_begin(&s);
	s.last_id = 1;
	assert_int_equal(state_write(path, &s, &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s.last_id = 2;
		fail_call(cases[i].call, 1, cases[i].error);
		assert_int_equal(state_write(path, &s, &err), -cases[i].error);
		assert_int_equal(mend_calls(), 1);
		if (!strstr(err.msg, strerror(cases[i].error)) ||
		    !strstr(err.msg, "nothing is sent that could not be kept track of"))
			fail_msg("%s", err.msg);
		assert_int_equal(state_read(path, &there, &err), 0);
		assert_int_equal(there.last_id, 1);
	}
	assert_int_equal(state_write(path, &s, &err), 0);
	assert_int_equal(state_read(path, &there, &err), 0);
	assert_int_equal(there.last_id, 2);
}

static void a_disk_that_is_full_is_told(void **state)
{
	struct state s;
	struct err err = {0};
	char link_path[160];

	in(*state);
	state_begin(&s);
	snprintf(link_path, sizeof(link_path), "%s.new", path);
	assert_int_equal(symlink("/dev/full", link_path), 0);
	assert_int_equal(state_write(path, &s, &err), -ELOOP); /* nor through a link of others */
	assert_int_not_equal(access(path, F_OK), 0);
}

static void one_at_a_time_has_it(void **state)
{
	struct err err = {0};
	int fd, status;
	pid_t pid;

	in(*state);
	fd = state_lock(path, &err);
	assert_true(fd >= 0);
	pid = fork();
	if (pid == 0)
		_exit(state_lock(path, &err) == -EWOULDBLOCK &&
				      strstr(err.msg, "another connmon-forward uses it")
			      ? 0
			      : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
	fd = state_lock(path, &err);
	assert_true(fd >= 0);
	close(fd);
}

static void what_cannot_be_locked_is_told_by_its_path(void **state)
{
	struct err err = {0};

	in(*state);
	fail_call("open", 1, EACCES);
	assert_int_equal(state_lock(path, &err), -EACCES);
	assert_int_equal(mend_calls(), 1);
	assert_non_null(strstr(err.msg, "state.lock: Permission denied"));
	fail_call("flock", 1, ENOLCK);
	assert_int_equal(state_lock(path, &err), -ENOLCK);
	assert_int_equal(mend_calls(), 1);
	assert_non_null(strstr(err.msg, "state.lock: No locks available"));
}

static void a_name_without_room_for_its_ending_is_told(void **state)
{
	static char name[PATH_MAX];
	struct state s;
	struct err err = {0};

	(void)state;
	memset(name, 'x', sizeof(name) - 2);
	state_begin(&s);
	assert_int_equal(state_write(name, &s, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "the name is too long"));
	assert_int_equal(state_lock(name, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "the name is too long"));
}

static void what_is_no_state_is_told_with_what_to_do(void **state)
{
	static const char *const texts[] = {"", "another file\n", "connmon-forward 1\nend\n"};
	struct state s = {.last_id = 7};
	struct err err = {0};

	in(*state);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		tempdir_write(path, texts[i]);
		assert_int_equal(state_read(path, &s, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "this is no state of connmon-forward; remove it"));
		assert_int_equal(s.last_id, 7);
	}
}

static void an_instance_is_told_from_every_other(void **state)
{
	struct state one, two;

	(void)state;
	state_begin(&one);
	state_begin(&two);
	assert_int_equal(strlen(one.instance), STATE_ID_BYTES - 1);
	assert_string_not_equal(one.instance, two.instance);
	fail_call("getrandom", 1, ENOSYS);
	state_begin(&one);
	assert_int_equal(mend_calls(), 1);
	assert_int_equal(strspn(one.instance, "0"), STATE_ID_BYTES - 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tempdir_setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_cannot_be_written_is_told_and_the_old_one_stays),
		TEST(a_disk_that_is_full_is_told),
		TEST(one_at_a_time_has_it),
		TEST(what_cannot_be_locked_is_told_by_its_path),
		TEST(a_name_without_room_for_its_ending_is_told),
		TEST(what_is_no_state_is_told_with_what_to_do),
		TEST(an_instance_is_told_from_every_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
