#include "fleet_statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_late.h"
#include "fleet_sql.h"

/* Where an expression stands: in one of the sources, of what ended, of what ended after the window
 * long ago and since then, and of what is open; or around them. */
enum side { ENDED, LATE, RECENT, OPEN, AROUND };

struct writer {
	FILE *f;
	const struct fleet *fleet;
	const struct fleet_plan *plan;
	int64_t since_us, until_us, bucket_us;
	struct scope_window window;
	bool but_fate;
	bool needed[FLEET_CONNECTION_COLUMNS]; /* of connections */
};

/* ---- columns ---- */

int fleet_n_columns(const struct fleet_relation *relation)
{
	return relation->kind == FLEET_TALLY ? fleet_n_sums : relation->n_columns;
}

const char *fleet_column_name(const struct fleet_relation *relation, int column)
{
	return relation->kind == FLEET_TALLY ? fleet_sums[column].name
					     : relation->columns[column].name;
}

bool fleet_column_is_text(const struct fleet_relation *relation, int column)
{
	return relation->kind == FLEET_TALLY ? fleet_sums[column].is_text
					     : relation->columns[column].is_text;
}

bool fleet_column_is_list(const struct fleet_relation *relation, int column)
{
	return relation->kind == FLEET_TALLY && fleet_sums[column].is_list;
}

bool fleet_column_is_key(const struct fleet_relation *relation, int column)
{
	return relation->kind != FLEET_TALLY || fleet_sums[column].is_key;
}

static bool is_used(const struct fleet_plan *plan, int column)
{
	return plan->columns >> column & 1;
}

/* ---- expressions ---- */

static int find_column(const char *name, size_t len)
{
	int i = 0;

	while (i < fleet_n_connection_columns() &&
	       (strlen(fleet_connection_columns[i].name) != len ||
		memcmp(fleet_connection_columns[i].name, name, len) != 0))
		i++;
	return i;
}

static void write_expression(struct writer *w, const char *sql, enum side side);

static void write_column(struct writer *w, int i, enum side side)
{
	const struct fleet_column *c = &fleet_connection_columns[i];
	const char *sql = side == OPEN ? c->open : c->ended;

	if (side == AROUND)
		fprintf(w->f, "c%d", i);
	else
		write_expression(w, sql ? sql : c->name, side);
}

/* With what stands for {...} in its place. */
static void write_expression(struct writer *w, const char *sql, enum side side)
{
	for (const char *end; *sql; sql = end + 1) {
		size_t len = strcspn(sql, "{");

		fwrite(sql, 1, len, w->f);
		sql += len;
		if (!*sql)
			return;
		end = strchr(++sql, '}');
		len = (size_t)(end - sql);
		if (len == 3 && !memcmp(sql, "now", len))
			fprintf(w->f, "%lld", (long long)w->fleet->now_us);
		else if (len == 5 && !memcmp(sql, "until", len))
			fprintf(w->f, "%lld", (long long)w->until_us);
		else if (len == 6 && !memcmp(sql, "bucket", len))
			fprintf(w->f, "%lld", (long long)w->bucket_us);
		else
			write_column(w, find_column(sql, len), side);
	}
}

/* Marks the columns that an expression is made of. */
static void need(struct writer *w, const char *sql)
{
	for (const char *at = sql; (at = strchr(at, '{')); at++) {
		int i = find_column(at + 1, strcspn(at + 1, "}"));

		if (i < fleet_n_connection_columns())
			w->needed[i] = true;
	}
}

/* ---- conditions ---- */

static const char *comparison(char op)
{
	switch (op) {
	case '>':
		return ">";
	case '<':
		return "<";
	case 'g':
		return ">=";
	case 'l':
		return "<=";
	default:
		return "=";
	}
}

static bool is_of_type(sqlite3_value *value, bool text)
{
	return sqlite3_value_type(value) == (text ? SQLITE_TEXT : SQLITE_INTEGER);
}

/* "a, b)" of those that can be equal to a column of the type; 0 is of no address, no word. */
static void write_values(struct writer *w, sqlite3_value *list, bool text)
{
	sqlite3_value *value;
	int n = 0;

	for (int rc = sqlite3_vtab_in_first(list, &value); rc == SQLITE_OK && value;
	     rc = sqlite3_vtab_in_next(list, &value)) {
		if (!is_of_type(value, text))
			continue;
		fputs(n++ ? ", " : "", w->f);
		fleet_write_value(w->f, value);
	}
	if (n == 0)
		fputs("NULL", w->f);
	fputc(')', w->f);
}

