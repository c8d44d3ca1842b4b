#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "command.h"
#include "output.h"
#include "prompt.h"

#define STATEMENT_MAX 100000 /* bytes; SQLite takes no more from us */

int command_sql_check(const struct request *q, struct err *err)
{
	if (q->statement && options_get(&q->options, "file"))
		return err_set(err, -EINVAL, "--file and a statement exclude each other");
	return 0;
}

static int read_all(int fd, const char *name, char **out, struct err *err)
{
	char *text = malloc(STATEMENT_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	if (!text)
		return err_set(err, -ENOMEM, "no memory for the statement");
	while (n > 0 && len < STATEMENT_MAX) {
		n = read(fd, text + len, STATEMENT_MAX - len);
		if (n > 0)
			len += (size_t)n;
	}
	text[len] = '\0';
	if (n < 0)
		err_set(err, -errno, "%s: %s", name, strerror(errno));
	else if (len == STATEMENT_MAX)
		err_set(err, -E2BIG, "%s: is longer than %d bytes", name, STATEMENT_MAX - 1);
	else if (strlen(text) != len)
		err_set(err, -EINVAL, "%s: is no text: there is a byte 0 in it", name);
	else
		*out = text;
	if (!*out)
		free(text);
	return *out ? 0 : err->code;
}

static int read_file(const char *path, char **out, struct err *err)
{
	int fd, ret;

	if (!strcmp(path, "-"))
		return read_all(STDIN_FILENO, "standard input", out, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	ret = read_all(fd, path, out, err);
	close(fd);
	return ret;
}

static int answer(const struct request *q, const char *sql, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	int ret = options_get(&q->options, "explain") ? ask_plan(q, sql, &rows, err)
						      : ask_sql(q, sql, &rows, err);

	return ret ? ret : output_rows(q, rows, err);
}

int command_sql(const struct request *q, struct err *err)
{
	const char *path = options_get(&q->options, "file");
	char *text = NULL;
	int ret;

	if (q->statement)
		return answer(q, q->statement, err);
	if (!path && isatty(STDIN_FILENO))
		return prompt(q, err);
	ret = read_file(path ? path : "-", &text, err);
	if (!ret)
		ret = answer(q, text, err);
	free(text);
	return ret;
}
