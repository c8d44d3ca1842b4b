/*
 * process.h - the processes that own connections: a bounded cache which adds to what
 * the kernel side sent with a connection the path of the program: as it was told at
 * exec, else read from /proc while the process still lives.
 */
#ifndef CONNMON_PROCESS_H
#define CONNMON_PROCESS_H

#include <stdint.h>
#include <uthash.h>

#include "connection.h"
#include "decode.h"
#include "escape.h"

struct process {
	struct process_key {
		uint64_t start_boot_ns;
		uint32_t pid;
		uint32_t uid;
		char comm[COMM_LEN];
	} key;
	uint32_t ppid;
	uint64_t cgroup_id;
	char comm[ESCAPED_SIZE(COMM_LEN)]; /* escaped, as stored */
	char exe[ESCAPED_SIZE(EXE_LEN)];   /* escaped; "" when it could not be read in time */
	int64_t row;			   /* in table process; 0: not known; store's */
	UT_hash_handle hh;
};

struct image; /* what a process runs since its last exec */

struct processes {
	struct process *table;
	struct image *images;
	const char *proc; /* where procfs is mounted: "/proc"; borrowed */
};

/*
 * The entry of @owner, made when it is not there: call it as soon as an event
 * names the process, which may be gone a moment later. The pointer stays valid
 * until the next call. NULL when @owner is unknown (pid 0) or memory is short.
 *
 * The path is taken only from the very same process in the very same program: its
 * start time and name, at exec or in /proc, must be the owner's; or from its parent
 * of the same name, when it has made no exec of its own.
 */
struct process *processes_get(struct processes *ps, const struct owner *owner);

/* Takes note of KIND_EXEC: a process now runs another program. */
void processes_exec(struct processes *ps, const struct event *e);

/* Takes note that the process with @owner's pid and start is over. */
void processes_exit(struct processes *ps, const struct owner *owner, int64_t at_boot_ns);

/* Forgets all rows: the transaction that made them was rolled back. */
void processes_forget_rows(struct processes *ps);

void processes_clear(struct processes *ps);

#endif
