#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include <editline/readline.h>

#include "prompt_line.h"

#define LINES_MAX 1000

static char *const *completions;
static const char *history_path;
static volatile sig_atomic_t cancelled;
static sigset_t usual_signals;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	cancelled = 1;
}

/* Libedit reads on after a signal, so Ctrl-C must end the line here: as if it were at its end.
 * It takes whole characters from this. */
static int get_character(FILE *in)
{
	mbstate_t state = {0};
	wchar_t character;
	char byte;

	(void)in;
	for (;;) {
		struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
		ssize_t n;
		size_t used;

		/* Only while it waits here does Ctrl-C get through, so none is missed. */
		ppoll(&input, 1, NULL, &usual_signals);
		if (cancelled)
			return -1;
		if (!input.revents)
			continue;
		n = read(STDIN_FILENO, &byte, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		used = mbrtowc(&character, &byte, 1, &state);
		if (used == (size_t)-1)
			return '?';
		if (used != (size_t)-2)
			return (int)character;
	}
}

/* The next of the words that begin with @text, in any case of the letters. */
static char *next_word(const char *text, int again)
{
	static size_t at;

	if (!again)
		at = 0;
	for (; completions && completions[at]; at++)
		if (!strncasecmp(completions[at], text, strlen(text)))
			return strdup(completions[at++]);
	return NULL;
}

static char **complete(const char *text, int start, int end)
{
	(void)start, (void)end;
	rl_attempted_completion_over = 1; /* and no names of files */
	return rl_completion_matches(text, next_word);
}

void line_begin(char *const words[], const char *history)
{
	completions = words;
	history_path = history;
	rl_readline_name = "connmon-query";
	rl_getc_function = get_character;
	rl_attempted_completion_function = complete;
	rl_completion_append_character = '\0';
	rl_basic_word_break_characters = " \t\n\"'`@$><=;|&{(,*+-/)";
	using_history();
	stifle_history(LINES_MAX);
	if (history)
		read_history(history);
}

enum line line_read(const char *prompt, char **out)
{
	struct sigaction action = {.sa_handler = on_interrupt}, old;
	sigset_t interrupt;
	char *line;

	fflush(stdout);
	cancelled = 0;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, &usual_signals);
	sigaction(SIGINT, &action, &old);
	line = readline(prompt);
	sigaction(SIGINT, &old, NULL);
	sigprocmask(SIG_SETMASK, &usual_signals, NULL);
	if (cancelled) {
		free(line);
		return LINE_CANCELLED;
	}
	if (!line)
		return LINE_END;
	if (*line)
		add_history(line);
	*out = line;
	return LINE_READ;
}

void line_end(void)
{
	mode_t old = umask(077); /* what was asked is nobody else's business */

	if (history_path)
		write_history(history_path);
	umask(old);
	completions = NULL;
}
