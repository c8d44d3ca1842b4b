#include "fleet_statement.h"

#include <stdlib.h>
#include <string.h>

#include "fleet_late.h"
#include "fleet_source.h"
#include "fleet_sql.h"
#include "text.h"

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
	return relation->kind == FLEET_TALLY && fleet_sums[column].how == FLEET_LIST;
}

bool fleet_column_is_key(const struct fleet_relation *relation, int column)
{
	return relation->kind != FLEET_TALLY || fleet_sums[column].how == FLEET_KEY;
}

/* ---- the whole ---- */

static const char *type_of(const struct fleet_plan *plan, int column)
{
	return fleet_column_is_text(plan->relation, column) ? "String" : "Int64";
}

static void write_aggregate(struct writer *w, int column)
{
	static const char *const names[] = {
		[FLEET_KEY] = "",    [FLEET_SUM] = "sum",	  [FLEET_MIN] = "min",
		[FLEET_MAX] = "max", [FLEET_LIST] = "groupArray",
	};

	fprintf(w->f, "%s(s%d)", names[fleet_sums[column].how], column);
}

static void write_result(struct writer *w, int column)
{
	const struct fleet_relation *r = w->plan->relation;

	if (fleet_column_is_list(r, column)) {
		write_aggregate(w, column);
		return;
	}
	fputs("CAST(", w->f);
	if (r->kind == FLEET_TALLY)
		write_aggregate(w, column);
	else if (r->kind == FLEET_PLAIN)
		fprintf(w->f, "%s(%s)", as_type(r->columns[column].is_text),
			r->columns[column].name);
	else
		fleet_write_column(w, column, AROUND);
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
		if (!is_used(w->plan, i) || fleet_sums[i].how != FLEET_KEY)
			continue;
		fprintf(w->f, "%ss%d", before, i);
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
			fleet_write_column(w, column, AROUND);
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
	fleet_write_given(w, FLEET_FIXED | FLEET_CHANGING, AROUND);
	write_order(w);
}

/* Of connections: what is used, and what they are sorted by. */
static void find_needed(struct writer *w)
{
	const struct fleet_plan *p = w->plan;

	for (int i = 0; i < fleet_n_columns(p->relation); i++)
		w->needed[i] = is_used(p, i);
	for (int i = 0; i < p->n_order; i++)
		w->needed[p->order[i].column] = true;
	for (int i = 0; i < fleet_n_connection_columns(); i++)
		if (w->needed[i])
			return;
	w->needed[0] = true; /* a source has to have some */
}

static void write_connections(struct writer *w)
{
	if (w->plan->relation->kind != FLEET_TALLY)
		find_needed(w);
	write_results(w);
	fleet_write_sources(w);
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

/* Of a window of starts hours tell too much: what began before it ended in them, too. */
bool fleet_knows_hours(const struct fleet *fleet, const struct fleet_plan *plan, int64_t *since_us,
		       int64_t *until_us)
{
	struct writer w = {.fleet = fleet, .plan = plan};

	if (plan->relation->kind != FLEET_TALLY)
		return false;
	read_arguments(&w);
	*since_us = w.since_us;
	*until_us = w.until_us;
	if (w.window.starts_at_or_after_since ||
	    (fleet->scope && !fleet_filters_know_hours(fleet->scope, w.but_fate)))
		return false;
	for (int i = 0; i < fleet_n_sums; i++)
		if (is_used(plan, i) && !fleet_sums[i].hour)
			return false;
	for (int i = 0; i < plan->n_given; i++)
		if (!fleet_sums[plan->given[i].column].hour)
			return false;
	/* A bucket that cuts hours is made of connections. */
	return !is_used(plan, 0) || w.bucket_us % FLEET_HOUR_US == 0;
}

char *fleet_statement(const struct fleet *fleet, const struct fleet_plan *plan)
{
	struct writer w = {.fleet = fleet, .plan = plan};
	char *sql = NULL;
	size_t size;

	w.f = text_open(&sql, &size);
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
