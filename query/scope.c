#include "scope.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * In the view an open connection has the moment of asking as its id, so that id is
 * "last seen" and id - duration_us "started" for all rows. The bounds on id come
 * first and alone: they are what makes each window a range of the key.
 */
static const struct window {
	const char *name, *help, *sql;
} windows[] = {
	{"active",
	 "connections that were there at some moment from --since to --until (the default)",
	 "id >= :since AND id - duration_us < :until"},
	{"started", "only those that started in it",
	 "id >= :since AND id - duration_us >= :since AND id - duration_us < :until"},
	{"ended", "only those that ended in it",
	 "id >= :since AND id < :until AND ended_at IS NOT NULL"},
};

/* To add a filter, write a row: its option, type (see param.h; NULL: a flag), a
 * condition on the columns of connections, and its help. The value is :NAME, where
 * a - in the option is a _ in SQL. */
static const struct filter {
	const char *name, *type, *sql, *help;
} filters[] = {
	{"comm", "pattern", "matches(comm, :comm)",
	 "program name; * and ? stand for any text, any character"},
	{"exe", "pattern", "matches(exe, :exe)", "program file, its whole path; * and ? likewise"},
	{"pid", "int", "pid = :pid", "process"},
	{"uid", "user", "uid = :uid", "the program's user, name or number"},
	/* An id may be cut, but not so short that it could be the begin of a name. */
	{"container", "pattern",
	 "matches(container, :container) OR length(:container) >= 12 AND"
	 " matches(container_id, :container || '*')",
	 "container name, or at least 12 digits of its id; * and ? likewise"},
	{"pod", "pattern", "matches(pod, :pod)",
	 "Kubernetes pod, namespace/name; * and ? likewise"},
	{"netns", "netns", "netns = :netns",
	 "network namespace, as readlink /proc/PID/ns/net shows it"},
	{"direction", "direction", "direction = :direction",
	 "out: this node connected; in: it accepted"},
	{"peer", "network", "ip_in(peer_addr, :peer)", "the other side: an address or a network"},
	{"port", "ports", "in_list(service_port, :port)",
	 "service port: the peer's for out, ours for in"},
	{"outcome", "outcomes", "in_list(outcome, :outcome)",
	 "how it ended, as in the view connections"},
	/* The first is for the index of connections, the second for totals. */
	{"failed", NULL, "failed AND failed = 1", "connections that never came about"},
	{"no-loopback", NULL, "NOT loopback", "without what the node says to itself"},
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

		options_add(set, (struct option_spec){.name = f->name,
						      .arg = f->type ? param_type_find(f->type)->arg
								     : NULL,
						      .help = f->help,
						      .group = filter_group});
	}
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
	window = window ? window : &windows[0];
	out->window = window->sql;
	out->window_name = window->name;

	for (size_t i = 0; i < COUNT(filters); i++) {
		const struct filter *f = &filters[i];
		const char *text = options_get(given, f->name);
		struct param_value value = {0};

		if (!text)
			continue;
		if (f->type && param_type_find(f->type)->parse(text, now_us, &value, err))
			return err_wrap(err, "--%s", f->name);
		out->filters[out->n_filters].filter = f;
		out->filters[out->n_filters++].value = value;
	}
	return 0;
}

int scope_sql(const struct scope *scope, enum scope_relation relation, const char *select,
	      char **out, struct err *err)
{
	char *sql = NULL;
	size_t size;
	FILE *f = open_memstream(&sql, &size);

	if (!f)
		return err_set(err, -ENOMEM, "no memory for the statement");
	if (relation == SCOPE_TALLY)
		fprintf(f, "WITH tally AS (SELECT * FROM totals(:since, :until, '%s') WHERE 1",
			scope->window_name);
	else
		fprintf(f, "WITH scope AS (SELECT * FROM connections WHERE %s", scope->window);
	for (int i = 0; i < scope->n_filters; i++)
		fprintf(f, " AND (%s)", scope->filters[i].filter->sql);
	fprintf(f, ")\n%s\nLIMIT :limit", select);
	if (fclose(f)) {
		free(sql);
		return err_set(err, -ENOMEM, "no memory for the statement");
	}
	*out = sql;
	return 0;
}

int scope_bind(const struct scope *scope, sqlite3_stmt *stmt, struct err *err)
{
	int ret = 0;

	for (int i = 0; i < scope->n_filters && !ret; i++)
		if (scope->filters[i].filter->type)
			ret = param_bind(stmt, scope->filters[i].filter->name,
					 &scope->filters[i].value, err);
	return ret;
}
