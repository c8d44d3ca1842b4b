/* The service manager: a socket that gets what is said, and is given descriptors. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heard.h"
#include "manager.h"

static ino_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void without_a_manager_nothing_is_said_and_nothing_fails(void **state)
{
	struct manager m;
	struct err err = {0};

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(manager_open(&m, &err), 0);
	assert_int_equal(m.fd, -1);
	manager_tell(&m, "READY=1");
	manager_wait(&m);
	assert_int_equal(manager_get(&m, "map_events"), -ENOENT);
	manager_close(&m);
}

static void a_manager_that_is_not_there_is_an_error(void **state)
{
	struct manager m;
	struct err err = {0};

	(void)state;
	setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
	assert_int_equal(manager_open(&m, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nowhere/notify"));
	setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
	assert_int_equal(manager_open(&m, &err), -EINVAL);
}

static void a_status_is_one_line(void **state)
{
	const int fd = *(int *)*state;
	struct manager m;
	struct err err = {0};

	assert_int_equal(manager_open(&m, &err), 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	manager_tell(&m, "READY=1");
	manager_tell_status(&m, "all is well\nMAINPID=1\x1b[2J");
	assert_heard(fd, "READY=1");
	assert_heard(fd, "STATUS=all is well MAINPID=1 [2J");
	manager_close(&m);
}

static void what_is_kept_can_be_had_until_it_is_forgotten(void **state)
{
	const int fd = *(int *)*state;
	struct manager m;
	struct err err = {0};
	char text[512];
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC), given, own;

	assert_int_equal(manager_open(&m, &err), 0);
	assert_int_equal(manager_keep(&m, "map_events", file), 0);
	assert_int_equal(heard_next(fd, text, &given), 0);
	/* Without FDPOLL=0 a map would be thrown away at once. */
	assert_string_equal(text, "FDSTORE=1\nFDPOLL=0\nFDNAME=map_events");
	assert_int_equal(inode_of(given), inode_of(file));
	close(given);

	own = manager_get(&m, "map_events");
	assert_true(own > 0 && own != file);
	assert_int_equal(inode_of(own), inode_of(file));
	close(own);
	assert_int_equal(manager_get(&m, "map_other"), -ENOENT);

	manager_forget(&m, "link_");
	manager_forget(&m, "map_");
	assert_heard(fd, "FDSTOREREMOVE=1\nFDNAME=map_events");
	assert_int_equal(manager_get(&m, "map_events"), -ENOENT);
	close(file);
	manager_close(&m);
}

/* In a process of its own, as descriptors from 3 on are others' here. */
static int take_over(void)
{
	struct manager m;
	struct err err = {0};
	char pid[32];
	int null = open("/dev/null", O_RDONLY), zero = open("/dev/zero", O_RDONLY);
	const ino_t first = inode_of(null), second = inode_of(zero);
	int got;

	if (null != 3 && dup2(null, 3) != 3)
		return 1;
	if (dup2(zero, 4) != 4)
		return 1;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "map_a:map_b", 1);
	if (manager_open(&m, &err) != 0 || m.n_kept != 2)
		return 2;
	if (!(fcntl(3, F_GETFD) & FD_CLOEXEC) || getenv("LISTEN_FDS"))
		return 3;
	got = manager_get(&m, "map_a");
	if (got < 0 || inode_of(got) != first)
		return 4;
	got = manager_get(&m, "map_b");
	return got < 0 || inode_of(got) != second ? 5 : 0;
}

static void what_was_kept_for_an_earlier_process_is_taken_over_by_its_name(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		close(3);
		close(4);
		unsetenv("NOTIFY_SOCKET");
		_exit(take_over());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void what_is_for_another_process_is_left_alone(void **state)
{
	struct manager m;
	struct err err = {0};

	(void)state;
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("WATCHDOG_PID", "1", 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	assert_int_equal(manager_open(&m, &err), 0);
	assert_int_equal(m.n_kept, 0);
	assert_int_equal(m.watchdog_ns, 0);
	manager_close(&m);
}

/* It closes what comes with BARRIER=1 when it has come that far. */
static void waiting_ends_when_all_was_heard(void **state)
{
	const int fd = *(int *)*state;
	struct manager m;
	struct err err = {0};
	char text[512];
	int given, status;
	pid_t child;

	assert_int_equal(manager_open(&m, &err), 0);
	manager_tell(&m, "READY=1");
	child = fork();
	if (child == 0) {
		manager_wait(&m);
		_exit(0);
	}
	assert_heard(fd, "READY=1");
	assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1), 1);
	assert_int_equal(heard_next(fd, text, &given), 0);
	assert_string_equal(text, "BARRIER=1");
	assert_int_equal(waitpid(child, &status, WNOHANG), 0);
	close(given);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	manager_close(&m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, heard_setup, heard_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_manager_nothing_is_said_and_nothing_fails),
		TEST(a_manager_that_is_not_there_is_an_error),
		TEST(a_status_is_one_line),
		TEST(what_is_kept_can_be_had_until_it_is_forgotten),
		TEST(what_was_kept_for_an_earlier_process_is_taken_over_by_its_name),
		TEST(what_is_for_another_process_is_left_alone),
		TEST(waiting_ends_when_all_was_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
