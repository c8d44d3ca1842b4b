#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "fleet.h"
#include "story.h"
#include "live.h"
#include "subject.h"
#include "suggest.h"
#include "timespec.h"

extern const struct embed query_follow[]; /* generated */

static void add_params(struct option_set *set, const struct report *report)
{
	for (int i = 0; i < report->n_params; i++) {
		const struct report_param *p = &report->params[i];

		options_add(set, (struct option_spec){.name = p->name,
						      .arg = p->type->arg,
						      .help = p->help,
						      .group = GROUP_PARAM,
						      .values = p->type->values});
	}
}

int request_init(struct request *q, const struct command *commands, struct err *err)
{
	q->commands = commands;
	for (const struct embed *f = query_reports; f->name; f++) {
		if (q->n_reports == REPORTS_MAX)
			return err_set(err, -E2BIG, "more than %d reports", REPORTS_MAX);
		if (report_parse(f, &q->reports[q->n_reports], err))
			return err->code;
		add_params(&q->set, &q->reports[q->n_reports++]);
	}
	for (const struct embed *f = query_story; f->name; f++)
		if (!strcmp(f->name, "story") && report_parse(f, &q->story, err))
			return err->code;
	add_params(&q->set, &q->story);
	subject_add_options(&q->set);
	return report_parse(&query_follow[0], &q->follow, err) ||
			       report_parse(&query_follow[1], &q->opened, err)
		       ? err->code
		       : 0;
}

const struct report *request_asked(const struct request *q, const struct command *command)
{
	if (!command->asks)
		return NULL;
	return strcmp(command->asks, q->follow.name) ? &q->story : &q->follow;
}

/* Finds the command or report called @name. */
static int find_subject(struct request *q, const char *name, struct err *err)
{
	struct suggestion s = {.word = name};

	for (const struct command *c = q->commands; c->name; c++) {
		suggest_try(&s, c->name);
		if (!strcmp(c->name, name))
			q->command = c;
	}
	for (int i = 0; i < q->n_reports; i++) {
		suggest_try(&s, q->reports[i].name);
		if (!strcmp(q->reports[i].name, name))
			q->report = &q->reports[i];
	}
	if (q->command)
		q->report = request_asked(q, q->command);
	if (q->command || q->report)
		return 0;
	return suggest_error(&s, err, "report", "connmon-query reports lists them");
}

static struct subject subject_of(const struct request *q)
{
	return (struct subject){q->report, q->command};
}

/* The nearest of the options that are of use here, or where they are listed. */
static int unknown_option(const struct request *q, struct err *err)
{
	const struct subject subject = subject_of(q);
	const char *word = q->options.unknown, *name = subject_name(&subject);
	char bare[64];
	struct suggestion s = {.word = bare};

	if (!name || word[1] != '-')
		return err->code;
	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (int i = 0; i < q->set.n; i++)
		if (subject_takes(&subject, &q->set.specs[i]))
			suggest_try(&s, q->set.specs[i].name);
	if (s.best)
		return err_set(err, -EINVAL, "unknown option --%s; did you mean --%s?", bare,
			       s.best);
	return err_set(err, -EINVAL, "unknown option --%s; connmon-query %s --help lists them",
		       bare, name);
}

static int check_options(const struct request *q, struct err *err)
{
	const struct subject subject = subject_of(q);
	const char *name = subject_name(&subject);

	for (int i = 0; i < q->options.n_given; i++) {
		const struct option_spec *spec = q->options.given[i].spec;

		if (!subject_bears(&subject, spec))
			return err_set(err, -EINVAL,
				       "%s has no option --%s; connmon-query %s --help lists them",
				       name, spec->name, name);
	}
	return 0;
}

/* A command's word: none, one, or as one likes. */
static bool fits(const struct command *c, int n_words)
{
	if (c->arg[0] == '\0')
		return n_words == 0;
	return n_words == 1 || (n_words == 0 && c->arg[0] == '[');
}

/* What has no say here is refused, not ignored. */
static int check_words(const struct request *q, struct err *err)
{
	const struct options *o = &q->options;
	const char *name = o->operands[0];

	if (check_options(q, err))
		return err->code;
	if (q->report && o->n_operands > (q->report->operand[0] ? 2 : 1))
		return err_set(err, -EINVAL,
			       "what is \"%s\"? %s takes options only, as in --comm NAME",
			       o->operands[o->n_operands - 1], name);
	if (q->command && !fits(q->command, o->n_operands - 1))
		return err_set(err, -EINVAL, "write connmon-query %s%s%s", name,
			       q->command->arg[0] ? " " : "", q->command->arg);
	return q->command && q->command->check ? q->command->check(q, err) : 0;
}

