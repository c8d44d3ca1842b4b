/* What an intruder in the running collector would try, tried by a child that is confined as the
 * collector is: the kernel refuses it, and does not refuse the same before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "landlock.h"
#include "privilege.h"
#include "sandbox.h"

#define KILLED 200 /* and not an errno */

static char folder[] = "/tmp/connmon-sandbox-XXXXXX";
static char inside[64], outside[64];

/* Each returns 0, or the errno with which it was refused. */
static int open_as(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int read_passwd(void)
{
	return open_as("/etc/passwd", O_RDONLY);
}

static int write_outside(void)
{
	return open_as(outside, O_WRONLY | O_CREAT);
}

static int write_inside(void)
{
	return open_as(inside, O_WRONLY | O_CREAT);
}

static int share_inside(void)
{
	return chmod(inside, 0640) ? errno : 0;
}

static int read_proc(void)
{
	return open_as("/proc/self/stat", O_RDONLY);
}

static int make_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static int trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0;
}

/* Too long, so that nobody gets further than that, with whatever privileges. */
static int bpf_call(int command)
{
	static char attr[1 << 16];

	return syscall(SYS_bpf, command, attr, sizeof(attr)) < 0 ? errno : 0;
}

static int load_program(void)
{
	return bpf_call(BPF_PROG_LOAD);
}

static int read_counters(void)
{
	return bpf_call(BPF_MAP_LOOKUP_ELEM);
}

static int run_program(void)
{
	char *const argv[] = {"/bin/true", NULL};

	execv(argv[0], argv);
	return errno;
}

static int fork_one(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int map_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int signal_parent(void)
{
	return kill(getppid(), 0) < 0 ? errno : 0;
}

static int confine(void)
{
	const struct landlock_path paths[] = {{"/proc", LANDLOCK_READ},
					      {folder, LANDLOCK_WRITE_FOLDER}};
	const struct privilege who = {.uid = geteuid(), .gid = getegid()};
	struct err err = {0};

	if (privilege_drop(&who, &err) || landlock_enter(paths, 2, &err) || sandbox_enter(&err)) {
		fprintf(stderr, "%s\n", err.msg);
		return err.code;
	}
	return 0;
}

/* What @attempt returns in a child, or KILLED. */
static int tried(int (*attempt)(void), bool confined)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(confined && confine() ? 255 : attempt());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	return WEXITSTATUS(status);
}

struct attempt {
	const char *name;
	int (*call)(void);
	int free, confined; /* what comes of it */
};

static void assert_attempts(const struct attempt *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int freely = tried(a[i].call, false), confined = tried(a[i].call, true);

		if (freely != a[i].free || confined != a[i].confined)
			fail_msg("%s: %d, and confined %d, not %d and %d", a[i].name, freely,
				 confined, a[i].free, a[i].confined);
	}
}

static void what_the_collector_does_not_do_is_refused(void **state)
{
	static const struct attempt attempts[] = {
		{"reading /etc/passwd", read_passwd, 0, EACCES},
		{"making a file elsewhere", write_outside, 0, EACCES},
		{"a socket", make_socket, 0, EPERM},
		{"loading a program", load_program, E2BIG, EPERM},
		{"memory to run code in", map_code, 0, SANDBOX_SANITIZED ? 0 : EPERM},
	};

	(void)state;
	assert_attempts(attempts, sizeof(attempts) / sizeof(attempts[0]));
}

static void what_only_an_intruder_does_ends_the_process(void **state)
{
	static const struct attempt attempts[] = {
		{"tracing", trace, 0, KILLED},
		{"another program", run_program, 0, KILLED},
		{"a fork", fork_one, 0, EPERM},
		{"a signal to another", signal_parent, 0, EPERM},
	};

	(void)state;
	if (SANDBOX_SANITIZED)
		skip(); /* its leak checker forks a process that traces us */
	assert_attempts(attempts, sizeof(attempts) / sizeof(attempts[0]));
}

static void what_it_does_is_allowed(void **state)
{
	static const struct attempt attempts[] = {
		{"making a file in its folder", write_inside, 0, 0},
		{"letting its group read it", share_inside, 0, 0},
		{"reading /proc", read_proc, 0, 0},
		{"reading a map", read_counters, E2BIG, E2BIG},
	};

	(void)state;
	assert_attempts(attempts, sizeof(attempts) / sizeof(attempts[0]));
}

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(inside, sizeof(inside), "%s/file", folder);
	snprintf(outside, sizeof(outside), "%s-outside", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(inside);
	unlink(outside);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_collector_does_not_do_is_refused),
		cmocka_unit_test(what_only_an_intruder_does_ends_the_process),
		cmocka_unit_test(what_it_does_is_allowed),
	};

	if (landlock_version() == 0) {
		puts("SKIP: this kernel has no Landlock");
		return 77;
	}
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
