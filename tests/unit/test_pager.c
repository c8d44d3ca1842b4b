/* A pager that cannot be had is done without, and leaves nothing behind. With a terminal:
 * golden.terminal. */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "pager.h"
#include "tempdir.h"
#include "terminal.h"

static const char *fails = ""; /* this call */
static bool on_terminal;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

bool terminal_is_smart(int fd)
{
	assert_int_equal(fd, STDOUT_FILENO);
	return on_terminal;
}

int pipe2(int ends[2], int flags)
{
	errno = EMFILE;
	return !strcmp(fails, "pipe2") ? -1 : (int)syscall(SYS_pipe2, ends, flags);
}

int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
	return !strcmp(fails, "init") ? ENOMEM : REAL(posix_spawn_file_actions_init)(actions);
}

int posix_spawn(pid_t *restrict pid, const char *restrict path,
		const posix_spawn_file_actions_t *actions,
		const posix_spawnattr_t *restrict attributes, char *const argv[],
		char *const environment[])
{
	return !strcmp(fails, "posix_spawn")
		       ? EAGAIN
		       : REAL(posix_spawn)(pid, path, actions, attributes, argv, environment);
}

FILE *fdopen(int fd, const char *mode)
{
	return !strcmp(fails, "fdopen") ? NULL : REAL(fdopen)(fd, mode);
}

static int setup(void **state)
{
	fails = "";
	on_terminal = true;
	unsetenv("CONNMON_PAGER");
	unsetenv("PAGER");
	unsetenv("LESS");
	return tempdir_setup(state);
}

/* The lowest descriptor that is free: the same as before when none was left open. */
static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static void assert_none(void)
{
	struct pager pager;

	pager_start(&pager);
	assert_ptr_equal(pager.out, stdout);
	assert_int_equal(pager.pid, 0);
	assert_true(pager_end(&pager));
}

static void one_that_cannot_be_started_leaves_nothing_behind(void **state)
{
	static const char *const calls[] = {"pipe2", "init", "posix_spawn", "fdopen"};
	const int fd = next_fd();

	(void)state;
	setenv("CONNMON_PAGER", "exec cat > /dev/null", 1);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fails = calls[i];
		assert_none();
		assert_int_equal(next_fd(), fd);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		assert_int_equal(errno, ECHILD);
	}
}

/* As it is written for one that is there. Its exit code is @code. */
static bool read_through(const char *folder, int code)
{
	struct sigaction before, after;
	struct pager pager;
	char words[256];

	snprintf(words, sizeof(words), "cat > %s/read; exit %d", folder, code);
	setenv("CONNMON_PAGER", words, 1);
	sigaction(SIGPIPE, NULL, &before);
	pager_start(&pager);
	assert_true(pager.pid > 0);
	assert_true(pager.out != stdout);
	sigaction(SIGINT, NULL, &after);
	assert_true(after.sa_handler == SIG_IGN); /* Ctrl-C is the pager's */
	fputs("a line\n", pager.out);
	code = pager_end(&pager);
	sigaction(SIGPIPE, NULL, &after);
	assert_true(after.sa_handler == before.sa_handler);
	sigaction(SIGINT, NULL, &after);
	assert_true(after.sa_handler != SIG_IGN);
	return code;
}

static void what_is_written_is_read_by_it_before_we_go_on(void **state)
{
	char path[128], text[16] = "";
	FILE *f;

	assert_true(read_through(*state, 0));
	snprintf(path, sizeof(path), "%s/read", (char *)*state);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_string_equal(text, "a line\n");
	assert_true(read_through(*state, 1)); /* it was read all the same */
	assert_false(read_through(*state, 127));
	assert_false(read_through(*state, 126));
}

static void none_is_started_where_none_is_wanted_or_to_be_had(void **state)
{
	char path[128];

	setenv("CONNMON_PAGER", "cat", 1);
	assert_none();
	setenv("CONNMON_PAGER", "", 1);
	setenv("PAGER", "exit 1", 1); /* that comes second */
	assert_none();
	unsetenv("CONNMON_PAGER");
	on_terminal = false;
	assert_none();
	on_terminal = true;
	unsetenv("PAGER"); /* then it is less, if there is one */
	setenv("PATH", "/nowhere", 1);
	assert_none();
	snprintf(path, sizeof(path), "%s/less", (char *)*state);
	tempdir_write(path, "#!/bin/sh\ncat > /dev/null\n");
	snprintf(path, sizeof(path), "/nowhere:%s", (char *)*state);
	setenv("PATH", path, 1);
	assert_none(); /* it is no program */
}

static void colour_goes_through_less_when_it_is_told_so(void **state)
{
	struct pager pager = {.pid = 1};

	(void)state;
	assert_true(pager_takes_color(&pager));
	setenv("LESS", "FRX", 1);
	assert_true(pager_takes_color(&pager));
	setenv("LESS", "-X -r", 1);
	assert_true(pager_takes_color(&pager));
	setenv("LESS", "FX", 1);
	assert_false(pager_takes_color(&pager));
	pager_none(&pager);
	assert_true(pager_takes_color(&pager));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_that_cannot_be_started_leaves_nothing_behind),
		TEST(what_is_written_is_read_by_it_before_we_go_on),
		TEST(none_is_started_where_none_is_wanted_or_to_be_had),
		TEST(colour_goes_through_less_when_it_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
