#include "procfs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "cmdline.h"
#include "decode.h"

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

struct stat_file {
	char comm[COMM_LEN];
	uint32_t ppid;
	int64_t start_ns; /* since boot, whole clock ticks */
};

/* In /proc/PID/stat (proc(5)) the name stands in brackets and may hold brackets itself;
 * the parent is the second field behind them, the start the 20th. */
static bool read_stat(int dir, struct stat_file *out)
{
	char buf[1024], *name, *end;
	uint64_t ticks;

	if (read_file(dir, "stat", buf, sizeof(buf)) == 0)
		return false;
	name = strchr(buf, '(');
	end = strrchr(buf, ')');
	if (!name || !end || end < name || end - name > COMM_LEN)
		return false;
	memset(out->comm, 0, sizeof(out->comm));
	memcpy(out->comm, name + 1, (size_t)(end - name - 1));
	if (sscanf(end + 1,
		   " %*c %" SCNu32
		   " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
		   &out->ppid, &ticks) != 2)
		return false;
	out->start_ns = (int64_t)(ticks * (uint64_t)(NS_PER_S / sysconf(_SC_CLK_TCK)));
	return true;
}

static char *read_cmdline(int dir)
{
	char args[ARGS_LEN + 2];
	size_t len = read_file(dir, "cmdline", args, sizeof(args));

	/* Who writes a title over its arguments fills up with NULs. */
	while (len > 1 && len <= ARGS_LEN && args[len - 1] == '\0' && args[len - 2] == '\0')
		len--;
	return len > ARGS_LEN ? cmdline_join(args, ARGS_LEN, true) : cmdline_join(args, len, false);
}

bool procfs_program(const char *proc, uint32_t pid, const char *comm, int64_t from_ns,
		    int64_t to_ns, bool with_cmdline, struct procfs_program *out)
{
	int dir = open_process(proc, pid);
	struct stat_file st;
	char exe[EXE_LEN];
	ssize_t n;
	bool same;

	if (dir < 0)
		return false;
	n = readlinkat(dir, "exe", exe, sizeof(exe));
	out->cmdline = with_cmdline ? read_cmdline(dir) : NULL;
	/* After the others: all are of one program. */
	same = n > 0 && read_stat(dir, &st) && strcmp(st.comm, comm) == 0 &&
	       st.start_ns >= from_ns && st.start_ns <= to_ns;
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
	struct stat_file st;
	char status[4096], *uid = NULL;
	bool same;

	if (dir < 0)
		return false;
	memset(out, 0, sizeof(*out));
	if (read_file(dir, "status", status, sizeof(status)))
		uid = strstr(status, "\nUid:");
	same = uid && sscanf(uid, "\nUid: %" SCNu32, &out->uid) == 1 && read_stat(dir, &st) &&
	       st.start_ns == procfs_tick(start_boot_ns);
	close(dir);
	if (!same)
		return false;
	out->pid = pid;
	out->start_boot_ns = start_boot_ns;
	out->ppid = st.ppid;
	memcpy(out->comm, st.comm, sizeof(out->comm));
	return true;
}
