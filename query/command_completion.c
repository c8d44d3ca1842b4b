#include <errno.h>
#include <string.h>

#include "ask.h"
#include "command.h"
#include "completion.h"
#include "suggest.h"

const char *const command_shells[] = {"bash", "zsh", "fish", NULL};

/* Beside the shells, for their scripts: those that a shell takes for no more than words, the
 * last ones that were answered. */
#define NAMES "names"

static const char names_sql[] =
	"SELECT name FROM dns_name WHERE name NOT GLOB '*[^a-z0-9._-]*' AND name NOT GLOB '-*'"
	" GROUP BY name ORDER BY max(last_us) DESC, name LIMIT 500";

static int write_names(const struct request *q, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	AUTO_CURSOR cursor = {0};
	struct peer_name name;
	int ret = ask_sql(q, names_sql, &rows, err);

	if (!ret)
		ret = rows_begin(rows, &cursor, err);
	while (!ret && (ret = rows_next(&cursor, err)) > 0) {
		if (peer_name_parse(cursor.cells[0].text, &name))
			puts(name.text);
		ret = 0;
	}
	return ret;
}

int command_completion_check(const struct request *q, struct err *err)
{
	struct suggestion s = {.word = q->options.operands[1]};

	if (!strcmp(s.word, NAMES))
		return 0;
	for (int i = 0; command_shells[i]; i++) {
		if (!strcmp(command_shells[i], s.word))
			return 0;
		suggest_try(&s, command_shells[i]);
	}
	return suggest_error(&s, err, "shell", "it is bash, zsh or fish");
}

int command_completion(const struct request *q, struct err *err)
{
	if (!strcmp(q->statement, NAMES) && write_names(q, err))
		return err->code;
	switch (q->statement[0]) {
	case 'b':
		completion_bash(stdout, q);
		break;
	case 'z':
		completion_zsh(stdout, q);
		break;
	case 'f':
		completion_fish(stdout, q);
		break;
	}
	return command_flush(err);
}
