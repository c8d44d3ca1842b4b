/* A socket for names, made where process 1 is and lent by way of the service manager. That process
 * and the socket are this test's. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dns_lend.h"
#include "dns_socket.h"
#include "heard.h"

static int no_look, no_entry, no_socket; /* an errno; 0: it can be had */
static int entered;			 /* namespaces */

#undef open
int open(const char *path, int flags, ...)
{
	if (strcmp(path, "/proc/1/ns/net") != 0)
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
	errno = no_look;
	return no_look ? -1 : (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/ns/net", flags, 0);
}

int setns(int fd, int kind)
{
	assert_true(fd >= 0);
	assert_int_equal(kind, CLONE_NEWNET);
	entered += !no_entry;
	errno = no_entry;
	return no_entry ? -1 : 0;
}

int dns_socket_make(void)
{
	assert_int_equal(entered, 1); /* not where we came from */
	return no_socket ? -no_socket : eventfd(0, EFD_CLOEXEC);
}

static void all_can_be_had(void)
{
	no_look = no_entry = no_socket = entered = 0;
}

/* Lends in a process of its own, as manager_wait() waits for us. */
static pid_t lend(struct manager *m)
{
	struct err err = {0};
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(dns_lend(m, &err) == 0 && entered == 1 ? 0 : 1);
	return pid;
}

static void the_socket_is_kept_by_its_name_instead_of_an_earlier_one(void **state)
{
	const int heard = *(int *)*state;
	struct manager m;
	struct err err = {0};
	char text[512];
	int given, status;
	pid_t pid;

	all_can_be_had();
	assert_int_equal(manager_open(&m, &err), 0);
	pid = lend(&m);
	for (int i = 0; i < 3; i++) {
		static const char *const expected[] = {"FDSTOREREMOVE=1\nFDNAME=names",
						       "FDSTORE=1\nFDPOLL=0\nFDNAME=names",
						       "BARRIER=1"};

		assert_int_equal(poll(&(struct pollfd){.fd = heard, .events = POLLIN}, 1, -1), 1);
		assert_int_equal(heard_next(heard, text, &given), 0);
		assert_string_equal(text, expected[i]);
		assert_int_equal(given >= 0, i > 0);
		if (given >= 0)
			close(given);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_nothing_heard(heard);
	manager_close(&m);
}

static void what_was_lent_is_found_by_its_name(void **state)
{
	struct manager m = {.fd = -1, .n_kept = 1, .kept = {{.name = "names"}}};
	struct stat given, lent;
	int fd;

	(void)state;
	assert_int_equal(dns_lent(NULL), -ENOENT);
	m.kept[0].fd = eventfd(0, EFD_CLOEXEC);
	fd = dns_lent(&m);
	assert_true(fd >= 0 && fd != m.kept[0].fd);
	assert_int_equal(fstat(fd, &given), 0);
	assert_int_equal(fstat(m.kept[0].fd, &lent), 0);
	assert_int_equal(given.st_ino, lent.st_ino);
	close(fd);
	close(m.kept[0].fd);
	m.n_kept = 0;
	assert_int_equal(dns_lent(&m), -ENOENT);
}

/* It fails so, and says this; and nothing was given away. */
static void assert_not_lent(int heard, int code, const char *words)
{
	struct manager m;
	struct err err = {0};

	setenv("NOTIFY_SOCKET", getenv("KEPT_SOCKET"), 1); /* opening takes it away */
	assert_int_equal(manager_open(&m, &err), 0);
	assert_int_equal(dns_lend(&m, &err), code);
	if (!strstr(err.msg, words))
		fail_msg("%s", err.msg);
	assert_nothing_heard(heard);
	manager_close(&m);
}

static void what_cannot_be_had_is_told(void **state)
{
	const int heard = *(int *)*state;

	setenv("KEPT_SOCKET", getenv("NOTIFY_SOCKET"), 1);
	all_can_be_had();
	no_look = EACCES;
	assert_not_lent(heard, -EACCES, "the network namespace of process 1: Permission denied");
	assert_int_equal(entered, 0);
	all_can_be_had();
	no_entry = EPERM;
	assert_not_lent(heard, -EPERM,
			"the network namespace of process 1: Operation not permitted");
	all_can_be_had();
	no_socket = EPERM;
	assert_not_lent(heard, -EPERM, "opening a packet socket: Operation not permitted");
}

static void a_manager_that_takes_nothing_is_told(void **state)
{
	struct manager m;
	struct err err = {0};

	all_can_be_had();
	assert_int_equal(manager_open(&m, &err), 0);
	close(*(int *)*state); /* it has gone */
	*(int *)*state = -1;
	assert_true(dns_lend(&m, &err) < 0);
	if (!strstr(err.msg, "giving a socket to the service manager: "))
		fail_msg("%s", err.msg);
	manager_close(&m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, heard_setup, heard_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_socket_is_kept_by_its_name_instead_of_an_earlier_one),
		TEST(what_was_lent_is_found_by_its_name),
		TEST(what_cannot_be_had_is_told),
		TEST(a_manager_that_takes_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
