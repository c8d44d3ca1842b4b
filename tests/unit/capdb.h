/* capdb.h - a database with a bound on its size, whose files a process of its own watches, and who
 * reads it for long. */
#ifndef CONNMON_CAPDB_H
#define CONNMON_CAPDB_H

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "clock.h"
#include "files.h"
#include "store.h"
#include "tempdb.h"

#define OFFSET_NS (1769853600LL * NS_PER_S)
#define MAX_BYTES (64ull << 20) /* the least there is */
#define BATCH	  5000

struct fixture {
	struct tempdb *temp;
	struct processes processes;
	struct containers containers;
	struct store *store;
	sqlite3 *db; /* a second connection, to look with */
	struct connection rows[BATCH];
	int64_t now_ns;
	uint64_t written;
	struct watched {
		uint64_t most_bytes;
		struct file_sizes most;
	} * watched; /* by a process of its own */
	pid_t watcher;
	char notes[4096];
};

static inline void hear(void *ctx, const char *text)
{
	struct fixture *f = ctx;
	size_t len = strlen(f->notes);

	snprintf(f->notes + len, sizeof(f->notes) - len, "%s\n", text);
}

static inline void open_store_with(struct fixture *f, uint64_t max_bytes)
{
	const struct store_config config = {
		.path = f->temp->path,
		.now_boot_ns = f->now_ns,
		.offset_ns = OFFSET_NS,
		.retention = {.max_bytes = max_bytes},
		.note = {.say = hear, .ctx = f},
	};
	struct err err = {0};

	if (store_open(&config, &f->processes, &f->containers, &f->store, &err))
		fail_msg("%s", err.msg);
	store_set_patience(f->store, false);
}

static inline void open_store(struct fixture *f)
{
	open_store_with(f, MAX_BYTES);
}

/* As often as it can; when a file goes while it looks at the others, it is counted once. */
static inline void watch_sizes(const char *path, struct watched *w)
{
	for (;;) {
		struct file_sizes sizes = files_measure(path);
		struct aside_files aside;
		uint64_t bytes;

		files_aside(path, &aside);
		bytes = sizes.db + sizes.wal + sizes.shm + aside.bytes;
		if (bytes > w->most_bytes) {
			w->most = sizes;
			w->most_bytes = bytes;
		}
		usleep(100);
		if (getppid() == 1)
			_exit(0);
	}
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	tempdb_setup((void **)&f->temp);
	f->processes.proc = "/nowhere";
	f->containers.cgroups.mount_fd = -1;
	f->now_ns = NS_PER_S;
	f->watched = mmap(NULL, sizeof(*f->watched), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->watched, MAP_FAILED);
	f->watcher = fork();
	if (f->watcher == 0)
		watch_sizes(f->temp->path, f->watched);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	struct watched *w = f->watched;

	kill(f->watcher, SIGKILL);
	waitpid(f->watcher, NULL, 0);
	if (w->most_bytes > MAX_BYTES)
		print_error("%lu bytes: db %lu, wal %lu, shm %lu\n", (unsigned long)w->most_bytes,
			    (unsigned long)w->most.db, (unsigned long)w->most.wal,
			    (unsigned long)w->most.shm);
	assert_in_range(w->most_bytes, 1, MAX_BYTES);
	munmap(w, sizeof(*w));
	store_free(f->store);
	sqlite3_close(f->db);
	processes_clear(&f->processes);
	containers_clear(&f->containers);
	tempdb_teardown((void **)&f->temp);
	free(f);
	return 0;
}

/* A batch of connections, of a process of its own for every tenth. */
static inline int write_batch(struct fixture *f, struct err *err)
{
	struct flush flush = {.ended = f->rows, .n_ended = BATCH, .offset_ns = OFFSET_NS};
	int ret;

	for (int i = 0; i < BATCH; i++) {
		struct connection *c = &f->rows[i];
		uint32_t pid = (uint32_t)(f->written + (uint64_t)i) / 10 + 1;

		*c = (struct connection){
			.cookie = f->written + (uint64_t)i,
			.start_boot_ns = f->now_ns,
			.end_boot_ns = f->now_ns + i * NS_PER_US,
			.owner = {.pid = pid, .start_boot_ns = pid, .comm = "many"},
			.netns = 1,
			.family = 4,
			.min_rtt_us = MIN_RTT_NONE,
			.outcome = OUTCOME_CLOSED,
		};
		inet_pton(AF_INET, "10.0.0.1", &c->local_addr);
		inet_pton(AF_INET, "10.200.100.200", &c->peer_addr);
	}
	f->now_ns += NS_PER_S;
	flush.now_boot_ns = f->now_ns;
	ret = store_write(f->store, &flush, err);
	if (!ret)
		f->written += BATCH;
	return ret;
}

static inline void upkeep(struct fixture *f)
{
	struct err err = {0};

	if (store_upkeep(f->store, f->now_ns, OFFSET_NS, &err) < 0)
		fail_msg("%s", err.msg);
}

static inline void write_batches(struct fixture *f, int n)
{
	struct err err = {0};

	for (int i = 0; i < n; i++) {
		int ret = write_batch(f, &err);

		/* On a slow disk; the collector tries again, too. */
		for (int more = 0; ret == -EFBIG && more < 50; more++)
			ret = write_batch(f, &err);
		if (ret)
			fail_msg("%s", err.msg);
	}
}

static inline void look(struct fixture *f)
{
	if (!f->db)
		assert_int_equal(sqlite3_open(f->temp->path, &f->db), SQLITE_OK);
}

struct reader {
	pid_t pid;
	int ready[2], go[2];
};

/* A process that began to read and does not end; then it looks again: exit code 0 if what it
 * sees is as it was. */
static inline void read_for_ever(const char *path, const struct reader *r)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	struct err err = {0};
	long before, after;
	char byte = 0;

	if (db_open_reader(path, &db, &err) ||
	    sqlite3_prepare_v2(db, "SELECT id FROM connection", -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		_exit(1);
	before = tempdb_number(db, "SELECT count(*) || '' FROM connection");
	if (write(r->ready[1], "", 1) != 1 || read(r->go[0], &byte, 1) != 1)
		_exit(2);
	after = tempdb_number(db, "SELECT count(*) || '' FROM connection");
	_exit(before == after && before > 0 ? 0 : 3);
}

static inline struct reader start_reader(struct fixture *f)
{
	struct reader r;
	char byte;

	assert_int_equal(pipe(r.ready), 0);
	assert_int_equal(pipe(r.go), 0);
	r.pid = fork();
	if (r.pid == 0)
		read_for_ever(f->temp->path, &r);
	close(r.ready[1]);
	assert_int_equal(read(r.ready[0], &byte, 1), 1);
	close(r.ready[0]);
	return r;
}

static inline int end_reader(struct reader *r)
{
	int status;

	assert_int_equal(write(r->go[1], "", 1), 1);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	close(r->go[0]);
	close(r->go[1]);
	return status;
}

#endif
