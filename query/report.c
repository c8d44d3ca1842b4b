#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "found.h"
#include "span.h"
#include "text.h"

/* The parameters that every report has, as header lines. */
static const char *const common_params[] = {
	"since time 1h from when on; the default counts back from --until",
	"until time now up to when",
	"limit limit 20 at most this many rows; 0: all",
};

const struct report_param *report_find_param(const struct report *report, const char *name)
{
	for (int i = 0; i < report->n_params; i++)
		if (!strcmp(report->params[i].name, name))
			return &report->params[i];
	return NULL;
}

/* @line: NAME TYPE DEFAULT HELP */
static int add_param(struct report *r, const char *line, struct err *err)
{
	struct report_param p = {0};
	const struct report_param *known;
	char type[16];
	int help_at = 0;

	if (sscanf(line, "%23[a-z0-9_-] %15s %31s %n", p.name, type, p.dflt, &help_at) != 3 ||
	    help_at == 0 || line[help_at] == '\0')
		return err_set(err, -EINVAL, "\"param: %s\" is not NAME TYPE DEFAULT HELP", line);
	p.type = param_type_find(type);
	if (!p.type)
		return err_set(err, -EINVAL, "param %s: there is no type \"%s\"", p.name, type);
	snprintf(p.help, sizeof(p.help), "%s", line + help_at);
	known = report_find_param(r, p.name);
	if (!known && r->n_params == REPORT_MAX_PARAMS)
		return err_set(err, -EINVAL, "more than %d params", REPORT_MAX_PARAMS);
	r->params[known ? known - r->params : r->n_params++] = p;
	return 0;
}

static int add_text(char *field, size_t size, const char *text, struct err *err)
{
	size_t used = strlen(field);

	if (snprintf(field + used, size - used, "%s%s", used ? " " : "", text) >=
	    (int)(size - used))
		return err_set(err, -EINVAL, "\"%s\" is too long", text);
	return 0;
}

static int parse_header(struct report *r, const char *line, struct err *err)
{
	char key[16];
	int at = 0;

	if (sscanf(line, "-- %15[a-z]: %n", key, &at) != 1 || at == 0)
		return err_set(err, -EINVAL, "\"%s\" is not \"-- KEY: TEXT\"", line);
	if (!strcmp(key, "title"))
		return add_text(r->title, sizeof(r->title), line + at, err);
	if (!strcmp(key, "help"))
		return add_text(r->help, sizeof(r->help), line + at, err);
	if (!strcmp(key, "example"))
		return add_text(r->example, sizeof(r->example), line + at, err);
	if (!strcmp(key, "theme"))
		return add_text(r->theme, sizeof(r->theme), line + at, err);
	if (!strcmp(key, "only"))
		return add_text(r->only, sizeof(r->only), line + at, err);
	if (!strcmp(key, "operand"))
		return add_text(r->operand, sizeof(r->operand), line + at, err);
	if (!strcmp(key, "by"))
		return add_text(r->by, sizeof(r->by), line + at, err);
	if (!strcmp(key, "needs"))
		return add_text(r->needs, sizeof(r->needs), line + at, err);
	if (!strcmp(key, "param"))
		return add_param(r, line + at, err);
	return err_set(err, -EINVAL, "unknown key \"%s\"", key);
}

static int parse(const struct embed *file, struct report *r, struct err *err)
{
	const char *p = file->text;
	int ret = 0;

	for (size_t i = 0; i < sizeof(common_params) / sizeof(common_params[0]) && !ret; i++)
		ret = add_param(r, common_params[i], err);
	while (!ret && !strncmp(p, "--", 2)) {
		size_t len = strcspn(p, "\n");
		char line[512];

		if (len >= sizeof(line))
			return err_set(err, -EINVAL, "a header line is too long");
		memcpy(line, p, len);
		line[len] = '\0';
		ret = parse_header(r, line, err);
		p += len + (p[len] == '\n');
	}
	if (ret)
		return ret;
	if (!r->title[0] || !r->help[0] || !r->example[0])
		return err_set(err, -EINVAL, "title, help or example is missing");
	r->name = file->name;
	r->sql = p;
	r->relation = (scope_has_word(p, "scope") ? SCOPE_ROWS : 0) |
		      (scope_has_word(p, "tally") ? SCOPE_TALLY : 0) |
		      (scope_has_word(p, "still_open") ? SCOPE_OPEN : 0) |
		      (scope_has_word(p, "durations") ? SCOPE_DURATIONS : 0);
	r->filtered = r->relation != SCOPE_NEITHER;
	return 0;
}

