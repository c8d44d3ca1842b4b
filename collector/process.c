#include "process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define MAX_PROCESSES 4096

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

/* Whether /proc/PID/stat (proc(5)) still shows the process of @key. Its name stands
 * in brackets and may hold brackets itself; the start, in clock ticks since boot, is
 * the 20th field behind them. */
static bool is_same(int dir, const struct process_key *key)
{
	char buf[1024], *name, *end;
	uint64_t ticks, ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);

	if (read_file(dir, "stat", buf, sizeof(buf)) == 0)
		return false;
	name = strchr(buf, '(');
	end = strrchr(buf, ')');
	if (!name || !end || end < name)
		return false;
	*end = '\0';
	if (strcmp(name + 1, key->comm) != 0)
		return false;
	if (sscanf(end + 1,
		   " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%" SCNu64,
		   &ticks) != 1)
		return false;
	return ticks == key->start_boot_ns / (NS_PER_S / ticks_per_s);
}

static void read_exe(const char *proc, struct process *p)
{
	char path[64], exe[EXE_LEN];
	ssize_t n;
	int dir;

	snprintf(path, sizeof(path), "%s/%" PRIu32, proc, p->key.pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	n = readlinkat(dir, "exe", exe, sizeof(exe));
	if (n > 0 && is_same(dir, &p->key))
		escape_text(exe, (size_t)n, p->exe, sizeof(p->exe));
	close(dir);
}

struct process *processes_get(struct processes *ps, const struct owner *owner)
{
	struct process_key key;
	struct process *p;

	if (owner->pid == 0)
		return NULL;
	memset(&key, 0, sizeof(key)); /* padding too: it is hashed as bytes */
	key.start_boot_ns = owner->start_boot_ns;
	key.pid = owner->pid;
	key.uid = owner->uid;
	memcpy(key.comm, owner->comm, sizeof(key.comm));
	HASH_FIND(hh, ps->table, &key, sizeof(key), p);
	if (p)
		return p;

	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->key = key;
	p->ppid = owner->ppid;
	p->cgroup_id = owner->cgroup_id;
	escape_text(owner->comm, strlen(owner->comm), p->comm, sizeof(p->comm));
	read_exe(ps->proc, p);
	if (HASH_COUNT(ps->table) >= MAX_PROCESSES) {
		struct process *oldest = ps->table; /* uthash keeps the order of insertion */

		HASH_DEL(ps->table, oldest);
		free(oldest);
	}
	HASH_ADD(hh, ps->table, key, sizeof(p->key), p);
	if (!p->hh.tbl) {
		free(p);
		return NULL;
	}
	return p;
}

void processes_forget_rows(struct processes *ps)
{
	struct process *p, *tmp;

	HASH_ITER (hh, ps->table, p, tmp)
		p->row = 0;
}

void processes_clear(struct processes *ps)
{
	struct process *p, *tmp;

	HASH_ITER (hh, ps->table, p, tmp) {
		HASH_DEL(ps->table, p);
		free(p);
	}
}
