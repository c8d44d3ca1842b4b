#include "process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define MAX_PROCESSES 4096
#define MAX_IMAGES    16384

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

/* The start, in ns since boot (whole clock ticks), of the process whose /proc folder
 * is @dir, if it is called @comm; -1 if not. In /proc/PID/stat (proc(5)) the name
 * stands in brackets and may hold brackets itself; the start is the 20th field behind
 * them. */
static int64_t start_of(int dir, const char *comm)
{
	char buf[1024], *name, *end;
	uint64_t ticks;

	if (read_file(dir, "stat", buf, sizeof(buf)) == 0)
		return -1;
	name = strchr(buf, '(');
	end = strrchr(buf, ')');
	if (!name || !end || end < name)
		return -1;
	*end = '\0';
	if (strcmp(name + 1, comm) != 0)
		return -1;
	if (sscanf(end + 1,
		   " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%" SCNu64,
		   &ticks) != 1)
		return -1;
	return (int64_t)(ticks * (uint64_t)(NS_PER_S / sysconf(_SC_CLK_TCK)));
}

/* Reads the path of the program that @pid runs, if it is called @comm and began from
 * @from_ns to @to_ns. */
static bool read_exe(const char *proc, uint32_t pid, const char *comm, int64_t from_ns,
		     int64_t to_ns, char *safe, size_t size)
{
	char path[64], exe[EXE_LEN];
	int64_t start_ns;
	ssize_t n;
	int dir;

	snprintf(path, sizeof(path), "%s/%" PRIu32, proc, pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	n = readlinkat(dir, "exe", exe, sizeof(exe));
	start_ns = start_of(dir, comm); /* after the link: both are of one program */
	close(dir);
	if (n <= 0 || start_ns < from_ns || start_ns > to_ns)
		return false;
	escape_text(exe, (size_t)n, safe, size);
	return true;
}

/* ---- programs as told at exec ---- */

struct image {
	struct image_key {
		uint64_t start_boot_ns;
		uint64_t pid;
	} key;
	char comm[COMM_LEN];
	char *exe; /* escaped */
	UT_hash_handle hh;
};

static void free_image(struct processes *ps, struct image *image)
{
	HASH_DEL(ps->images, image);
	free(image->exe);
	free(image);
}

static struct image *find_image(struct processes *ps, uint64_t start_boot_ns, uint32_t pid)
{
	const struct image_key key = {.start_boot_ns = start_boot_ns, .pid = pid};
	struct image *image;

	HASH_FIND(hh, ps->images, &key, sizeof(key), image);
	return image;
}

static struct process_key key_of(const struct owner *owner)
{
	struct process_key key;

	memset(&key, 0, sizeof(key)); /* padding too: it is hashed as bytes */
	key.start_boot_ns = owner->start_boot_ns;
	key.pid = owner->pid;
	key.uid = owner->uid;
	memcpy(key.comm, owner->comm, sizeof(key.comm));
	return key;
}

void processes_exec(struct processes *ps, const struct event *e)
{
	const struct owner *owner = &e->owner;
	const char *exe = e->path;
	const struct process_key key = key_of(owner);
	struct image *image = find_image(ps, owner->start_boot_ns, owner->pid);
	char safe[ESCAPED_SIZE(EXE_LEN)];
	struct process *p;

	if (image)
		free_image(ps, image);
	/* Another program of the same name is another program. */
	HASH_FIND(hh, ps->table, &key, sizeof(key), p);
	if (p) {
		HASH_DEL(ps->table, p);
		free(p);
	}
	image = exe[0] ? calloc(1, sizeof(*image)) : NULL;
	if (!image)
		return;
	escape_text(exe, strlen(exe), safe, sizeof(safe));
	image->key = (struct image_key){.start_boot_ns = owner->start_boot_ns, .pid = owner->pid};
	memcpy(image->comm, owner->comm, sizeof(image->comm));
	image->exe = strdup(safe);
	if (HASH_COUNT(ps->images) >= MAX_IMAGES)
		free_image(ps, ps->images); /* uthash keeps the order of insertion */
	if (image->exe)
		HASH_ADD(hh, ps->images, key, sizeof(image->key), image);
	if (!image->hh.tbl) {
		free(image->exe);
		free(image);
	}
}

void processes_exit(struct processes *ps, const struct owner *owner, int64_t at_boot_ns)
{
	(void)ps, (void)owner, (void)at_boot_ns;
}

/* ---- who owns a connection ---- */

static void find_exe(struct processes *ps, struct process *p)
{
	struct image *image = find_image(ps, p->key.start_boot_ns, p->key.pid);
	int64_t tick_ns = NS_PER_S / sysconf(_SC_CLK_TCK);
	int64_t start_ns = (int64_t)p->key.start_boot_ns / tick_ns * tick_ns;

	if (image && strcmp(image->comm, p->key.comm) == 0) {
		snprintf(p->exe, sizeof(p->exe), "%s", image->exe);
		return;
	}
	if (read_exe(ps->proc, p->key.pid, p->key.comm, start_ns, start_ns, p->exe, sizeof(p->exe)))
		return;
	if (!image) /* it runs what its parent ran when it was made */
		read_exe(ps->proc, p->ppid, p->key.comm, 0, start_ns, p->exe, sizeof(p->exe));
}

struct process *processes_get(struct processes *ps, const struct owner *owner)
{
	const struct process_key key = key_of(owner);
	struct process *p;

	if (owner->pid == 0)
		return NULL;
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
	find_exe(ps, p);
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

	while (ps->images)
		free_image(ps, ps->images);

	HASH_ITER (hh, ps->table, p, tmp) {
		HASH_DEL(ps->table, p);
		free(p);
	}
}
