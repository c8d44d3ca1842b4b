#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tempdb_setup, tempdb_teardown)
	const struct CMUnitTest tests[] = {
		T(a_second_collector_is_told_the_pid_of_the_first),
		T(another_name_of_the_same_database_is_locked_too),
		T(what_cannot_be_locked_is_told_by_its_path),
		T(the_lock_file_is_for_its_owner_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
