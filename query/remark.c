#include "remark.h"

#include <stdio.h>
#include <string.h>

#include "escape.h"

void remark(const char *text)
{
	char safe[ESCAPED_SIZE(sizeof(((struct err *)0)->msg))];

	escape_stored(text, strlen(text), safe, sizeof(safe));
	fprintf(stderr, "connmon-query: %s\n", safe);
}

/* Without milliseconds where these say nothing. */
static const char *moment(int64_t us, const struct request *q, bool exact, char out[TIMESPEC_SIZE])
{
	return exact ? timespec_format(us, request_style(q), out)
		     : timespec_format_s(us, request_style(q), out);
}

/* "2026-01-31 10:02:11 to 11:02:11" */
void remark_tell_window(FILE *f, const struct request *q)
{
	const struct report_args *a = &q->args;
	const bool exact = a->until_us - a->since_us < 10 * US_PER_S;
	char from[TIMESPEC_SIZE], to[TIMESPEC_SIZE];
	const char *second = to;

	moment(a->since_us, q, exact, from);
	moment(a->until_us, q, exact, to);
	if (strncmp(from, to, 11) == 0 && to[10] == ' ')
		second = to + 11;
	fprintf(f, "%s to %s", from, second);
}

/* Why rows may be missing, each reason with what tells more; or that none are. */
void remark_tell_gaps(FILE *f, const struct request *q, const struct coverage *c)
{
	const int64_t week_us = 7 * 86400 * US_PER_S;
	char day[TIMESPEC_SIZE];
	const int64_t since_us = q->args.since_us;

	if (coverage_is_whole(c, since_us, q->args.until_us))
		fputs(q->args.until_us > q->now_us ? ", complete so far" : ", complete", f);
	if (coverage_ends_before(c, q->args.until_us))
		fputs(", incomplete", f);
	if (c->n_gaps) {
		fprintf(f, ", %lld gap%s (%s", (long long)c->n_gaps, c->n_gaps == 1 ? "" : "s",
			c->reasons);
		if (c->loser_uid >= 0)
			fprintf(f, ", mostly of uid %lld", (long long)c->loser_uid);
		fputs(": see connmon-query gaps", f);
		if (since_us < q->now_us - week_us) /* as far back as it looks by itself */
			fprintf(f, " --since %.10s",
				timespec_format(since_us, TIMESPEC_LOCAL, day));
		fputc(')', f);
	}
	if (since_us < c->rows_from_us && c->rows_from_us >= c->begin_us)
		fprintf(f, ", what ended before %s is deleted (--retain)",
			moment(c->rows_from_us, q, false, day));
	else if (since_us < c->begin_us)
		fprintf(f, ", nothing was recorded before %s", moment(c->begin_us, q, false, day));
	if (c->n_later && since_us >= c->begin_us)
		fprintf(f, ", %d node%s began later", c->n_later, c->n_later == 1 ? "" : "s");
	if (c->has_nothing)
		fputs(", nothing that ended before is kept there", f);
}

/* "0.8 s ago", "3 min ago" */
static void tell_age(FILE *f, int64_t us)
{
	static const struct {
		int64_t below_s, unit_s;
		const char *unit;
	} units[] = {{120, 1, "s"},
		     {7200, 60, "min"},
		     {172800, 3600, "h"},
		     {INT64_MAX, 86400, "d"}};
	const int64_t s = us / US_PER_S;
	int i = 0;

	if (us < US_PER_S / 10) { /* also when the clock was set back */
		fputs("just now", f);
		return;
	}
	if (us < 10 * US_PER_S) {
		fprintf(f, "%.1f s ago", (double)us / US_PER_S);
		return;
	}
	while (s >= units[i].below_s)
		i++;
	fprintf(f, "%lld %s ago", (long long)(s / units[i].unit_s), units[i].unit);
}

/* "; 12 nodes, 2 of them behind: web-1, db-2" */
static void tell_nodes(FILE *f, const struct coverage *c)
{
	if (c->n_nodes == 0) {
		fputs("; no such node has sent anything", f);
		return;
	}
	fprintf(f, "; %d node%s", c->n_nodes, c->n_nodes == 1 ? "" : "s");
	if (c->n_behind)
		fprintf(f, ", %d behind: %s", c->n_behind, c->behind);
	if (c->n_behind > 3)
		fprintf(f, " and %d more", c->n_behind - 3);
}

void remark_tell_freshness(FILE *f, const struct request *q, const struct coverage *c)
{
	const int64_t age_us = q->now_us - c->last_write_us;
	char since[TIMESPEC_SIZE];

	if (c->is_fleet) {
		tell_nodes(f, c);
	} else if (!c->last_write_us) {
		fputs("; no collector has recorded to it yet", f);
	} else if (!c->is_running) {
		fprintf(f, "; no collector is running since %s",
			moment(c->last_write_us, q, false, since));
	} else {
		fputs("; last written ", f);
		tell_age(f, age_us);
		if (age_us >= COVERAGE_SILENCE_US)
			fputs(", see connmon-query doctor", f);
	}
}

/* What a report leaves out by itself may be all there is. */
static void tell_no_connections(FILE *f, const struct report *r)
{
	fputs("no such connections in this window; --since looks further back", f);
	for (int i = 0; i < r->n_params; i++)
		if (!strncmp(r->params[i].name, "min", 3))
			fprintf(f, ", a lower --%s leaves out less", r->params[i].name);
}

void remark_tell_emptiness(FILE *f, const struct request *q)
{
	if (q->cursor.path && !q->cursor.is_new)
		fputs("no such connections ended since the last run", f);
	else if (!strcmp(q->report->operand, "process"))
		fputs("no such process is known: those that connected or listened are kept, "
		      "and the ancestors of such",
		      f);
	else if (!strcmp(q->report->name, "open") && scope_window(&q->scope).ends_before_until)
		fputs("only what ended is asked for, so none that is open", f);
	else if (!strcmp(q->report->name, "open") && !options_get(&q->options, "started"))
		fputs("no such connections are open now", f); /* whatever the window */
	else if (q->report->filtered)
		tell_no_connections(f, q->report);
	else
		fputs("nothing in this window", f);
}

static void tell_name(const struct scope *scope)
{
	const struct peer_name *name = &scope->peer_name;
	struct err text;

	snprintf(text.msg, sizeof(text.msg), "%s%.255s stands for %lld address%s here",
		 name->is_below ? "*." : "", name->text, (long long)scope->n_named,
		 scope->n_named == 1 ? "" : "es");
	remark(text.msg);
}

void remark_on(const struct request *q, const struct rows *rows, const struct coverage *coverage)
{
	struct err emptiness = {0}, text = {0};
	FILE *f = fmemopen(emptiness.msg, sizeof(emptiness.msg) - 1, "w");

	if (q->scope.peer.kind == PEER_NAMED)
		tell_name(&q->scope);
	if (f && rows && rows->n_rows == 0)
		remark_tell_emptiness(f, q);
	if (f)
		fclose(f);
	if (emptiness.msg[0])
		remark(emptiness.msg);
	f = fmemopen(text.msg, sizeof(text.msg) - 1, "w");
	if (!f)
		return;
	remark_tell_window(f, q);
	if (q->report->filtered)
		remark_tell_gaps(f, q, coverage);
	remark_tell_freshness(f, q, coverage);
	fclose(f);
	remark(text.msg);
}
