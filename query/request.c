#include "request.h"

#include <errno.h>
#include <string.h>

#include "db.h"
#include "suggest.h"
#include "timespec.h"

static const struct option_spec general_options[] = {
	{"db", "PATH", "the history (default $CONNMON_DB, else " DB_DEFAULT_PATH ")",
	 GROUP_GENERAL},
	{"format", "NAME", "table, markdown, csv, tsv, json or jsonl (default table)",
	 GROUP_GENERAL},
	{"utc", NULL, "show times in UTC, not in local time", GROUP_GENERAL},
	{"quiet", NULL, "no remarks on standard error", GROUP_GENERAL},
	{"strict", NULL, "exit with 3 when a report's window overlaps a gap", GROUP_GENERAL},
	{"timeout", "DURATION", "give up after this long; 0s: never (default 60s)", GROUP_GENERAL},
	{"help", NULL, "this; after a report: its help", GROUP_GENERAL},
	{"version", NULL, "the version", GROUP_GENERAL},
};

static void add_params(struct option_set *set, const struct report *report)
{
	for (int i = 0; i < report->n_params; i++) {
		const struct report_param *p = &report->params[i];

		options_add(set, (struct option_spec){.name = p->name,
						      .arg = p->type->arg,
						      .help = p->help,
						      .group = GROUP_PARAM});
	}
}

int request_init(struct request *q, const struct command *commands, struct err *err)
{
	q->commands = commands;
	for (size_t i = 0; i < sizeof(general_options) / sizeof(general_options[0]); i++)
		options_add(&q->set, general_options[i]);
	scope_add_options(&q->set, GROUP_WINDOW, GROUP_FILTER);
	for (const struct embed *f = query_reports; f->name; f++) {
		if (q->n_reports == REPORTS_MAX)
			return err_set(err, -E2BIG, "more than %d reports", REPORTS_MAX);
		if (report_parse(f, &q->reports[q->n_reports], err))
			return err->code;
		add_params(&q->set, &q->reports[q->n_reports++]);
	}
	return 0;
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
	if (q->command || q->report)
		return 0;
	return suggest_error(&s, err, "report", "connmon-query reports lists them");
}

static bool has_option(const struct request *q, const struct option_spec *spec)
{
	const struct report *r = q->report;

	if (!r)
		return spec->group == GROUP_GENERAL && strcmp(spec->name, "strict") != 0;
	if (spec->group == GROUP_FILTER || spec->group == GROUP_WINDOW)
		return r->filtered;
	if (spec->group == GROUP_PARAM)
		return report_find_param(r, spec->name);
	return true;
}

/* What has no say here is refused, not ignored. */
static int check_words(const struct request *q, struct err *err)
{
	const struct options *o = &q->options;
	const char *name = o->operands[0];

	for (int i = 0; i < o->n_given; i++)
		if (!has_option(q, o->given[i].spec))
			return err_set(err, -EINVAL, "%s has no option --%s", name,
				       o->given[i].spec->name);
	if (q->report && o->n_operands > (q->report->operand[0] ? 2 : 1))
		return err_set(err, -EINVAL,
			       "what is \"%s\"? %s takes options only, as in --comm NAME",
			       o->operands[o->n_operands - 1], name);
	if (q->command && o->n_operands != 1 + (q->command->arg[0] != '\0'))
		return err_set(err, -EINVAL, "write connmon-query %s%s%s", name,
			       q->command->arg[0] ? " " : "", q->command->arg);
	return 0;
}

static int read_general_options(struct request *q, struct err *err)
{
	const struct options *o = &q->options;
	const char *db = options_get(o, "db"), *format = options_get(o, "format");
	const char *timeout = options_get(o, "timeout");

	q->db_path = db ? db : db_default_path();
	q->utc = options_get(o, "utc");
	q->strict = options_get(o, "strict");
	q->quiet = options_get(o, "quiet");
	if (render_find(format ? format : "table", &q->renderer, err))
		return err->code;
	if (timespec_parse_duration(timeout ? timeout : "60s", &q->timeout_us, err))
		return err_wrap(err, "--timeout");
	return 0;
}

int request_read(struct request *q, int argc, char *const argv[], int64_t now_us, struct err *err)
{
	struct options *o = &q->options;
	const char *name;
	int ret = options_parse(argc, argv, &q->set, o, err);

	if (ret)
		return ret;
	name = o->operands[0]; /* NULL without one, as is the next */
	q->statement = o->operands[1];
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
	if (!ret && q->report && o->n_operands == 2)
		ret = options_give(o, &q->set, q->report->operand, o->operands[1], err);
	if (!ret)
		ret = read_general_options(q, err);
	if (!ret && q->report)
		ret = report_read_args(q->report, o, now_us, &q->args, err);
	if (!ret && q->report)
		ret = scope_parse(o, now_us, &q->scope, err);
	return ret;
}
