/* program.h - other programs, run with a time limit and with their output kept. */
#ifndef CONNMON_PROGRAM_H
#define CONNMON_PROGRAM_H

#include <sys/types.h>

/* Starts argv[0] (found by PATH) with its outputs going to these files. It is
 * killed when this process ends. */
pid_t program_start(const char *const argv[], const char *out_path, const char *err_path);

/* Its exit code, or 128 + the signal that ended it. Kills it after @seconds. */
int program_wait(pid_t pid, int seconds);

struct finished {
	int code;
	char out[8192];
	char err[8192];
};

/* Runs argv[0] to its end, at most 100 s, as user @uid. */
struct finished program_run(const char *const argv[], uid_t uid);

/* The text of a file, which the caller frees. */
char *file_text(const char *path);

#endif