int report_parse(const struct embed *file, struct report *out, struct err *err)
{
	*out = (struct report){0};
	if (parse(file, out, err))
		return err_wrap(err, "reports/%s.sql", file->name);
	return 0;
}

static int read_arg(const struct report_param *p, const char *text, int64_t now_us,
		    int64_t reference_us, struct param_value *out, struct err *err)
{
	int ret;

	*out = (struct param_value){0};
	if (!text && !strcmp(p->dflt, "-")) {
		out->is_null = true;
		return 0;
	}
	ret = text ? p->type->parse(text, now_us, out, err)
		   : p->type->parse(p->dflt, reference_us, out, err);
	return ret ? err_wrap(err, "--%s", p->name) : 0;
}

void report_fill_args(const struct report *report, struct report_args *args)
{
	const struct report_param *every = report_find_param(report, "every");
	const struct report_param *from = report_find_param(report, "with-since");
	const struct report_param *to = report_find_param(report, "with-until");
	int64_t width_us = args->until_us - args->since_us, to_us = args->since_us;

	if (every && args->values[every - report->params].is_null)
		args->values[every - report->params] =
			(struct param_value){.number = timespec_interval(width_us)};
	if (to && args->values[to - report->params].is_null)
		args->values[to - report->params] = (struct param_value){.number = to_us};
	if (to)
		to_us = args->values[to - report->params].number;
	if (from && args->values[from - report->params].is_null)
		args->values[from - report->params] =
			(struct param_value){.number = to_us > width_us ? to_us - width_us : 0};
}

int report_read_args(const struct report *report, const struct options *given, int64_t now_us,
		     struct report_args *out, struct err *err)
{
	*out = (struct report_args){0};
	if (span_read(report, given, now_us, out, err))
		return err->code;
	for (int i = 0; i < report->n_params; i++) {
		const struct report_param *p = &report->params[i];
		const char *text = options_get(given, p->name);

		if (!strcmp(p->name, "since") || !strcmp(p->name, "until"))
			continue;
		/* What a limit cuts off, the next run would not show either. */
		if (!text && !strcmp(p->name, "limit") && options_get(given, "cursor-file"))
			text = "0";
		if (read_arg(p, text, now_us, out->until_us, &out->values[i], err))
			return err->code;
	}
	if (!options_get(given, "cursor-file") && !span_is_open(out))
		report_fill_args(report, out);
	return arrange_parse(given, report->by, now_us, &out->arrange, err);
}

/* Lines that begin with graph_mark are there on a terminal; those with bar_mark wherever nobody
 * said --no-graph; those with fleet_mark when a fleet is asked. Others are as they are, and so are
 * these without their mark. */
static const char graph_mark[] = "--graph:", bar_mark[] = "/*bar*/", fleet_mark[] = "--fleet:";

static void write_graphs(enum report_graph graph, bool fleet, const char *sql, FILE *f)
{
	for (const char *next; *sql; sql = next) {
		const char *text = sql;
		bool wanted = true;

		next = sql + strcspn(sql, "\n");
		next += *next == '\n';
		if (!strncmp(sql, graph_mark, strlen(graph_mark))) {
			wanted = graph == REPORT_GRAPH_ALL;
			text += strlen(graph_mark);
		} else if (!strncmp(sql, bar_mark, strlen(bar_mark))) {
			wanted = graph != REPORT_GRAPH_NONE;
			text += strlen(bar_mark);
		} else if (!strncmp(sql, fleet_mark, strlen(fleet_mark))) {
			wanted = fleet;
			text += strlen(fleet_mark);
		}
		if (wanted)
			fwrite(text, 1, (size_t)(next - text), f);
	}
}

/* The report's SELECT with its columns in place of {by}, and the graphs that are wanted. */
static int own_select(const struct report *report, enum report_graph graph, bool fleet,
		      const struct by *by, char **out, struct err *err)
{
	char *sql = NULL;
	size_t size;
	FILE *f;

	*out = NULL;
	f = text_open(&sql, &size);
	if (f)
		write_graphs(graph, fleet, report->sql, f);
	if (!f || fclose(f)) {
		free(sql);
		return err_set(err, -ENOMEM, "no memory for the statement");
	}
	f = text_open(out, &size);
	if (f)
		by_write(by, sql, f);
	free(sql);
	if (!f || fclose(f)) {
		free(*out);
		return err_set(err, -ENOMEM, "no memory for the statement");
	}
	return 0;
}

