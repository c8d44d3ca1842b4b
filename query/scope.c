#include "scope.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_sql.h"
#include "text.h"

/*
 * In the view an open connection has the moment of asking as its id, so that id is
 * "last seen" and id - duration_us "started" for all rows. The bounds on id come
 * first and alone: they are what makes each window a range of the key.
 */
static const struct window {
	const char *name, *help, *sql;
	const char *ended;  /* the same of what has ended, */
	const char *beside; /* and without the bounds on id */
	struct scope_window is;
} windows[] = {
	{"active",
	 "connections that were there at some moment from --since to --until (the default)",
	 "id >= :since AND id - duration_us < :until",
	 "id >= :since AND id - duration_us < :until",
	 "id - duration_us < :until",
	 {0}},
	{"started",
	 "only those that started in it",
	 "id >= :since AND id - duration_us >= :since AND id - duration_us < :until",
	 "id >= :since AND id - duration_us >= :since AND id - duration_us < :until",
	 "id - duration_us >= :since AND id - duration_us < :until",
	 {.starts_at_or_after_since = true}},
	{"ended",
	 "only those that ended in it",
	 "id >= :since AND id < :until AND ended_at IS NOT NULL",
	 "id >= :since AND id < :until",
	 "true",
	 {.ends_before_until = true}},
};

#define WINDOW_ENDED 2

/* What the totals know of a filter. */
enum known {
	UNKNOWN,
	KNOWN,	    /* but it is true of too many to be worth looking there */
	BY_PROGRAM, /* found in hourly_program */
	BY_PEER,    /* only in hourly */
};

/* To add a filter, write a row: its option, type (see param.h; NULL: a flag), a
 * condition on the columns of connections, what the totals know of it, and its help. The
 * value is :NAME, where a - in the option is a _ in SQL. What they know are the columns
 * that found.c gives them; failed is there whether any has. */