/* What SQLite compares columns with. It looks again: where types differ it is left to it. */
static void write_given(struct writer *w, enum side side)
{
	const struct fleet_relation *r = w->plan->relation;

	for (int i = 0; i < w->plan->n_given; i++) {
		int column = w->plan->given[i].column;
		bool text = fleet_column_is_text(r, column);
		char op = w->plan->given[i].op;

		if (op != 'I' && !is_of_type(w->plan->given[i].value, text))
			continue;
		fputs(" AND (", w->f);
		if (r->kind == FLEET_TALLY)
			write_expression(w, fleet_sums[column].sql, side);
		else if (r->kind == FLEET_PLAIN)
			fputs(r->columns[column].name, w->f);
		else
			write_column(w, column, side);
		if (op == 'I') {
			fputs(" IN (", w->f);
			write_values(w, w->plan->given[i].value, text);
		} else {
			fprintf(w->f, " %s ", comparison(op));
			fleet_write_value(w->f, w->plan->given[i].value);
		}
		fputc(')', w->f);
	}
}

static void write_window(struct writer *w, enum side side)
{
	const char *start = side == OPEN ? "start_us" : "id - duration_us";

	if (side == ENDED)
		fprintf(w->f, " WHERE id >= %lld", (long long)w->since_us);
	else if (side == LATE)
		fprintf(w->f, " WHERE (node_id, id) IN (%s)", w->plan->late);
	else if (side == RECENT)
		fprintf(w->f, " WHERE id >= %lld", (long long)fleet_recent_us(w->fleet));
	else
		fprintf(w->f, " WHERE is_over = 0 AND %d", w->fleet->now_us >= w->since_us);
	if (w->window.ends_before_until || (side == ENDED && w->plan->late))
		fprintf(w->f, " AND id < %lld", (long long)w->until_us);
	else
		fprintf(w->f, " AND %s < %lld", start, (long long)w->until_us);
	if (w->window.starts_at_or_after_since)
		fprintf(w->f, " AND %s >= %lld", start, (long long)w->since_us);
}

/* ---- sources ---- */

static void write_source(struct writer *w, enum side side)
{
	const char *before = "SELECT ";

	for (int i = 0; i < fleet_n_connection_columns(); i++) {
		if (!w->needed[i])
			continue;
		fprintf(w->f, "%s%s(", before,
			fleet_connection_columns[i].is_text ? "toString" : "toInt64");
		write_column(w, i, side);
		fprintf(w->f, ") AS c%d", i);
		before = ", ";
	}
	fprintf(w->f, " FROM %s", side == OPEN ? FLEET_OPEN_TABLE : FLEET_ENDED_TABLE);
	write_window(w, side);
	if (w->fleet->scope)
		fleet_write_filters(w->f, w->fleet->scope, w->but_fate);
	write_given(w, side);
}

static void write_sources(struct writer *w)
{
	bool open_only = w->plan->relation->kind == FLEET_OPEN;

	fputs(" FROM (", w->f);
	if (!open_only)
		write_source(w, ENDED);
	if (!open_only && w->plan->late && w->plan->late[0]) {
		fputs(" UNION ALL ", w->f);
		write_source(w, LATE);
	}
	if (!open_only && w->plan->late) {
		fputs(" UNION ALL ", w->f);
		write_source(w, RECENT);
	}
	if (!open_only && !w->window.ends_before_until)
		fputs(" UNION ALL ", w->f);
	if (!w->window.ends_before_until)
		write_source(w, OPEN);
	else if (open_only) {
		write_source(w, ENDED);
		fputs(" AND 0", w->f);
	}
	fputc(')', w->f);
}

/* ---- the whole ---- */

static const char *type_of(const struct fleet_plan *plan, int column)
{
	return fleet_column_is_text(plan->relation, column) ? "String" : "Int64";
}

static void write_result(struct writer *w, int column)
{
	const struct fleet_relation *r = w->plan->relation;

	if (fleet_column_is_list(r, column)) {
		write_expression(w, fleet_sums[column].sql, AROUND);
		return;
	}
	fputs("CAST(", w->f);
	if (r->kind == FLEET_TALLY)
		write_expression(w, fleet_sums[column].sql, AROUND);
	else if (r->kind == FLEET_PLAIN)
		fprintf(w->f, "%s(%s)", r->columns[column].is_text ? "toString" : "toInt64",
			r->columns[column].name);
	else
		write_column(w, column, AROUND);
	fprintf(w->f, " AS Nullable(%s))", type_of(w->plan, column));
}

static void write_results(struct writer *w)
{
	const char *before = "SELECT ";

	for (int i = 0; i < fleet_n_columns(w->plan->relation); i++) {
		if (!is_used(w->plan, i))
			continue;
		fputs(before, w->f);
		write_result(w, i);
		before = ", ";
	}
	/* count(*) over it uses none. */
	if (before[0] == 'S')
		fputs("SELECT CAST(1 AS Nullable(Int64))", w->f);
}