static int read_operand(struct request *q, struct err *err)
{
	struct options *o = &q->options;
	const struct report *r = q->report;
	int ret = 0;

	if (o->n_operands < 2) {
		if (r->needs[0] && !options_get(o, r->operand) && !options_get(o, "peer") &&
		    !options_get(o, "port"))
			return err_set(err, -EINVAL, "write connmon-query %s %s", r->name,
				       r->needs);
		return 0;
	}
	if (strcmp(r->operand, "endpoint") != 0)
		return options_give(o, &q->set, r->operand, o->operands[1], err);
	ret = endpoint_parse(o->operands[1], &q->endpoint, err);
	if (!ret && q->endpoint.addr[0])
		ret = options_give(o, &q->set, "peer", q->endpoint.addr, err);
	if (!ret && q->endpoint.port[0])
		ret = options_give(o, &q->set, "port", q->endpoint.port, err);
	return ret;
}

static int read_watch(struct request *q, struct err *err)
{
	const char *watch = options_get(&q->options, "watch");

	if (!watch)
		return 0;
	if (timespec_parse_duration(watch, &q->watch_us, err))
		return err_wrap(err, "--watch");
	if (q->watch_us < US_PER_S || q->watch_us > 3600 * US_PER_S)
		return err_set(err, -ERANGE, "--watch: \"%s\" is not from 1s to 1h", watch);
	return 0;
}

static int read_general_options(struct request *q, struct err *err)
{
	const struct options *o = &q->options;
	const char *db = options_get(o, "db"), *format = options_get(o, "format");
	const char *timeout = options_get(o, "timeout"), *color = options_get(o, "color");

	q->db_path = db ? db : db_default_path();
	if (db && options_get(o, "fleet"))
		return err_set(err, -EINVAL, "--db and --fleet exclude each other");
	q->fleet_url = options_get(o, "fleet");
	if (!q->fleet_url && !db)
		q->fleet_url = fleet_default_url();
	q->utc = options_get(o, "utc");
	q->strict = options_get(o, "strict");
	q->quiet = options_get(o, "quiet");
	q->exact = options_get(o, "exact");
	q->graph = options_get(o, "no-graph") ? REPORT_GRAPH_NONE : REPORT_GRAPH_SOME;
	q->no_pager = options_get(o, "no-pager");
	if (color && terminal_parse_color(color, &q->color, err))
		return err->code;
	if (render_find(format ? format : "table", &q->renderer, err))
		return err->code;
	if (q->graph != REPORT_GRAPH_NONE && q->renderer->write == render_table &&
	    isatty(STDOUT_FILENO))
		q->graph = REPORT_GRAPH_ALL;
	if (timespec_parse_duration(timeout ? timeout : "60s", &q->timeout_us, err))
		return err_wrap(err, "--timeout");
	return read_watch(q, err);
}

int request_read_times(struct request *q, int64_t now_us, struct err *err)
{
	int ret = report_read_args(q->report, &q->options, now_us, &q->args, err);

	q->now_us = now_us;
	q->args.graph = q->graph;
	if (!ret)
		ret = scope_parse(&q->options, now_us, &q->scope, err);
	q->scope.is_fleet = q->fleet_url;
	return ret;
}

int request_read(struct request *q, int argc, char *const argv[], int64_t now_us, struct err *err)
{
	struct options *o = &q->options;
	const char *name;
	struct err other = {0};
	int ret = options_parse(argc, argv, &q->set, o, err);

	q->argc = argc;
	q->argv = argv;
	name = o->operands[0]; /* NULL without one, as is the next */
	if (ret)
		return o->unknown && name && !find_subject(q, name, &other) ? unknown_option(q, err)
									    : ret;
	q->statement = o->operands[1];
	q->now_us = now_us;
	q->version = options_get(o, "version");
	q->help = options_get(o, "help");
	if (name && !strcmp(name, "help")) { /* "help X" is "X --help" */
		q->help = true;
		name = o->operands[1];
	}
	if (name && find_subject(q, name, err))
		return err->code;
	if (q->help || q->version)
		return 0;
	if (!name)
		return err_set(err, -EINVAL,
			       "what do you want to know? connmon-query reports lists what there "
			       "is, --help tells more");
	ret = check_words(q, err);
	if (!ret && q->report)
		ret = read_operand(q, err);
	if (!ret)
		ret = read_general_options(q, err);
	if (!ret && q->report)
		ret = request_read_times(q, now_us, err);
	if (!ret)
		ret = fleet_check(q, err);
	if (!ret && q->watch_us)
		ret = live_check(q, err);
	if (!ret && q->report && options_get(o, "cursor-file"))
		ret = cursor_load(options_get(o, "cursor-file"), q->report->name, &q->cursor, err);
	return ret;
}

enum timespec_style request_style(const struct request *q)
{
	if (!q->renderer->for_people)
		return TIMESPEC_RFC3339;
	return timespec_for_people(q->utc);
}