static const struct filter {
	const char *name, *type, *sql;
	enum known known;
	const char *help;
	const char *in_tally; /* NULL: the same condition there */
	bool of_fate;	      /* asks what became of a connection, not which it is */
	const char *in_table; /* the same of the table connection; NULL: it lacks the names */
} filters[] = {
	{"comm", "pattern", "matches(comm, :comm)", BY_PROGRAM,
	 "program name; * and ? stand for any text, any character", NULL, false, NULL},
	{"exe", "pattern", "matches(exe, :exe)", BY_PROGRAM,
	 "program file, its whole path; * and ? likewise", NULL, false, NULL},
	{"pid", "int", "pid = :pid", UNKNOWN, "process", NULL, false, NULL},
	{"uid", "user", "uid = :uid", BY_PROGRAM, "the program's user, name or number", NULL, false,
	 NULL},
	/* An id may be cut, but not so short that it could be the begin of a name. */
	{"container", "pattern",
	 "matches(container, :container) OR length(:container) >= 12 AND"
	 " matches(container_id, :container || '*')",
	 BY_PROGRAM, "container name, or at least 12 digits of its id; * and ? likewise", NULL,
	 false, NULL},
	{"pod", "pattern", "matches(pod, :pod)", BY_PROGRAM,
	 "Kubernetes pod, namespace/name; * and ? likewise", NULL, false, NULL},
	{"netns", "netns", "netns = :netns", UNKNOWN,
	 "network namespace, as readlink /proc/PID/ns/net shows it", NULL, false, NULL},
	{"direction", "direction", "direction = :direction", KNOWN,
	 "out: this node connected; in: it accepted", NULL, false,
	 "direction = (:direction = 'in')"},
	{"peer", "peer", "ip_in(peer_addr, :peer)", BY_PEER,
	 "the other side: an address, a network, or a name that DNS answers were seen for", NULL,
	 false, NULL},
	{"port", "ports", "in_list(service_port, :port)", BY_PROGRAM,
	 "service port: the peer's for out, ours for in", NULL, false, NULL},
	{"outcome", "outcomes", "in_list(outcome, :outcome)", UNKNOWN,
	 "how it ended, as in the view connections", NULL, true, NULL},
	{"failed", NULL, "failed", KNOWN, "connections that never came about", "failed = 1", true,
	 "outcome >= 16"},
	{"node", "pattern", "matches('', :node)", UNKNOWN,
	 "of a fleet: the node's name or its machine id; * and ? likewise", NULL, false, NULL},
	{"no-loopback", NULL, "NOT loopback", KNOWN, "without what the node says to itself", NULL,
	 false, "NOT flags & 32"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(COUNT(filters) <= SCOPE_MAX_FILTERS, "raise SCOPE_MAX_FILTERS");

void scope_add_options(struct option_set *set, unsigned window_group, unsigned filter_group)
{
	for (size_t i = 0; i < COUNT(windows); i++)
		options_add(set, (struct option_spec){.name = windows[i].name,
						      .help = windows[i].help,
						      .group = window_group});
	for (size_t i = 0; i < COUNT(filters); i++) {
		const struct filter *f = &filters[i];
		const struct param_type *type = f->type ? param_type_find(f->type) : NULL;

		options_add(set, (struct option_spec){.name = f->name,
						      .arg = type ? type->arg : NULL,
						      .help = f->help,
						      .group = filter_group,
						      .values = type ? type->values : NULL});
	}
}

static bool has_filter(const struct scope *scope, const struct filter *f)
{
	for (int i = 0; i < scope->n_filters; i++)
		if (scope->filters[i].filter == f)
			return true;
	return false;
}

static void add_filter(struct scope *scope, const struct filter *f, struct param_value value)
{
	struct network net;

	scope->filters[scope->n_filters].filter = f;
	scope->filters[scope->n_filters++].value = value;
	if (f->known == BY_PROGRAM && scope->totals == SCOPE_NO_TOTALS)
		scope->totals = SCOPE_PROGRAM_TOTALS;
	if (f->known != BY_PEER)
		return;
	if (network_parse(value.text, &net))
		scope->peer = peer_range(&net);
	else if (peer_name_parse(value.text, &scope->peer_name))
		scope->peer.kind = PEER_NAMED;
	else
		return;
	scope->totals = SCOPE_PEER_TOTALS;
}

int scope_parse(const struct options *given, int64_t now_us, struct scope *out, struct err *err)
{
	const struct window *window = NULL;

	*out = (struct scope){0};
	for (size_t i = 0; i < COUNT(windows); i++) {
		if (!options_get(given, windows[i].name))
			continue;
		if (window)
			return err_set(err, -EINVAL, "--%s and --%s exclude each other",
				       window->name, windows[i].name);
		window = &windows[i];
	}
	/* What a cursor counts are ends. */
	if (!window && options_get(given, "cursor-file"))
		window = &windows[WINDOW_ENDED];
	out->window = window ? window : &windows[0];

	for (size_t i = 0; i < COUNT(filters); i++) {
		const struct filter *f = &filters[i];
		const char *text = options_get(given, f->name);
		struct param_value value = {0};

		if (!text)
			continue;
		if (f->type && param_type_find(f->type)->parse(text, now_us, &value, err))
			return err_wrap(err, "--%s", f->name);
		add_filter(out, f, value);
	}
	return 0;
}

void scope_set_window(struct scope *scope, const char *name)
{
	for (size_t i = 0; i < COUNT(windows); i++)
		if (!strcmp(windows[i].name, name))
			scope->window = &windows[i];
}

int scope_add_flag(struct scope *scope, const char *name, struct err *err)
{
	for (size_t i = 0; i < COUNT(filters); i++) {
		if (strcmp(filters[i].name, name) != 0 || filters[i].type)
			continue;
		if (!has_filter(scope, &filters[i]))
			add_filter(scope, &filters[i], (struct param_value){0});
		return 0;
	}
	return err_set(err, -EINVAL, "there is no filter \"%s\" without a value", name);
}

struct scope_filter scope_filter(const struct scope *scope, int i)
{
	const struct filter *f = scope->filters[i].filter;

	return (struct scope_filter){f->name, &scope->filters[i].value, f->of_fate};
}

struct scope_window scope_window(const struct scope *scope)
{
	return scope->window->is;
}

/* An address is its text; of a network, its texts are looked at before its bits. The table of
 * what a name stands for is there in no other program. */
static void write_peer(const struct scope *scope, const struct filter *peer, FILE *f)
{
	switch (scope->peer.kind) {
	case PEER_ADDRESS:
		fputs("peer_addr = :peer_from", f);
		break;
	case PEER_RANGE:
		fprintf(f, "peer_addr >= :peer_from AND peer_addr < :peer_to AND %s", peer->sql);
		break;
	case PEER_ANYWHERE:
		fputs(peer->sql, f);
		break;
	case PEER_NAMED:
		if (scope->is_plain)
			fprintf(f, "peer_addr IN (%s)", peer_name_sql(&scope->peer_name));
		else
			fputs("peer_addr IN temp.named_peer", f);
		break;
	}
}

static void write_condition(const struct scope *scope, const struct filter *filter,
			    enum scope_relation relation, FILE *f)
{
	fputs(" AND (", f);
	if (filter->known == BY_PEER)
		write_peer(scope, filter, f);
	else
		fputs(relation == SCOPE_TALLY && filter->in_tally ? filter->in_tally : filter->sql,
		      f);
	fputs(")", f);
}

enum which { ALL, KNOWN_TO_TOTALS, NOT_OF_FATE };

static void write_filters(const struct scope *scope, enum scope_relation relation, enum which which,
			  FILE *f)
{
	for (int i = 0; i < scope->n_filters; i++) {
		const struct filter *filter = scope->filters[i].filter;

		if ((which == KNOWN_TO_TOTALS && filter->known == UNKNOWN) ||
		    (which == NOT_OF_FATE && filter->of_fate))
			continue;
		write_condition(scope, filter, relation, f);
	}
}

void scope_write_totals(const struct scope *scope, FILE *f)
{
	write_filters(scope, SCOPE_ROWS, KNOWN_TO_TOTALS, f);
}

void scope_write_ended(const struct scope *scope, FILE *f)
{
	write_filters(scope, SCOPE_ROWS, ALL, f);
	fprintf(f, " AND %s", scope->window->beside);
}

/* found.at and not e.id, which is the same: only so SQLite sees that the rows come in its
 * order. */
static const char found[] =
	"SELECT f.at AS id, e.* FROM found f CROSS JOIN ended_connections e WHERE e.id = f.at"
	" UNION ALL SELECT id, * FROM open_connections";

bool scope_has_word(const char *sql, const char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	size_t len = strlen(word);

	for (const char *p = sql; (p = strstr(p, word)); p += len)
		if (p > sql && !strchr(letters, p[-1]) && (!p[len] || !strchr(letters, p[len])))
			return true;
	return false;
}

/* Of a fleet the relations are narrowed already, but for a name. */
static void write_fleet_filters(const struct scope *scope, FILE *f)
{
	if (scope->peer.kind == PEER_NAMED)
		fputs(" WHERE peer_addr IN temp.named_peer", f);
}

/* The sums of what passes the filters, from @since to @until, which are parameters. */
static void write_tally(const struct scope *scope, const char *select, const char *name,
			const char *since, const char *until, enum which which, FILE *f)
{
	int64_t bucket_us = by_bucket_us(&scope->by);

	/* Each use reads what it needs, and not one for all of them everything. */
	fprintf(f, "%s AS NOT MATERIALIZED (SELECT ", name);
	if (scope->is_fleet)
		fleet_write_sums(f, select);
	else
		fputc('*', f);
	by_write_columns(&scope->by, "bucket", "last_start_us", f);
	fprintf(f, " FROM %s(%s, %s, '%s'", scope->is_fleet ? "fleet_totals" : "totals", since,
		until, scope->window->name);
	if (bucket_us)
		fprintf(f, ", %lld", (long long)bucket_us);
	else if (scope->has_every)
		fputs(", :every", f);
	else if (scope->is_fleet)
		fputs(", NULL", f);
	if (scope->is_fleet)
		fprintf(f, ", %d", which == NOT_OF_FATE);
	fputc(')', f);
	if (scope->is_fleet) {
		write_fleet_filters(scope, f);
	} else {
		fputs(" WHERE 1", f);
		write_filters(scope, SCOPE_TALLY, which, f);
	}
	fputc(')', f);
}

/* Of the views, in their order. */
static const char *const columns[] = {
	"id",		"started_at",	"ended_at",   "direction", "outcome",	     "error",
	"comm",		"exe",		"pid",	      "uid",	   "container",	     "netns",
	"family",	"local_addr",	"local_port", "peer_addr", "peer_port",	     "service_port",
	"connect_us",	"duration_us",	"tx_bytes",   "rx_bytes",  "retransmits",    "srtt_us",
	"min_rtt_us",	"owner_source", "closed_by",  "failed",	   "accept_wait_us", "thread",
	"container_id", "pod",		"loopback",   "cookie",	   "flags",
};

static const char *const of_fleet[] = {"node", "node_id"};

/* Those that @select has a word for. Of a UNION ALL SQLite makes all columns, those for which
 * names are looked up and dates are written, too, whatever is done with them. */
static void write_used_columns(const struct scope *scope, const char *select, FILE *f)
{
	bool has_columns = by_has_columns(&scope->by);

	fputs("id", f);
	for (size_t i = 1; i < COUNT(columns); i++)
		if (scope_has_word(select, columns[i]) ||
		    (has_columns && !strcmp(columns[i], "peer_addr")) ||
		    (by_has_name(&scope->by) && !strcmp(columns[i], "duration_us")))
			fprintf(f, ", %s", columns[i]);
	for (int i = 0; i < 2 && scope->is_fleet; i++)
		if (scope_has_word(select, of_fleet[i]))
			fprintf(f, ", %s", of_fleet[i]);
}

/* As SELECT * FROM connections does, with less. */
static void write_used_rows(const struct scope *scope, const char *select, FILE *f)
{
	fputs("SELECT ", f);
	write_used_columns(scope, select, f);
	fprintf(f, " FROM ended_connections WHERE %s", scope->window->ended);
	write_filters(scope, SCOPE_ROWS, ALL, f);
	fputs(" UNION ALL SELECT ", f);
	write_used_columns(scope, select, f);
	fprintf(f, " FROM open_connections WHERE %s", scope->window->sql);
	write_filters(scope, SCOPE_ROWS, ALL, f);
}

static void write_open(const struct scope *scope, FILE *f)
{
	fputs("still_open AS NOT MATERIALIZED (SELECT * FROM open_connections", f);
	if (scope->is_fleet) {
		write_fleet_filters(scope, f);
	} else {
		fprintf(f, " WHERE %s", scope->window->sql);
		write_filters(scope, SCOPE_ROWS, ALL, f);
	}
	fputs(")", f);
}

static bool needs_names(const struct scope *scope)
{
	for (int i = 0; i < scope->n_filters; i++)
		if (!scope->filters[i].filter->in_table)
			return true;
	return false;
}

/* SQLite would find the process even of what the view makes no use of. */
static void write_durations(const struct scope *scope, FILE *f)
{
	fputs("durations AS NOT MATERIALIZED (SELECT duration_us FROM ", f);
	if (scope->is_plain || scope->is_fleet || needs_names(scope)) {
		fputs("scope)", f);
		return;
	}
	fprintf(f, "connection WHERE %s", scope->window->ended);
	for (int i = 0; i < scope->n_filters; i++)
		fprintf(f, " AND (%s)", scope->filters[i].filter->in_table);
	fprintf(f, " UNION ALL SELECT duration_us FROM open_connections WHERE %s",
		scope->window->sql);
	write_filters(scope, SCOPE_ROWS, ALL, f);
	fputs(")", f);
}

static void write_rows(const struct scope *scope, const char *select, FILE *f)
{
	bool all = scope->is_plain || strstr(select, "* FROM scope");
	int64_t bucket_us = by_bucket_us(&scope->by);
	char bucket[80];

	snprintf(bucket, sizeof(bucket), "min(id, :until - 1) / %lld * %lld", (long long)bucket_us,
		 (long long)bucket_us);
	fprintf(f, "%s AS NOT MATERIALIZED (", by_has_columns(&scope->by) ? "bare" : "scope");
	if (scope->is_fleet) {
		fputs("SELECT ", f);
		if (all)
			fputc('*', f);
		else
			write_used_columns(scope, select, f);
		fputs(" FROM connections", f);
		write_fleet_filters(scope, f);
	} else if (scope->totals == SCOPE_NO_TOTALS && !all) {
		write_used_rows(scope, select, f);
	} else {
		fprintf(f, "%s WHERE %s",
			scope->totals == SCOPE_NO_TOTALS ? "SELECT * FROM connections" : found,
			scope->window->sql);
		write_filters(scope, SCOPE_ROWS, ALL, f);
	}
	fputs(")", f);
	if (!by_has_columns(&scope->by))
		return;
	fputs(", scope AS NOT MATERIALIZED (SELECT *", f);
	by_write_columns(&scope->by, bucket, "id - duration_us", f);
	fputs(" FROM bare)", f);
}

int scope_sql(const struct scope *scope, enum scope_relation relation, const char *select,
	      char **out, struct err *err)
{
	char *sql = NULL;
	size_t size;
	FILE *f = text_open(&sql, &size);

	if (!f)
		return err_set(err, -ENOMEM, "no memory for the statement");
	if (relation)
		fputs("WITH ", f);
	if (relation & SCOPE_ROWS)
		write_rows(scope, select, f);
	if (relation & SCOPE_OPEN)
		write_open(scope, f);
	if (relation & SCOPE_DURATIONS) {
		fputs(", ", f);
		write_durations(scope, f);
	}
	if (relation == SCOPE_BOTH)
		fputs(", ", f);
	if (relation & SCOPE_TALLY)
		write_tally(scope, select, "tally", ":since", ":until",
			    relation == SCOPE_BOTH ? NOT_OF_FATE : ALL, f);
	if (relation == SCOPE_TALLY && scope->has_earlier) {
		fputs(", ", f);
		write_tally(scope, select, "earlier", ":with_since",
			    scope->has_with_until ? ":with_until" : ":since", ALL, f);
	}
	fprintf(f, "\n%s\nLIMIT :limit", select);
	if (fclose(f)) {
		free(sql);
		return err_set(err, -ENOMEM, "no memory for the statement");
	}
	*out = sql;
	return 0;
}

int scope_bind(const struct scope *scope, sqlite3_stmt *stmt, struct err *err)
{
	struct param_value from = {.text = scope->peer.from}, to = {.text = scope->peer.to};
	struct param_value name = {.text = scope->peer_name.text};
	int ret = 0;

	for (int i = 0; i < scope->n_filters && !ret; i++)
		if (scope->filters[i].filter->type)
			ret = param_bind(stmt, scope->filters[i].filter->name,
					 &scope->filters[i].value, err);
	if (!ret)
		ret = param_bind(stmt, "peer_from", &from, err);
	if (!ret)
		ret = param_bind(stmt, "peer_to", &to, err);
	if (!ret)
		ret = param_bind(stmt, "peer_name", &name, err);
	return ret;
}
