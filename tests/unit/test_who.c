/* How a process is told to somebody: by its name, which it chose itself. */
#include "unit.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "who.h"

/* A process that calls itself so, and waits to be killed. */
static pid_t live_as(const char *name)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		_exit(write(ends[1], "y", 1) != 1 || pause());
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static void die(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Whose it is can be seen while it lives. */
static void assert_told(pid_t pid, const char *name, bool lives)
{
	char told[128], expected[128], user[32] = "";

	if (lives)
		snprintf(user, sizeof(user), ", user %u", (unsigned int)getuid());
	who_is(pid, told, sizeof(told));
	snprintf(expected, sizeof(expected), "process %d (%s%s)", (int)pid, name, user);
	assert_string_equal(told, expected);
}

static void a_process_is_told_by_its_number_name_and_user(void **state)
{
	pid_t pid = live_as("curl");

	(void)state;
	assert_told(pid, "curl", true);
	die(pid);
	assert_told(pid, "its name is not known", false);
}

static void a_hostile_name_is_told_harmlessly(void **state)
{
	pid_t pid = live_as("a\x1b[2Jb");

	(void)state;
	assert_told(pid, "a\\x1b[2Jb", true);
	die(pid);
}

static void one_of_another_namespace_has_no_number(void **state)
{
	char told[128];

	(void)state;
	who_is(0, told, sizeof(told));
	assert_string_equal(told, "a process that cannot be seen from here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_told_by_its_number_name_and_user),
		cmocka_unit_test(a_hostile_name_is_told_harmlessly),
		cmocka_unit_test(one_of_another_namespace_has_no_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
