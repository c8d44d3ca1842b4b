/*
 * program.h - connmon-query within this program: what it is asked, and what it answers. It is its
 * main.c, but that standard output and error are memory, that the clock is that of the golden
 * tests, and that half a second is what a question may take (a story: five).
 */
#ifndef CONNMON_FUZZ_PROGRAM_H
#define CONNMON_FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

struct answer {
	int status; /* that the program would exit with */
	char *out, *err;
	size_t out_len, err_len;
	bool is_whole; /* else it was more than standard output takes, and the program said so */
};

/* Asks the file history_path() with the words of @argv, the first of which is the program's name
 * and the last NULL. The answer is clean text and, when it failed, says why; it was given in
 * time. The caller frees it with program_forget(). */
void program_ask(const char *const argv[], struct answer *out);

/* The same of "connmon-query sql" with a terminal, whose lines come from line_read(), which is the
 * caller's. */
void program_prompt(void);

/* Whether a question may be asked here, when it has words of anybody: not when they name a
 * file to be written to, or when it would not end by itself. */
bool program_may_ask(const char *const argv[]);

void program_forget(struct answer *answer);

#endif
