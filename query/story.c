#include "story.h"

#include <errno.h>
#include <string.h>

#include "ask.h"
#include "by.h"
#include "db.h"
#include "span.h"
#include "timespec.h"

/* So many rows of what is shown whole, such as gaps; there is a report for the others. */
#define ROWS_MOST 1000

/* Where the rows come from: a report, or a file of our own; and how many: as the story's own
 * limit says, or ROWS_MOST, or all. */
static const struct part {
	const char *name, *by;
	enum { LIMITED, SOME, ALL } how_many;
	bool is_ours;
} parts[STORY_PARTS] = {
	[STORY_SUMMARY] = {"summary", NULL, ALL, false},
	[STORY_TIMELINE] = {"timeline", NULL, ALL, false},
	[STORY_FAILED] = {"failed-when", NULL, ALL, true},
	[STORY_FAILURES] = {"failures", NULL, LIMITED, false},
	[STORY_PROGRAMS] = {"top-processes", "comm", LIMITED, false},
	[STORY_CONTAINERS] = {"top-containers", "container,pod", LIMITED, false},
	[STORY_DESTINATIONS] = {"top-destinations", "peer_addr,service_port", LIMITED, false},
	[STORY_CLIENTS] = {"top-clients", "peer_addr", LIMITED, false},
	[STORY_CONNECT] = {"connect-times", NULL, ALL, true},
	[STORY_NEW] = {"new-destinations", "peer_addr,service_port", LIMITED, false},
	[STORY_LONG] = {"long-lived", NULL, LIMITED, false},
	[STORY_OPEN] = {"open", NULL, LIMITED, false},
	[STORY_GAPS] = {"gaps", NULL, SOME, false},
};

static int64_t own_limit(const struct request *q)
{
	const int64_t n =
		q->args.values[report_find_param(q->report, "limit") - q->report->params].number;

	return n < 0 || n > PARTIES_MOST ? PARTIES_MOST : n;
}

/* Of more the page would be too large for any browser, and a column no wider than nothing. */
#define COLUMNS_MAX 1000

/* Of what is over time: more of them than a table has lines, as a column is a few pixels wide. */
static int64_t column_us(const struct request *q)
{
	static const int64_t lengths_s[] = {1,	   5,	  10,	 30,	60,    120,
					    300,   600,	  900,	 1800,	3600,  7200,
					    10800, 21600, 43200, 86400, 604800};
	const int n = sizeof(lengths_s) / sizeof(lengths_s[0]);
	const struct param_value *given =
		&q->args.values[report_find_param(q->report, "every") - q->report->params];
	const int64_t width_us = q->args.until_us - q->args.since_us;
	int i = 0;

	if (options_get(&q->options, "every"))
		return given->number;
	while (i < n - 1 && width_us > 120 * lengths_s[i] * US_PER_S)
		i++;
	/* One of those lengths, or as many weeks as it takes. */
	return (1 + width_us / (COLUMNS_MAX * lengths_s[i] * US_PER_S)) * lengths_s[i] * US_PER_S;
}

static int check_columns(const struct story *s, struct err *err)
{
	const int64_t n = (s->q->args.until_us - s->q->args.since_us) / s->every_us;

	if (n <= COLUMNS_MAX)
		return 0;
	return err_set(
		err, REPORT_USAGE,
		"--every makes %lld columns of this window; write a longer one, so that there "
		"are %d at most",
		(long long)n, COLUMNS_MAX);
}

static void set(const struct report *report, struct report_args *args, const char *name,
		int64_t number)
{
	const struct report_param *p = report_find_param(report, name);

	if (p)
		args->values[p - report->params] = (struct param_value){.number = number};
}

/* As if the report had been asked with the window of the story, and what the table says. */
static int fill_args(const struct story *s, const struct report *report, const struct part *part,
		     struct report_args *args, struct err *err)
{
	const struct request *q = s->q;
	const struct options none = {0};
	int ret = report_read_args(report, &none, q->now_us, args, err);

	if (ret)
		return ret;
	span_set(report, args, q->args.since_us, q->args.until_us);
	set(report, args, "every", s->every_us);
	if (part->how_many == ALL)
		set(report, args, "limit", -1);
	else
		set(report, args, "limit", part->how_many == SOME ? ROWS_MOST : own_limit(q));
	args->arrange.resolve = q->args.arrange.resolve;
	return part->by ? by_parse(part->by, &args->arrange.by, err) : 0;
}

static int find_report(const struct request *q, const struct part *part, struct report *out,
		       struct err *err)
{
	for (const struct embed *f = part->is_ours ? query_story : query_reports; f->name; f++)
		if (!strcmp(f->name, part->name))
			return report_parse(f, out, err);
	(void)q;
	return err_set(err, -EINVAL, "there is no report %s", part->name);
}

static int fetch(struct story *s, enum story_part i, sqlite3 *db, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	struct report report;
	struct report_args args;
	int ret = find_report(s->q, &parts[i], &report, err);

	if (!ret)
		ret = fill_args(s, &report, &parts[i], &args, err);
	if (!ret)
		ret = report_prepare(&report, &args, &s->q->scope, db, &stmt, err);
	return ret ? ret : rows_fetch(stmt, &s->rows[i], err);
}

static int fetch_parties(struct story *s, sqlite3 *db, struct err *err)
{
	static const enum story_part of[PARTY_KINDS] = {
		[PARTY_PROGRAM] = STORY_PROGRAMS,
		[PARTY_CONTAINER] = STORY_CONTAINERS,
		[PARTY_DESTINATION] = STORY_DESTINATIONS,
		[PARTY_CLIENT] = STORY_CLIENTS,
	};
	AUTO_STMT *stmt = NULL;
	struct report_args args = s->q->args;
	int ret = 0;

	for (int kind = 0; kind < PARTY_KINDS && !ret; kind++)
		ret = parties_add(&s->parties, kind, s->rows[of[kind]], err);
	set(s->q->report, &args, "limit", -1);
	args.arrange = (struct arrange){0}; /* names are for who reads them */
	if (!ret)
		ret = report_prepare(s->q->report, &args, &s->q->scope, db, &stmt, err);
	return ret ? ret : parties_tie(&s->parties, stmt, err);
}

static int ask(sqlite3 *db, void *ctx, struct err *err)
{
	struct story *s = ctx;
	struct request *q = s->q;
	int ret = ask_moment(q, db, err);

	if (ret)
		return ret;
	s->every_us = column_us(q);
	ret = check_columns(s, err);
	for (int i = 0; i < STORY_PARTS && !ret; i++)
		ret = fetch(s, i, db, err);
	if (!ret)
		ret = fetch_parties(s, db, err);
	if (ret)
		return ret;
	q->scope.n_named = peer_name_count(db);
	return coverage_find(db, q->args.since_us, q->args.until_us, q->now_us, &s->coverage, err);
}

int story_ask(struct story *s, struct err *err)
{
	return ask_with(s->q, ask, s, err);
}

void story_release(struct story *s)
{
	for (int i = 0; i < STORY_PARTS; i++)
		rows_free(s->rows[i]);
	parties_release(&s->parties);
}