static void write_groups(struct writer *w)
{
	const char *before = " GROUP BY ";

	for (int i = 0; i < fleet_n_sums; i++) {
		if (!is_used(w->plan, i) || !fleet_sums[i].is_key)
			continue;
		fputs(before, w->f);
		write_expression(w, fleet_sums[i].sql, AROUND);
		before = ", ";
	}
	/* Of nothing there is no row, also where there are no groups. */
	if (before[1] == 'G')
		fputs(" HAVING count() > 0", w->f);
}

/* NULL comes first for SQLite, and last when it goes down. */
static void write_order(struct writer *w)
{
	const struct fleet_relation *r = w->plan->relation;

	for (int i = 0; i < w->plan->n_order; i++) {
		int column = w->plan->order[i].column;

		fputs(i ? ", " : " ORDER BY ", w->f);
		if (r->kind == FLEET_PLAIN)
			fputs(r->columns[column].name, w->f);
		else
			write_column(w, column, AROUND);
		fputs(w->plan->order[i].down ? " DESC NULLS LAST" : " ASC NULLS FIRST", w->f);
	}
	if (w->plan->limit >= 0)
		fprintf(w->f, " LIMIT %lld", (long long)w->plan->limit);
}

static void write_plain(struct writer *w)
{
	write_results(w);
	fprintf(w->f, " FROM %s WHERE 1", w->plan->relation->table);
	if (w->fleet->scope)
		fleet_write_node(w->f, w->fleet->scope);
	write_given(w, AROUND);
	write_order(w);
}

static void find_needed(struct writer *w)
{
	const struct fleet_plan *p = w->plan;

	for (int i = 0; i < fleet_n_columns(p->relation); i++) {
		if (!is_used(p, i))
			continue;
		if (p->relation->kind == FLEET_TALLY)
			need(w, fleet_sums[i].sql);
		else
			w->needed[i] = true;
	}
	for (int i = 0; i < p->n_order; i++)
		if (p->relation->kind != FLEET_TALLY)
			w->needed[p->order[i].column] = true;
	for (int i = 0; i < fleet_n_connection_columns(); i++)
		if (w->needed[i])
			return;
	w->needed[0] = true; /* a source has to have some */
}

static void write_connections(struct writer *w)
{
	find_needed(w);
	write_results(w);
	write_sources(w);
	if (w->plan->relation->kind == FLEET_TALLY)
		write_groups(w);
	else
		write_order(w);
}

/* Arguments that are not given are as those of totals. */
static void read_arguments(struct writer *w)
{
	sqlite3_value *const *a = w->plan->arguments;
	const char *window = a[2] ? (const char *)sqlite3_value_text(a[2]) : NULL;

	w->since_us = w->fleet->since_us;
	w->until_us = w->fleet->until_us;
	if (w->fleet->scope)
		w->window = scope_window(w->fleet->scope);
	if (w->plan->relation->kind != FLEET_TALLY)
		return;
	w->since_us = a[0] ? sqlite3_value_int64(a[0]) : 0;
	w->until_us = a[1] && sqlite3_value_type(a[1]) != SQLITE_NULL ? sqlite3_value_int64(a[1])
								      : w->fleet->now_us;
	if (w->since_us < 0)
		w->since_us = 0;
	if (w->until_us < 0)
		w->until_us = 0;
	w->bucket_us = a[3] ? sqlite3_value_int64(a[3]) : 0;
	if (w->bucket_us < 1)
		w->bucket_us = INT64_MAX;
	w->but_fate = a[4] && sqlite3_value_int(a[4]);
	w->window = (struct scope_window){
		.ends_before_until = window && !strcmp(window, "ended"),
		.starts_at_or_after_since = window && !strcmp(window, "started"),
	};
}

int64_t fleet_until_us(const struct fleet *fleet, const struct fleet_plan *plan)
{
	struct writer w = {.fleet = fleet, .plan = plan};

	if (plan->relation->kind != FLEET_CONNECTIONS && plan->relation->kind != FLEET_TALLY)
		return -1;
	read_arguments(&w);
	/* Of a window that has just ended it is as quick to read all that ended since. */
	return w.window.ends_before_until || w.until_us >= fleet_recent_us(fleet) ? -1 : w.until_us;
}

char *fleet_statement(const struct fleet *fleet, const struct fleet_plan *plan)
{
	struct writer w = {.fleet = fleet, .plan = plan};
	char *sql = NULL;
	size_t size;

	w.f = open_memstream(&sql, &size);
	if (!w.f)
		return NULL;
	read_arguments(&w);
	if (plan->relation->kind == FLEET_PLAIN)
		write_plain(&w);
	else
		write_connections(&w);
	fputs(" FORMAT RowBinary", w.f);
	if (fclose(w.f)) {
		free(sql);
		return NULL;
	}
	return sql;
}
