#include "sort.h"

#include <errno.h>
#include <string.h>

#include "by.h"
#include "suggest.h"

static int parse_order(const char *text, int len, struct sort_key *key, struct err *err)
{
	char word[16];
	struct suggestion s = {.word = word};

	snprintf(word, sizeof(word), "%.*s", len, text);
	if (!strcmp(word, "asc"))
		key->order = SORT_UP;
	else if (!strcmp(word, "desc"))
		key->order = SORT_DOWN;
	else {
		suggest_try(&s, "asc");
		suggest_try(&s, "desc");
		return suggest_error(&s, err, "order", "it is asc or desc");
	}
	return 0;
}

int sort_parse(const char *text, struct sort *out, struct err *err)
{
	int ret = 0;

	*out = (struct sort){0};
	for (const char *p = text; !ret; p++) {
		int len = (int)strcspn(p, ",");
		int name = (int)strcspn(p, ":,");
		struct sort_key key = {.word = {p, name}};

		if (name == 0)
			return err_set(err, -EINVAL,
				       "\"%s\" is no list of columns; write failed or "
				       "failed:desc,comm",
				       text);
		if (out->n == SORT_MAX)
			return err_set(err, -EINVAL, "more than %d columns", SORT_MAX);
		if (name < len)
			ret = parse_order(p + name + 1, len - name - 1, &key, err);
		out->keys[out->n++] = key;
		p += len;
		if (*p == '\0')
			break;
	}
	return ret;
}

/* Where the quoted text or the comment at @p ends; NULL when there is none. */
static const char *skip(const char *p)
{
	const char *end = NULL;

	if (*p == '\'' || *p == '"')
		end = strchr(p + 1, *p);
	else if (p[0] == '-' && p[1] == '-')
		end = strchr(p, '\n');
	return end;
}

/* What follows the ORDER BY of the whole statement; NULL when it has none. The statement is
 * one of ours. */
static const char *find_order(const char *sql)
{
	static const char order[] = "ORDER BY ";
	const char *found = NULL;
	int depth = 0;

	for (const char *p = sql; *p; p++) {
		const char *end = skip(p);

		if (end)
			p = end;
		depth += (*p == '(') - (*p == ')');
		if (depth == 0 && !strncmp(p, order, strlen(order)))
			found = p + strlen(order);
	}
	return found;
}

int sort_write(const struct sort *sort, sqlite3_stmt *stmt, const char *select, FILE *f,
	       struct err *err)
{
	const char *order = find_order(select);

	if (order)
		fprintf(f, "%.*s", (int)(order - select), select);
	else
		fprintf(f, "%s\n ORDER BY ", select);
	for (int i = 0; i < sort->n; i++) {
		const struct sort_key *key = &sort->keys[i];
		bool up = key->order == SORT_UP;
		int at, ret = column_find(stmt, key->word, &at, err);

		if (ret)
			return err_wrap(err, "--sort");
		if (key->order == SORT_NATURAL)
			up = by_is_dimension(sqlite3_column_name(stmt, at));
		fprintf(f, "%s%d %s NULLS LAST", i ? ", " : "", at + 1, up ? "ASC" : "DESC");
	}
	if (order)
		fprintf(f, ", %s", order);
	return 0;
}
