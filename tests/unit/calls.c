#undef _FORTIFY_SOURCE /* whose headers define some of these themselves */
#include "calls.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	const char *call; /* NULL: none */
	int error;
	unsigned int first, last, met, failed;
} failing;

static void set(const char *call, unsigned int first, unsigned int last, int error)
{
	failing.call = call;
	failing.error = error;
	failing.first = first;
	failing.last = last;
	failing.met = failing.failed = 0;
}

void fail_call(const char *call, unsigned int nth, int error)
{
	set(call, nth, nth, error);
}

void fail_calls(const char *call, int error)
{
	set(call, 1, UINT_MAX, error);
}

unsigned int mend_calls(void)
{
	failing.call = NULL;
	return failing.failed;
}

bool fails(const char *call)
{
	if (!failing.call || strcmp(failing.call, call) != 0)
		return false;
	failing.met++;
	if (failing.met < failing.first || failing.met > failing.last)
		return false;
	failing.failed++;
	errno = failing.error;
	return true;
}

/* ---- the calls ---- */

#define CALL(name, params, ...)                                                                    \
	int name params                                                                            \
	{                                                                                          \
		return fails(#name) ? -1 : (int)syscall(SYS_##name, __VA_ARGS__);                  \
	}

CALL(fchown, (int fd, uid_t uid, gid_t gid), fd, uid, gid)
CALL(flock, (int fd, int operation), fd, operation)
CALL(setgroups, (size_t n, const gid_t *groups), n, groups)
CALL(setns, (int fd, int kind), fd, kind)
CALL(setresuid, (uid_t real, uid_t effective, uid_t saved), real, effective, saved)

int lchown(const char *path, uid_t uid, gid_t gid)
{
	return fails("lchown")
		       ? -1
		       : (int)syscall(SYS_fchownat, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int mkdir(const char *path, mode_t mode)
{
	return fails("mkdir") ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int stat(const char *restrict path, struct stat *restrict out)
{
	return fails("stat") ? -1 : fstatat(AT_FDCWD, path, out, 0);
}

ssize_t readlink(const char *restrict path, char *restrict out, size_t size)
{
	return fails("readlink") ? -1 : syscall(SYS_readlinkat, AT_FDCWD, path, out, size);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return fails("open") ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int fcntl(int fd, int command, ...)
{
	va_list ap;
	long argument;

	va_start(ap, command);
	argument = va_arg(ap, long);
	va_end(ap);
	return fails("fcntl") ? -1 : (int)syscall(SYS_fcntl, fd, command, argument);
}

/* Those of libc that are no system calls. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

char *getcwd(char *out, size_t size)
{
	return fails("getcwd") ? NULL : REAL(getcwd)(out, size);
}

DIR *opendir(const char *path)
{
	return fails("opendir") ? NULL : REAL(opendir)(path);
}

char *realpath(const char *restrict path, char *restrict out)
{
	return fails("realpath") ? NULL : REAL(realpath)(path, out);
}

/* What that is called when the size of @out is known. */
char *__realpath_chk(const char *path, char *out, size_t size);
char *__realpath_chk(const char *path, char *out, size_t size)
{
	(void)size;
	return realpath(path, out);
}
