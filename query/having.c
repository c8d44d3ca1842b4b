#include "having.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "db.h"
#include "param.h"
#include "quantity.h"

/* Those of two characters first. What is missing is not equal to anything. */
static const struct comparison {
	const char *sign;
	struct {
		const char *before, *between, *after;
	} sql;
	bool is_equality, is_pattern;
} comparisons[] = {
	{"!=", {"", " IS NOT ", ""}, true, false}, {"<>", {"", " IS NOT ", ""}, true, false},
	{"==", {"", " IS ", ""}, true, false},	   {"<=", {"", " <= ", ""}, false, false},
	{">=", {"", " >= ", ""}, false, false},	   {"!~", {"NOT matches(", ", ", ")"}, false, true},
	{"=", {"", " IS ", ""}, true, false},	   {"<", {"", " < ", ""}, false, false},
	{">", {"", " > ", ""}, false, false},	   {"~", {"matches(", ", ", ")"}, false, true},
};

struct parser {
	const char *at;
	struct having *out;
	struct err *err;
};

static int expected(struct parser *p, const char *what)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
	if (*p->at == '\0')
		return err_set(p->err, -EINVAL,
			       "%s is missing at the end; write 'failed > 10 and comm = curl'",
			       what);
	return err_set(p->err, -EINVAL,
		       "%s is missing before \"%s\"; write 'failed > 10 and "
		       "comm = curl'",
		       what, p->at);
}

static int add(struct parser *p, struct having_item **out)
{
	if (p->out->n == HAVING_MAX)
		return err_set(p->err, -EINVAL, "more than %d words", HAVING_MAX);
	*out = &p->out->items[p->out->n++];
	return 0;
}

static int name_length(const char *text)
{
	int len = 0;

	while (isalnum((unsigned char)text[len]) || text[len] == '_')
		len++;
	return len;
}

/* Takes @word, which SQL calls the same, when it is next. */
static int take(struct parser *p, const char *word, bool *taken)
{
	int len = (int)strlen(word);
	struct having_item *item;

	while (isspace((unsigned char)*p->at))
		p->at++;
	*taken = !strncasecmp(p->at, word, (size_t)len) &&
		 (!isalpha((unsigned char)*word) || name_length(p->at) == len);
	if (!*taken)
		return 0;
	p->at += len;
	if (add(p, &item))
		return p->err->code;
	item->sql = word;
	return 0;
}

/* Up to the closing quote, which doubled stands for itself; or up to a blank or bracket. */
static int parse_value(struct parser *p, struct having_item *item)
{
	char quote = *p->at == '\'' || *p->at == '"' ? *p->at : '\0';
	size_t n = 0;

	item->quoted = quote;
	if (quote)
		p->at++;
	for (;; p->at++) {
		if (quote && p->at[0] == quote && p->at[1] == quote)
			p->at++;
		else if (quote ? *p->at == quote
			       : !*p->at || isspace((unsigned char)*p->at) || *p->at == ')')
			break;
		if (*p->at == '\0')
			return expected(p, "a quote");
		if (n == sizeof(item->value) - 1)
			return err_set(p->err, -EINVAL, "a value is longer than %zu bytes", n);
		item->value[n++] = *p->at;
	}
	item->value[n] = '\0';
	if (quote)
		p->at++;
	return n || quote ? 0 : expected(p, "a value");
}

static int parse_comparison(struct parser *p)
{
	struct having_item *item;
	int ret, len = name_length(p->at);

	if (len == 0)
		return expected(p, "a column");
	ret = add(p, &item);
	if (ret)
		return ret;
	item->column = (struct word){p->at, len};
	p->at += len;
	while (isspace((unsigned char)*p->at))
		p->at++;
	for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
		size_t sign = strlen(comparisons[i].sign);

		if (strncmp(p->at, comparisons[i].sign, sign) != 0)
			continue;
		item->comparison = &comparisons[i];
		p->at += sign;
		while (isspace((unsigned char)*p->at))
			p->at++;
		return parse_value(p, item);
	}
	return expected(p, "one of = != < <= > >= ~ !~");
}

/* One or more, joined by and, or. SQL has the same precedence. Not deeper than HAVING_MAX: each
 * bracket is an item. */
static int parse_all(struct parser *p)
{
	bool taken = true;
	int ret = 0;

	while (taken && !ret) {
		do
			ret = take(p, "not", &taken);
		while (taken && !ret);
		if (!ret)
			ret = take(p, "(", &taken);
		if (!ret && taken) {
			ret = parse_all(p);
			if (!ret)
				ret = take(p, ")", &taken);
			if (!ret && !taken)
				ret = expected(p, "a )");
		} else if (!ret) {
			ret = parse_comparison(p);
		}
		if (!ret)
			ret = take(p, "and", &taken);
		if (!ret && !taken)
			ret = take(p, "or", &taken);
	}
	return ret;
}

int having_parse(const char *text, int64_t now_us, struct having *out, struct err *err)
{
	struct parser p = {.at = text, .out = out, .err = err};
	int ret;

	*out = (struct having){.now_us = now_us};
	ret = parse_all(&p);
	if (!ret && *p.at)
		ret = expected(&p, "\"and\" or \"or\"");
	return ret;
}

