#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "calls.h"
#include "lock.h"
#include "tempdb.h"

static void make_db(const struct tempdb *t)
{
	int fd = open(t->path, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void a_second_collector_is_told_the_pid_of_the_first(void **state)
{
	struct tempdb *t = *state;
	struct err err = {0};
	char byte, words[32];
	int fds[2], fd;
	pid_t child;

	make_db(t);
	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) { /* the first collector */
		fd = lock_database(t->path, &err);
		_exit(write(fds[1], fd >= 0 ? "y" : "n", 1) == 1 && pause());
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(lock_database(t->path, &err), -EBUSY);
	snprintf(words, sizeof(words), "pid %d,", (int)child);
	if (!strstr(err.msg, words))
		fail_msg("%s", err.msg);

	/* One that was killed leaves no lock behind. */
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	fd = lock_database(t->path, &err);
	assert_true(fd >= 0);
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

static void another_name_of_the_same_database_is_locked_too(void **state)
{
	struct tempdb *t = *state;
	struct err err = {0};
	char alias[128];
	pid_t child;
	int fd, status;

	make_db(t);
	snprintf(alias, sizeof(alias), "%s/alias", t->folder);
	assert_int_equal(symlink(t->path, alias), 0);
	fd = lock_database(t->path, &err);
	assert_true(fd >= 0);
	child = fork();
	if (child == 0)
		_exit(lock_database(alias, &err) == -EBUSY ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd);
	unlink(alias);
}

static void what_cannot_be_locked_is_told_by_its_path(void **state)
{
	struct tempdb *t = *state;
	struct err err = {0};
	char lock[128];

	assert_int_equal(lock_database(t->path, &err), -ENOENT);
	assert_non_null(strstr(err.msg, t->path));
	/* A link in its place is not followed. */
	make_db(t);
	snprintf(lock, sizeof(lock), "%s.lock", t->path);
	assert_int_equal(symlink("elsewhere", lock), 0);
	assert_int_equal(lock_database(t->path, &err), -ELOOP);
	assert_non_null(strstr(err.msg, lock));
	unlink(lock);
}

static void the_lock_file_is_for_its_owner_only(void **state)
{
	struct tempdb *t = *state;
	struct err err = {0};
	struct stat st;
	int fd;

	make_db(t);
	fd = lock_database(t->path, &err);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
}

/* Who held it has let go between the two questions, or has removed the file just then. */
static void a_collector_that_has_just_ended_is_no_reason_to_name_one(void **state)
{
	static const struct {
		const char *call;
		int error;
	} cases[] = {{"fcntl", EAGAIN}, {"stat", ENOENT}};
	struct tempdb *t = *state;

	make_db(t);
	for (size_t i = 0; i < 2; i++) {
		struct err err = {0};
		int fd;

		fail_call(cases[i].call, 1, cases[i].error);
		assert_int_equal(lock_database(t->path, &err), -EBUSY);
		assert_int_equal(mend_calls(), 1);
		if (!strstr(err.msg, "was recording to it a moment ago; try again"))
			fail_msg("%s", err.msg);
		fd = lock_database(t->path, &err);
		assert_true(fd >= 0);
		close(fd);
	}
}

static void the_lock_file_goes_with_its_database_or_after_it(void **state)
{
	struct tempdb *t = *state;
	struct err err = {0};
	char lock[128];

	snprintf(lock, sizeof(lock), "%s.lock", t->path);
	for (int gone = 0; gone < 2; gone++) {
		int fd;

		make_db(t);
		fd = lock_database(t->path, &err);
		assert_true(fd >= 0);
		assert_int_equal(access(lock, F_OK), 0);
		if (gone)
			assert_int_equal(unlink(t->path), 0);
		lock_remove(t->path);
		assert_int_not_equal(access(lock, F_OK), 0);
		close(fd);
	}
	/* What cannot be found out is left alone. */
	make_db(t);
	close(lock_database(t->path, &err));
	fail_call("realpath", 1, EACCES);
	lock_remove(t->path);
	assert_int_equal(mend_calls(), 1);
	assert_int_equal(access(lock, F_OK), 0);
}

/* Folders in each other, until a path is as long as it may be. */
static void a_path_that_has_no_room_for_the_ending_is_told(void **state)
{
	struct tempdb *t = *state;
	struct err err = {0};
	char home[256], folder[201], name[256], *real;
	int depth = 0, fd;

	assert_non_null(getcwd(home, sizeof(home)));
	assert_int_equal(chdir(t->folder), 0);
	memset(folder, 'f', sizeof(folder) - 1);
	folder[sizeof(folder) - 1] = '\0';
	for (size_t len = strlen(t->folder); len + 201 < 4000; len += 201, depth++)
		assert_true(mkdir(folder, 0700) == 0 && chdir(folder) == 0);
	real = realpath(".", NULL);
	assert_non_null(real);
	memset(name, 'd', sizeof(name));
	name[4095 - strlen(real) - 1] = '\0'; /* with it, 4095 */
	free(real);
	fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(lock_database(name, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "the path is too long"));
	assert_int_equal(unlink(name), 0);
	while (depth-- > 0)
		assert_true(chdir("..") == 0 && rmdir(folder) == 0);
	assert_int_equal(chdir(home), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tempdb_setup, tempdb_teardown)
	const struct CMUnitTest tests[] = {
		T(a_second_collector_is_told_the_pid_of_the_first),
		T(another_name_of_the_same_database_is_locked_too),
		T(what_cannot_be_locked_is_told_by_its_path),
		T(the_lock_file_is_for_its_owner_only),
		T(a_collector_that_has_just_ended_is_no_reason_to_name_one),
		T(the_lock_file_goes_with_its_database_or_after_it),
		T(a_path_that_has_no_room_for_the_ending_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
