#include "arrange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

int arrange_parse(const struct options *given, const char *by, int64_t now_us, struct arrange *out,
		  struct err *err)
{
	const char *sort = options_get(given, "sort"), *having = options_get(given, "having");
	const char *columns = options_get(given, "by"), *format = options_get(given, "format");

	*out = (struct arrange){0};
	out->resolve.is_on = options_get(given, "resolve");
	out->resolve.in_graph = format && (!strcmp(format, "dot") || !strcmp(format, "mermaid"));
	if ((columns || *by) && by_parse(columns ? columns : by, &out->by, err))
		return err_wrap(err, "--by");
	if (sort && sort_parse(sort, &out->sort, err))
		return err_wrap(err, "--sort");
	if (having && having_parse(having, now_us, &out->having, err))
		return err_wrap(err, "--having");
	return 0;
}

bool arrange_is_needed(const struct arrange *arrange)
{
	return arrange->sort.n || arrange->having.n;
}

/* Ends writing to @f, which makes *@text. */
static int finish(FILE *f, char **select, char **text, int ret, struct err *err)
{
	if (fclose(f) && !ret)
		ret = err_set(err, -ENOMEM, "no memory for the statement");
	if (ret) {
		free(*text);
		return ret;
	}
	free(*select);
	*select = *text;
	return 0;
}

int arrange_names(const struct arrange *arrange, sqlite3_stmt *stmt, char **select, struct err *err)
{
	char *text = NULL;
	size_t size;
	FILE *f = text_open(&text, &size);

	if (!f)
		return err_set(err, -ENOMEM, "no memory for the statement");
	return finish(f, select, &text, resolve_write(&arrange->resolve, stmt, *select, f, err),
		      err);
}

int arrange_select(struct arrange *arrange, sqlite3_stmt *stmt, char **select, struct err *err)
{
	char *text = NULL;
	size_t size;
	FILE *f;
	int ret = 0;

	if (arrange->sort.n) {
		f = text_open(&text, &size);
		if (!f)
			return err_set(err, -ENOMEM, "no memory for the statement");
		ret = sort_write(&arrange->sort, stmt, *select, f, err);
		ret = finish(f, select, &text, ret, err);
	}
	if (arrange->having.n && !ret) {
		f = text_open(&text, &size);
		if (!f)
			return err_set(err, -ENOMEM, "no memory for the statement");
		ret = having_write(&arrange->having, stmt, *select, f, err);
		ret = finish(f, select, &text, ret, err);
	}
	return ret;
}
