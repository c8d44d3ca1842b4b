/* procfs.h - what /proc tells of a process while it lives. Everything is checked to be of
 * one process and program: what is read may be another's by then. */
#ifndef CONNMON_PROCFS_H
#define CONNMON_PROCFS_H

#include <stdbool.h>
#include <stdint.h>

#include "connection.h"
#include "escape.h"

struct procfs_program {
	char exe[ESCAPED_SIZE(EXE_LEN)]; /* escaped */
	char *cmdline;			 /* escaped; NULL: none, or not asked for; free() it */
};

/* The program that @pid runs, if it is called @comm and began from @from_ns to @to_ns
 * since boot, in whole clock ticks. @proc is where procfs is mounted. */
bool procfs_program(const char *proc, uint32_t pid, const char *comm, int64_t from_ns,
		    int64_t to_ns, bool with_cmdline, struct procfs_program *out);

/* The process @pid, if it began at @start_boot_ns: its name, user and parent. The start of
 * its parent, its cgroup and its exec_id are not known (0). */
bool procfs_owner(const char *proc, uint32_t pid, uint64_t start_boot_ns, struct owner *out);

/* The last moment before @boot_ns at which the clock ticked that /proc tells a start by. */
int64_t procfs_tick(uint64_t boot_ns);

#endif
