/* fleet_rows.c - the user's own statement: what ClickHouse answers as text, as rows. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

#define COLUMNS_MAX 2000

/* In place: \t and the like as the characters they stand for (of \xHH there are none); \0 stays.
 * Returns the length. */
static size_t unescape(char *text)
{
	static const char letters[] = "tnrbf", bytes[] = "\t\n\r\b\f";
	char *out = text;

	for (const char *p = text; *p; p++) {
		const char *letter = *p == '\\' && p[1] ? strchr(letters, p[1]) : NULL;

		if (*p != '\\' || !p[1]) {
			*out++ = *p;
			continue;
		}
		p++;
		if (*p == '0')
			*out++ = '\\'; /* a cell is text, which a NUL would end */
		*out++ = letter ? bytes[letter - letters] : *p;
	}
	*out = '\0';
	return (size_t)(out - text);
}

/* A number that 64 bits with a sign hold is one; what is larger stays text, exact. */
static bool is_whole(const char *text, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return *text && !*end && !errno;
}

static bool is_number_type(const char *type)
{
	if (!strncmp(type, "Nullable(", 9))
		type += 9;
	return !strncmp(type, "Int", 3) || !strncmp(type, "UInt", 4);
}

static bool is_real_type(const char *type)
{
	if (!strncmp(type, "Nullable(", 9))
		type += 9;
	return !strncmp(type, "Float", 5);
}

static int add_cell(struct rows *rows, char *text, const char *type, struct err *err)
{
	int64_t number;
	double real;
	char *end;

	if (!strcmp(text, "\\N"))
		return rows_add_null(rows, err);
	if (is_number_type(type) && is_whole(text, &number))
		return rows_add_number(rows, number, err);
	if (is_real_type(type)) {
		real = strtod(text, &end);
		if (*text && !*end && real - real == 0) /* neither inf nor nan */
			return rows_add_real(rows, real, err);
	}
	unescape(text);
	return rows_add_text(rows, text, err);
}

/* Ends the field at *@at with a NUL; *@at is then behind it, *@last whether it ended a line. */
static char *take_field(char **at, bool *last)
{
	char *field = *at;
	size_t len = strcspn(field, "\t\n");

	*last = field[len] != '\t';
	*at = field + len + (field[len] != '\0');
	field[len] = '\0';
	return field;
}

static int take_line(char **at, char *fields[], int *n, struct err *err)
{
	bool last = false;

	for (*n = 0; !last && *n < COLUMNS_MAX; ++*n)
		fields[*n] = take_field(at, &last);
	return last ? 0 : err_set(err, -E2BIG, "more than %d columns", COLUMNS_MAX);
}

static int read_rows(char *text, struct rows **out, struct err *err)
{
	static char *names[COLUMNS_MAX], *types[COLUMNS_MAX];
	AUTO_ROWS *rows = NULL;
	int n_names, n_types, ret;
	bool last;

	ret = take_line(&text, names, &n_names, err);
	if (!ret)
		ret = take_line(&text, types, &n_types, err);
	if (!ret && n_names != n_types)
		ret = err_set(err, -EPROTO, "the fleet's answer is not what was asked for");
	for (int i = 0; i < n_names && !ret; i++)
		unescape(names[i]);
	if (!ret)
		ret = rows_new(n_names, (const char *const *)names, &rows, err);
	while (*text && !ret) {
		for (int i = 0; i < n_names && !ret; i++) {
			char *field = take_field(&text, &last);

			if (last != (i == n_names - 1))
				ret = err_set(err, -EPROTO,
					      "the fleet's answer is not what was asked for");
			else
				ret = add_cell(rows, field, types[i], err);
		}
	}
	if (ret)
		return ret;
	*out = rows;
	rows = NULL;
	return 0;
}

/* Behind blanks, comments and opening brackets. */
static const char *first_word(const char *sql)
{
	const char *end;

	for (;;) {
		sql += strspn(sql, " \t\r\n(");
		if (!strncmp(sql, "--", 2))
			sql += strcspn(sql, "\n");
		else if (!strncmp(sql, "/*", 2) && (end = strstr(sql, "*/")))
			sql = end + 2;
		else
			return sql;
	}
}

/* With readonly=1 a server still takes KILL QUERY, and whatever comes with its next version. */
static bool only_reads(const char *sql)
{
	static const char *const words[] = {"SELECT", "WITH",	"SHOW",	  "DESCRIBE",
					    "DESC",   "EXISTS", "EXPLAIN"};
	const char *word = first_word(sql);
	size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (len == strlen(words[i]) && !strncasecmp(word, words[i], len))
			return true;
	return false;
}

/* What is said of a ; at the end is nothing, and the format is ours to say. */
static char *with_format(const char *sql)
{
	size_t len = strlen(sql);
	char *out = NULL;

	while (len && strchr("; \t\r\n", sql[len - 1]))
		len--;
	return asprintf(&out, "%.*s\nFORMAT TabSeparatedWithNamesAndTypes", (int)len, sql) < 0
		       ? NULL
		       : out;
}

int fleet_sql(struct fleet *fleet, const char *sql, struct rows **out, struct err *err)
{
	struct fleet_answer answer;
	char *statement;
	int ret;

	if (!only_reads(sql))
		return err_set(err, -EPERM,
			       "only one SELECT can be asked; the history is read-only");
	statement = with_format(sql);
	if (!statement)
		return err_set(err, -ENOMEM, "no memory for the statement");
	ret = fleet_server_ask_own(fleet->server, statement, &answer, err);
	free(statement);
	if (!ret && answer.n == 0)
		ret = err_set(err, -EINVAL, "the statement gives no rows");
	if (!ret && strlen(answer.bytes) != answer.n)
		ret = err_set(err, -EPROTO, "the fleet's answer is no text");
	if (!ret)
		ret = read_rows(answer.bytes, out, err);
	fleet_answer_clear(&answer);
	return ret;
}
