/* proc_text.h - the text of files below /proc/PID (proc(5)) -> values. Pure; the name and the
 * arguments of a process are its own choice. */
#ifndef CONNMON_PROC_TEXT_H
#define CONNMON_PROC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connection.h"

struct proc_stat {
	char comm[COMM_LEN];
	uint32_t ppid;
	uint64_t start_ticks; /* since boot */
};

/* Of the text of "stat" and of "status". False, and *@out is of no use, when it is not there. */
bool proc_stat_read(const char *text, struct proc_stat *out);
bool proc_uid_read(const char *text, uint32_t *out);

/* The @len bytes of "cmdline", of which ARGS_LEN + 1 tell that there are more, escaped as one line
 * for a shell. NULL: none, or no memory; free() it. */
char *proc_cmdline_read(const char *text, size_t len);

#endif
