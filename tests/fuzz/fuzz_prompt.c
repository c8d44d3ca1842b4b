/*
 * What somebody types at the prompt, line by line; a line of one byte 3 is Ctrl-C. What it can
 * complete are sorted words, each once, none of which would have to be quoted; the history stays
 * as it is, and what is shown is clean.
 */
#include <ctype.h>
#include <strings.h>

#include "feed.h"
#include "history.h"
#include "must.h"
#include "program.h"
#include "prompt_line.h"

static char *typed; /* what is left of it; NULL behind the last line */

/* In place of the lines of a terminal. */

void line_begin(char *const words[], const char *path)
{
	must(!path); /* there is no home */
	for (int i = 0; words[i]; i++) {
		const size_t len = strlen(words[i]);

		must(len && (isalpha((unsigned char)words[i][0]) || strchr("_.", words[i][0])));
		for (size_t k = 1; k < len; k++)
			must(isalnum((unsigned char)words[i][k]) || strchr("_(", words[i][k]));
		must(!words[i + 1] || strcasecmp(words[i], words[i + 1]) < 0);
	}
}

enum line line_read(const char *prompt_text, char **out)
{
	const char *line = strsep(&typed, "\n");

	must(prompt_text[0]);
	if (!line)
		return LINE_END;
	if (!strcmp(line, "\x03"))
		return LINE_CANCELLED;
	*out = strdup(line);
	must(*out);
	return LINE_READ;
}

void line_end(void)
{
	/* nothing is left open */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bytes history;
	char *text = must_text(data, size);

	if (!history.at) {
		unsetenv("HOME");
		unsetenv("XDG_STATE_HOME");
		history_make(4096);
		history = history_read();
	}
	typed = text;
	program_prompt();
	history_must_be(history);
	free(text);
	return 0;
}
