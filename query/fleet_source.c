#include "fleet_source.h"

#include <stdlib.h>
#include <string.h>

#include "fleet_late.h"
#include "fleet_sql.h"
#include "text.h"
#include "timespec.h"

#define DAY_US	  (INT64_C(86400) * US_PER_S)
#define MOST_DAYS 10 /* of one reading; so many times stand lists of nodes in a statement */

/* What a source has: of ENDED and HOURS, what ended in a span of time; of ENDED, perhaps only that
 * of the nodes whose hours are not told. */
struct source {
	enum side side;
	int64_t from_us, to_us;
	bool others_only;
};

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

void fleet_write_column(struct writer *w, int i, enum side side)
{
	const struct fleet_column *c = &fleet_connection_columns[i];
	const char *sql = side == OPEN ? c->open : c->ended;

	if (side == AROUND) {
		fprintf(w->f, "c%d", i);
		return;
	}
	fputs("(", w->f); /* it may stand in another one */
	write_expression(w, sql ? sql : c->name, side);
	fputs(")", w->f);
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
		else if (len == 4 && !memcmp(sql, "hour", len))
			fputs("toInt64(toUnixTimestamp(hour)) * 1000000", w->f);
		else
			fleet_write_column(w, find_column(sql, len), side);
	}
}

