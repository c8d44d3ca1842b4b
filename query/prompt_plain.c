#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt_line.h"

static volatile sig_atomic_t cancelled;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	cancelled = 1;
}

void line_begin(char *const words[], const char *history)
{
	(void)words, (void)history;
}

enum line line_read(const char *prompt, char **out)
{
	struct sigaction action = {.sa_handler = on_interrupt}, old; /* ends the read */
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	fputs(prompt, stdout);
	fflush(stdout);
	cancelled = 0;
	sigaction(SIGINT, &action, &old);
	len = getline(&line, &size, stdin);
	sigaction(SIGINT, &old, NULL);
	if (len >= 0) {
		line[strcspn(line, "\n")] = '\0';
		*out = line;
		return LINE_READ;
	}
	free(line);
	clearerr(stdin);
	return cancelled ? LINE_CANCELLED : LINE_END;
}

void line_end(void)
{
}
