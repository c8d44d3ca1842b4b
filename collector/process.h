/*
 * process.h - the processes that own connections: a bounded cache which adds to what
 * the kernel side sent with a connection the program's path, its arguments and its
 * parents: as told at exec or by the scan at start, else read from /proc while the
 * process still lives.
 */
#ifndef CONNMON_PROCESS_H
#define CONNMON_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "connection.h"
#include "decode.h"
#include "escape.h"
#include "life.h"

struct process {
	struct process_key {
		uint64_t start_boot_ns;
		uint32_t pid;
		uint32_t uid;
		uint32_t exec_id;
		char comm[COMM_LEN];
	} key;
	int64_t row; /* in table process; 0: not known; dictionary's */
	bool used;   /* since it was last to be forgotten; what is in recent is, too */
	uint32_t ppid;
	uint64_t parent_start_boot_ns;
	uint64_t cgroup_id;
	char comm[ESCAPED_SIZE(COMM_LEN)]; /* escaped, as stored */
	char *exe;			   /* escaped; "" when it could not be read in time */
	char *cmdline;			   /* escaped; NULL: not known, or not asked for */
	UT_hash_handle hh;
};

/* A process that is over. */
struct exited {
	uint64_t start_boot_ns;
	int64_t at_boot_ns;
	uint32_t pid;
};

#define MAX_EXITED    4096
#define MAX_ANCESTORS 8

#define PROCESSES_RECENT 4096

struct processes {
	struct process *table;
	/* By pid: those met last, with their key, so that a look at one line of the processor's
	 * cache is enough. */
	struct {
		struct process_key key;
		struct process *p; /* NULL: none */
		int64_t row;	   /* p's */
	} recent[PROCESSES_RECENT];
	struct lives lives;
	const char *proc; /* where procfs is mounted: "/proc"; borrowed */
	bool cmdline;	  /* keep arguments */
	/* Those with a row, since processes_exits_written(); NULL before the first. What
	 * finds no room stays without its end: see processes_exits_full(). */
	struct exited *exited;
	size_t n_exited; /* at most MAX_EXITED */
};

/*
 * The entry of @owner, made when it is not there: call it as soon as an event
 * names the process, which may be gone a moment later, and its parents too. The
 * pointer stays valid until the next call. NULL when @owner is unknown (pid 0) or
 * memory is short.
 *
 * The path is that of the very same program, or none: see find_program().
 */
struct process *processes_get(struct processes *ps, const struct owner *owner);

/* The row of @owner's entry, when that was met lately; 0: ask the entry itself. */
int64_t processes_recent_row(const struct processes *ps, const struct owner *owner);

/* Describes into *@out the parent of @p as it was when @p began. False when no more
 * than its pid is known. */
bool processes_parent(const struct processes *ps, const struct process *p, struct owner *out);

/* Takes note of KIND_EXEC: a process now runs another program, or was found running it. */
void processes_exec(struct processes *ps, const struct event *e);

/* Takes note that the process with @owner's pid and start is over. */
void processes_exit(struct processes *ps, const struct owner *owner, int64_t at_boot_ns);

/* There is no room for one more, until they are written. */
bool processes_exits_full(const struct processes *ps);

/* When it ended; 0: not known to be over. */
int64_t processes_exit_boot_ns(const struct processes *ps, const struct process *p);

/* @p has a row now: its end is to be told in ps->exited. */
void processes_has_row(struct processes *ps, struct process *p, int64_t row);

/* What is in ps->exited stands in the database. */
void processes_exits_written(struct processes *ps);

/* Forgets all rows: the transaction that made them was rolled back. */
void processes_forget_rows(struct processes *ps);

void processes_clear(struct processes *ps);

#endif