static void write_sum(struct writer *w, int i, enum side side)
{
	write_expression(w, side == HOURS ? fleet_sums[i].hour : fleet_sums[i].row, side);
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

/* By what rows of the relation's @column are chosen in a source; NULL: as they are called. */
static void write_given_column(struct writer *w, int column, enum side side)
{
	const struct fleet_relation *r = w->plan->relation;

	if (r->kind == FLEET_TALLY)
		write_sum(w, column, side);
	else if (r->kind == FLEET_PLAIN)
		fputs(r->columns[column].name, w->f);
	else
		fleet_write_column(w, column, side);
}

/* It looks again: where types differ it is left to it. */
void fleet_write_given(struct writer *w, unsigned parts, enum side side)
{
	const struct fleet_relation *r = w->plan->relation;

	for (int i = 0; i < w->plan->n_given; i++) {
		int column = w->plan->given[i].column;
		bool text = fleet_column_is_text(r, column);
		char op = w->plan->given[i].op;
		unsigned part =
			fleet_is_fixed(fleet_column_name(r, column)) ? FLEET_FIXED : FLEET_CHANGING;

		if (!(part & parts) || (op != 'I' && !is_of_type(w->plan->given[i].value, text)))
			continue;
		fputs(" AND (", w->f);
		write_given_column(w, column, side);
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

static void write_conditions(struct writer *w, unsigned parts, enum side side)
{
	if (w->fleet->scope)
		fleet_write_filters(w->f, w->fleet->scope, parts, w->but_fate);
	fleet_write_given(w, parts, side);
}

/* What is asked of all rows that may be sent twice is asked before the server finds those that
 * were: else it reads all that it is to give of each row, and of the key, to leave most of them
 * out. What is open changes. */
static unsigned write_prewhere(struct writer *w, enum side side)
{
	FILE *f = w->f;
	char *text = NULL;
	bool is_whole = false;
	size_t size;

	if (side == OPEN)
		return FLEET_FIXED | FLEET_CHANGING;
	w->f = text_open(&text, &size);
	if (w->f) {
		write_conditions(w, FLEET_FIXED, side);
		is_whole = fclose(w->f) == 0;
		if (is_whole && size)
			fprintf(f, " PREWHERE %s", text + strlen(" AND "));
		free(text);
	}
	w->f = f;
	return is_whole ? FLEET_CHANGING : FLEET_FIXED | FLEET_CHANGING;
}

static void write_span(struct writer *w, const struct source *s)
{
	const struct fleet_hours *hours = &w->plan->hours;

	if (s->side == HOURS) {
		fprintf(w->f, " WHERE hour >= toDateTime(%lld) AND hour < toDateTime(%lld)",
			(long long)(s->from_us / US_PER_S), (long long)(s->to_us / US_PER_S));
		if (hours->but[0])
			fprintf(w->f, " AND node_id NOT IN (%s)", hours->but);
		return;
	}
	fprintf(w->f, " WHERE id >= %lld", (long long)s->from_us);
	if (s->to_us < INT64_MAX)
		fprintf(w->f, " AND id < %lld", (long long)s->to_us);
	if (s->others_only)
		fprintf(w->f, " AND node_id IN (%s)", hours->but);
}

/* What ended before the window's end began before it, too. */
static void write_window(struct writer *w, const struct source *s)
{
	const char *start = s->side == OPEN ? "start_us" : "id - duration_us";

	if (s->side == LATE)
		fprintf(w->f, " WHERE (node_id, id) IN (%s)", w->plan->late);
	else if (s->side == OPEN)
		fprintf(w->f, " WHERE is_over = 0 AND %d", w->fleet->now_us >= w->since_us);
	else
		write_span(w, s);
	if (s->side == HOURS)
		return;
	if (s->side != ENDED || s->to_us > w->until_us)
		fprintf(w->f, " AND %s < %lld", start, (long long)w->until_us);
	if (w->window.starts_at_or_after_since)
		fprintf(w->f, " AND %s >= %lld", start, (long long)w->since_us);
}

/* ---- sources ---- */

/* A constant stands materialized: of several shards it comes as any other column, which versions
 * before 20 take for no constant, and refuse. */

static void write_sums(struct writer *w, enum side side)
{
	const char *before = "";

	for (int i = 0; i < fleet_n_sums; i++) {
		if (!is_used(w->plan, i))
			continue;
		fprintf(w->f, "%s%s(materialize(", before, as_type(fleet_sums[i].is_text));
		write_sum(w, i, side);
		fprintf(w->f, ")) AS s%d", i);
		before = ", ";
	}
	if (!*before)
		fputs("toInt64(materialize(1)) AS s", w->f);
}

static void write_rows(struct writer *w, enum side side)
{
	const char *before = "";

	for (int i = 0; i < fleet_n_connection_columns(); i++) {
		if (!w->needed[i])
			continue;
		fprintf(w->f, "%s%s(materialize(", before,
			as_type(fleet_connection_columns[i].is_text));
		fleet_write_column(w, i, side);
		fprintf(w->f, ")) AS c%d", i);
		before = ", ";
	}
}

static void write_source(struct writer *w, const struct source *s)
{
	static const char *const tables[] = {
		[ENDED] = FLEET_ENDED_TABLE,  [LATE] = FLEET_ENDED_TABLE,
		[RECENT] = FLEET_ENDED_TABLE, [OPEN] = FLEET_OPEN_TABLE,
		[HOURS] = FLEET_HOURS_TABLE,
	};
	unsigned rest;

	fputs(w->n_sources++ ? " UNION ALL SELECT " : "SELECT ", w->f);
	if (w->plan->relation->kind == FLEET_TALLY)
		write_sums(w, s->side);
	else
		write_rows(w, s->side);
	fprintf(w->f, " FROM %s", tables[s->side]);
	rest = write_prewhere(w, s->side);
	write_window(w, s);
	write_conditions(w, rest, s->side);
}

/* Each day is a source of its own: the server finds what was sent twice in one thread for each, and
 * looks for it among the parts of that day alone. Of more days some stay together. */
static void write_days(struct writer *w, enum side side, int64_t from_us, int64_t to_us,
		       bool others_only)
{
	const int64_t last_us = to_us < w->fleet->now_us ? to_us : w->fleet->now_us;
	const int64_t days = last_us > from_us ? (last_us - from_us) / DAY_US / MOST_DAYS + 1 : 1;

	while (from_us < to_us) {
		struct source s = {side, from_us, (from_us / DAY_US + days) * DAY_US, others_only};

		if (s.to_us > last_us)
			s.to_us = to_us;
		write_source(w, &s);
		from_us = s.to_us;
	}
}

static void write_ended(struct writer *w, int64_t from_us, int64_t to_us, bool others_only)
{
	write_days(w, ENDED, from_us, to_us, others_only);
}

/* What ended in the window, or, when nobody knows which began in it, also since. */
static void write_all_ended(struct writer *w)
{
	const struct fleet_hours *hours = &w->plan->hours;
	const int64_t end_us =
		w->window.ends_before_until || w->plan->late ? w->until_us : INT64_MAX;

	if (hours->from_us == hours->to_us) {
		write_ended(w, w->since_us, end_us, false);
		return;
	}
	write_ended(w, w->since_us, hours->from_us, false);
	write_days(w, HOURS, hours->from_us, hours->to_us, false);
	if (hours->but[0])
		write_ended(w, hours->from_us, hours->to_us, true);
	write_ended(w, hours->to_us, end_us, false);
}

void fleet_write_sources(struct writer *w)
{
	static const struct source late = {.side = LATE}, open = {.side = OPEN};
	const struct source recent = {RECENT, fleet_recent_us(w->fleet), INT64_MAX, false};
	const struct source nothing = {ENDED, w->since_us, w->since_us, false};

	fputs(" FROM (", w->f);
	if (w->plan->relation->kind != FLEET_OPEN) {
		write_all_ended(w);
		if (w->plan->late && w->plan->late[0])
			write_source(w, &late);
		if (w->plan->late)
			write_source(w, &recent);
	}
	if (!w->window.ends_before_until)
		write_source(w, &open);
	if (w->n_sources == 0)
		write_source(w, &nothing);
	fputc(')', w->f);
}