static int compile(const struct report *report, const struct scope *scope, const char *select,
		   sqlite3 *db, sqlite3_stmt **out, struct err *err)
{
	char *sql;
	int ret = scope_sql(scope, report->relation, select, &sql, err);

	if (ret)
		return ret;
	ret = db_prepare(db, sql, out, err);
	free(sql);
	return ret;
}

/* Compiles *@stmt anew, for the text has changed. */
static int recompile(const struct report *report, const struct scope *scope, const char *select,
		     sqlite3 *db, sqlite3_stmt **stmt, struct err *err)
{
	sqlite3_finalize(*stmt);
	*stmt = NULL;
	return compile(report, scope, select, db, stmt, err);
}

/* As it is; and then, when it is to be arranged, with what the columns are known to be. */
static int compile_arranged(const struct report *report, enum report_graph graph,
			    struct arrange *arrange, const struct scope *scope, sqlite3 *db,
			    sqlite3_stmt **out, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	char *select;
	int ret = own_select(report, graph, scope->is_fleet, &arrange->by, &select, err);

	if (ret)
		return ret;
	ret = compile(report, scope, select, db, &stmt, err);
	if (!ret && arrange_is_needed(arrange)) {
		ret = arrange_select(arrange, stmt, &select, err);
		if (ret == -EINVAL)
			ret = err->code = REPORT_USAGE;
		if (!ret)
			ret = recompile(report, scope, select, db, &stmt, err);
	}
	if (!ret && resolve_is_needed(&arrange->resolve, stmt)) {
		ret = arrange_names(arrange, stmt, &select, err);
		if (!ret)
			ret = recompile(report, scope, select, db, &stmt, err);
	}
	free(select);
	if (ret)
		return ret;
	*out = stmt;
	stmt = NULL;
	return 0;
}

static int bind_first(const struct report *report, const struct report_args *args,
		      sqlite3_stmt *stmt, struct err *err)
{
	const struct param_value all = {.number = -1};
	const struct report_param *limit = report_find_param(report, "limit");

	return param_bind(stmt, "first",
			  arrange_is_needed(&args->arrange) ? &all
							    : &args->values[limit - report->params],
			  err);
}

static int find_peer(const struct scope *scope, const struct report_args *args, sqlite3 *db,
		     struct err *err)
{
	int ret = peer_name_find(db, &scope->peer_name, args->until_us, err);

	if (ret == -ENOENT && scope->may_be_unknown) {
		*err = (struct err){0};
		return 0;
	}
	if (ret == -ENOENT)
		err_wrap(err, "--peer");
	return ret == -ENOENT ? err->code = REPORT_USAGE : ret;
}

int report_prepare(const struct report *report, const struct report_args *args,
		   const struct scope *scope, sqlite3 *db, sqlite3_stmt **out, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	struct arrange arrange = args->arrange;
	struct scope narrowed = *scope;
	int ret = report->only[0] ? scope_add_flag(&narrowed, report->only, err) : 0;

	narrowed.by = arrange.by;
	narrowed.has_every = report_find_param(report, "every");
	narrowed.has_earlier = report_find_param(report, "with-since");
	narrowed.has_with_until = report_find_param(report, "with-until");
	if (!ret && narrowed.peer.kind == PEER_NAMED)
		ret = find_peer(&narrowed, args, db, err);
	if (!ret && !narrowed.is_fleet && (report->relation & SCOPE_ROWS) &&
	    narrowed.totals != SCOPE_NO_TOTALS)
		ret = found_register(db, &narrowed, args->since_us, args->until_us, err);
	if (!ret)
		ret = compile_arranged(report, args->graph, &arrange, &narrowed, db, &stmt, err);
	if (!ret)
		ret = scope_bind(&narrowed, stmt, err);
	if (!ret)
		ret = having_bind(&arrange.having, stmt, err);
	for (int i = 0; i < report->n_params && !ret; i++)
		ret = param_bind(stmt, report->params[i].name, &args->values[i], err);
	if (!ret)
		ret = bind_first(report, args, stmt, err);
	if (ret == REPORT_USAGE)
		return ret;
	if (ret)
		return err_wrap(err, "report %s", report->name);
	*out = stmt;
	stmt = NULL;
	return 0;
}
