/*
 * process.h - the processes that own connections: a bounded cache which adds to
 * what the kernel side sent the path of the program, read from /proc while the
 * process still lives.
 */
#ifndef CONNMON_PROCESS_H
#define CONNMON_PROCESS_H

#include <stdint.h>
#include <uthash.h>

#include "connection.h"
#include "escape.h"

#define EXE_LEN 512 /* longer paths are cut, at the end */

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

struct processes {
	struct process *table;
	const char *proc; /* where procfs is mounted: "/proc"; borrowed */
};

/*
 * The entry of @owner, made when it is not there: call it as soon as an event
 * names the process, which may be gone a moment later. The pointer stays valid
 * until the next call. NULL when @owner is unknown (pid 0) or memory is short.
 *
 * The path is taken only from the very same process, in the very same program: the
 * start time and the name in /proc must be the owner's, after the path was read.
 */
struct process *processes_get(struct processes *ps, const struct owner *owner);

/* Forgets all rows: the transaction that made them was rolled back. */
void processes_forget_rows(struct processes *ps);

void processes_clear(struct processes *ps);

#endif