/* The words of some columns are known. */
static int check_word(const struct having_item *item, const char *column, struct err *err)
{
	const char *type = !strcmp(column, "outcome")	  ? "outcomes"
			   : !strcmp(column, "direction") ? "direction"
							  : "text";
	struct param_value ignored;

	return param_type_find(type)->parse(item->value, 0, &ignored, err);
}

/* What is neither quoted nor a pattern is of the kind that the column's name tells. */
static int read_bare(struct having_item *item, const char *column, int64_t now_us, struct err *err)
{
	if (column_ends_with(column, "_at")) {
		item->kind = VALUE_MOMENT;
		return timespec_parse(item->value, now_us, &item->moment_us, err);
	}
	item->kind = VALUE_NUMBER;
	if (quantity_parse(item->value, column, &item->number))
		return 0;
	if (column_ends_with(column, "_us"))
		return err_set(err, -EINVAL, "\"%s\" is no duration; write 200ms, 1.5s or 5m",
			       item->value);
	if (column_ends_with(column, "_bytes"))
		return err_set(err, -EINVAL, "\"%s\" is no number of bytes; write 512, 10K or 1.5M",
			       item->value);
	if (column_ends_with(column, "_pct") || !item->comparison->is_equality)
		return err_set(err, -EINVAL,
			       "\"%s\" is no number; text to compare with stands in quotes",
			       item->value);
	item->kind = VALUE_TEXT;
	return check_word(item, column, err);
}

static int read_value(struct having_item *item, const char *column, int64_t now_us, struct err *err)
{
	item->kind = VALUE_TEXT;
	if (item->comparison->is_pattern || item->quoted)
		return 0;
	if (strcasecmp(item->value, "null") != 0)
		return read_bare(item, column, now_us, err);
	if (!item->comparison->is_equality)
		return err_set(err, -EINVAL, "null is compared by = and != only");
	item->kind = VALUE_NULL;
	return 0;
}

static void write_one(const struct having_item *item, const char *name, int i, const char *ending,
		      FILE *f)
{
	const struct comparison *c = item->comparison;

	fprintf(f, "%s%s%s:having_%d%s%s", c->sql.before, name, c->sql.between, i, ending,
		c->sql.after);
}

/* A column of moments holds numbers or text. */
static int write_comparison(const struct having_item *item, const char *column, int i, FILE *f,
			    struct err *err)
{
	char *name = sqlite3_mprintf("\"%w\"", column);

	if (!name)
		return err_set(err, -ENOMEM, "no memory for the statement");
	if (item->kind == VALUE_MOMENT) {
		fprintf(f, "CASE typeof(%s) WHEN 'text' THEN ", name);
		write_one(item, name, i, "_text", f);
		fputs(" ELSE ", f);
		write_one(item, name, i, "", f);
		fputs(" END", f);
	} else {
		write_one(item, name, i, "", f);
	}
	sqlite3_free(name);
	return 0;
}

int having_write(struct having *having, sqlite3_stmt *stmt, const char *select, FILE *f,
		 struct err *err)
{
	int ret = 0;

	fprintf(f, "SELECT * FROM (\n%s\n) WHERE", select);
	for (int i = 0; i < having->n && !ret; i++) {
		struct having_item *item = &having->items[i];
		const char *column;
		int at;

		fputs(" ", f);
		if (item->sql) {
			fputs(item->sql, f);
			continue;
		}
		ret = column_find(stmt, item->column, &at, err);
		if (ret)
			break;
		column = sqlite3_column_name(stmt, at);
		ret = read_value(item, column, having->now_us, err);
		if (ret)
			return err_wrap(err, "--having: %s", column);
		ret = write_comparison(item, column, i, f, err);
	}
	return ret ? err_wrap(err, "--having") : 0;
}

static int bind_value(sqlite3_stmt *stmt, const char *name, const struct having_item *item,
		      bool as_text)
{
	int at = sqlite3_bind_parameter_index(stmt, name);
	char moment[TIMESPEC_SIZE];

	if (at == 0)
		return SQLITE_OK;
	switch (item->kind) {
	case VALUE_NULL:
		return sqlite3_bind_null(stmt, at);
	case VALUE_NUMBER:
		return sqlite3_bind_double(stmt, at, item->number);
	case VALUE_MOMENT:
		if (!as_text)
			return sqlite3_bind_int64(stmt, at, item->moment_us);
		timespec_format(item->moment_us, TIMESPEC_RFC3339, moment);
		return sqlite3_bind_text(stmt, at, moment, -1, SQLITE_TRANSIENT);
	default:
		return sqlite3_bind_text(stmt, at, item->value, -1, SQLITE_TRANSIENT);
	}
}

int having_bind(const struct having *having, sqlite3_stmt *stmt, struct err *err)
{
	char name[32], text[sizeof(name) + 5];
	int rc = SQLITE_OK;

	for (int i = 0; i < having->n && rc == SQLITE_OK; i++) {
		snprintf(name, sizeof(name), ":having_%d", i);
		snprintf(text, sizeof(text), "%s_text", name);
		rc = bind_value(stmt, name, &having->items[i], false);
		if (rc == SQLITE_OK)
			rc = bind_value(stmt, text, &having->items[i], true);
	}
	if (rc != SQLITE_OK)
		return err_set(err, db_errno(rc), "--having: %s", sqlite3_errstr(rc));
	return 0;
}
