#include "procfs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "decode.h"
#include "proc_text.h"

int64_t procfs_tick(uint64_t boot_ns)
{
	int64_t tick_ns = NS_PER_S / sysconf(_SC_CLK_TCK);

	return (int64_t)boot_ns / tick_ns * tick_ns;
}

static int open_process(const char *proc, uint32_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%" PRIu32, proc, pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Reads a small file of a process. Returns its length, 0 when it cannot be read. */
static size_t read_file(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	return (size_t)n;
}

static bool read_stat(int dir, struct proc_stat *out)
{
	char buf[1024];

	return read_file(dir, "stat", buf, sizeof(buf)) > 0 && proc_stat_read(buf, out);
}

/* Whole clock ticks. */
static int64_t start_ns(const struct proc_stat *st)
{
	return (int64_t)(st->start_ticks * (uint64_t)(NS_PER_S / sysconf(_SC_CLK_TCK)));
}

static char *read_cmdline(int dir)
{
	char args[ARGS_LEN + 2];

	return proc_cmdline_read(args, read_file(dir, "cmdline", args, sizeof(args)));
}

bool procfs_program(const char *proc, uint32_t pid, const char *comm, int64_t from_ns,
		    int64_t to_ns, bool with_cmdline, struct procfs_program *out)
{
	int dir = open_process(proc, pid);
	struct proc_stat st;
	char exe[EXE_LEN];
	ssize_t n;
	bool same;

	if (dir < 0)
		return false;
	n = readlinkat(dir, "exe", exe, sizeof(exe));
	out->cmdline = with_cmdline ? read_cmdline(dir) : NULL;
	/* After the others: all are of one program. */
	same = n > 0 && read_stat(dir, &st) && strcmp(st.comm, comm) == 0 &&
	       start_ns(&st) >= from_ns && start_ns(&st) <= to_ns;
	close(dir);
	if (!same) {
		free(out->cmdline);
		out->cmdline = NULL;
		return false;
	}
	escape_text(exe, (size_t)n, out->exe, sizeof(out->exe));
	return true;
}

bool procfs_owner(const char *proc, uint32_t pid, uint64_t start_boot_ns, struct owner *out)
{
	int dir = open_process(proc, pid);
	struct proc_stat st;
	char status[4096];
	bool same;

	if (dir < 0)
		return false;
	memset(out, 0, sizeof(*out));
	same = read_file(dir, "status", status, sizeof(status)) > 0 &&
	       proc_uid_read(status, &out->uid) && read_stat(dir, &st) &&
	       start_ns(&st) == procfs_tick(start_boot_ns);
	close(dir);
	if (!same)
		return false;
	out->pid = pid;
	out->start_boot_ns = start_boot_ns;
	out->ppid = st.ppid;
	memcpy(out->comm, st.comm, sizeof(out->comm));
	return true;
}
