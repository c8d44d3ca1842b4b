#include "subject.h"

#include <string.h>

#include "db.h"
#include "scope.h"
#include "span.h"
#include "terminal.h"

static const struct values files = {.kind = VALUES_FILES};
static const struct values columns = {.kind = VALUES_BY, .is_list = true};
static const struct values formats = {.kind = VALUES_FORMATS};
static const struct values colors = {.kind = VALUES_WORDS, .words = terminal_colors};

/* Those that an alias may have stand anywhere. A letter is the option's short form. */
static const struct option_spec general_options[] = {
	{"db", "PATH", "the history (default $CONNMON_DB, else " DB_DEFAULT_PATH ")", GROUP_GENERAL,
	 .needs = READS_HISTORY, .anywhere = true, .values = &files},
	{"fleet", "URL",
	 "the history of many nodes, in ClickHouse (default $CONNMON_FLEET, else --db)",
	 GROUP_GENERAL, .needs = READS_HISTORY, .anywhere = true},
	{"by", "COLUMN[,...]", "group by other columns, as in peer_addr/24,service_port,comm",
	 GROUP_ARRANGE, .needs = IS_REPORT | IS_GROUPED, .values = &columns},
	{"sort", "COLUMN[:asc]", "in the order of these columns; :asc or :desc, several by commas",
	 GROUP_ARRANGE, .needs = IS_REPORT},
	{"having", "CONDITION", "only some rows, as in 'failed > 10 and comm ~ c*'", GROUP_ARRANGE,
	 .needs = IS_REPORT},
	{"resolve", NULL, "beside each address the name by which it was asked for, as DNS said",
	 GROUP_ARRANGE, .needs = HAS_SPAN, .anywhere = true},
	{"format", "NAME",
	 "table, markdown, html, csv, tsv, json, jsonl; of a map also dot, mermaid", GROUP_GENERAL,
	 .needs = PRINTS_ROWS, .values = &formats},
	{"utc", NULL, "show times in UTC, not in local time", GROUP_GENERAL, .needs = READS_HISTORY,
	 .anywhere = true},
	{"exact", NULL, "numbers with all their digits, also in table and markdown", GROUP_GENERAL,
	 .needs = PRINTS_ROWS, .anywhere = true},
	{"color", "WHEN", "auto, always or never (default auto: on a terminal)", GROUP_GENERAL,
	 .needs = PRINTS_ROWS, .anywhere = true, .values = &colors},
	{"no-pager", NULL, "onto the terminal at once, not through $PAGER", GROUP_GENERAL,
	 .needs = PRINTS_ROWS, .anywhere = true},
	{"quiet", NULL, "no remarks on standard error", GROUP_GENERAL, .needs = HAS_SPAN,
	 .anywhere = true},
	{"strict", NULL, "exit with 3 when the window overlaps a gap", GROUP_GENERAL,
	 .needs = HAS_SPAN},
	{"timeout", "DURATION", "give up after this long; 0s: never (default 60s)", GROUP_GENERAL,
	 .needs = READS_HISTORY, .anywhere = true},
	{"no-graph", NULL, "without the bars of a table on a terminal, and of timeline",
	 GROUP_GENERAL, .needs = IS_REPORT, .anywhere = true},
	{"watch", "DURATION", "again every so often, as in 2s, with what has changed; q ends it",
	 GROUP_GENERAL, .needs = IS_REPORT},
	{"show-sql", NULL, "print its SQL, ready to paste, and ask nothing", GROUP_GENERAL,
	 .needs = IS_REPORT},
	{"explain", NULL, "print how SQLite would find it, and ask nothing", GROUP_GENERAL,
	 .needs = ASKS_SQL},
	{"opened", NULL, "connections that open, too, once they are open for --flush",
	 GROUP_COMMAND, .only = "follow"},
	{"file", "FILE", "the statement is in it; -: on standard input", GROUP_COMMAND,
	 .only = "sql", .letter = 'f', .values = &files},
	{"help", NULL, "this; after a report or a command: its help", GROUP_GENERAL, .letter = 'h'},
	{"version", NULL, "the version", .group = GROUP_GENERAL},
};

void subject_add_options(struct option_set *set)
{
	span_add_options(set, GROUP_SPAN, GROUP_WINDOW);
	scope_add_options(set, GROUP_WINDOW, GROUP_FILTER);
	for (size_t i = 0; i < sizeof(general_options) / sizeof(general_options[0]); i++)
		options_add(set, general_options[i]);
}

const char *subject_name(const struct subject *s)
{
	if (s->report)
		return s->report->name;
	return s->command ? s->command->name : NULL;
}

static unsigned traits(const struct subject *s)
{
	unsigned all = READS_HISTORY | PRINTS_ROWS | IS_REPORT | HAS_SPAN | ASKS_SQL;

	if (s->command)
		return s->command->traits;
	if (!s->report)
		return all;
	if (s->report->filtered)
		all |= READS_SCOPE;
	if (s->report->relation == SCOPE_TALLY)
		all |= READS_TALLY;
	if (s->report->by[0])
		all |= IS_GROUPED;
	return all;
}

bool subject_takes(const struct subject *s, const struct option_spec *spec)
{
	const char *name = subject_name(s);

	if (!strcmp(spec->name, "until") && s->command && !(s->command->traits & HAS_SPAN))
		return false; /* it has no end */
	if (spec->group == GROUP_PARAM)
		return s->report && report_find_param(s->report, spec->name);
	if (spec->group == GROUP_COMMAND && (!name || strcmp(name, spec->only) != 0))
		return false;
	if (spec->group == GROUP_WINDOW)
		return traits(s) & READS_SCOPE;
	if (!strcmp(spec->name, "node")) /* whatever is asked of a fleet */
		return traits(s) & IS_REPORT;
	if (spec->group == GROUP_FILTER)
		return traits(s) & (READS_SCOPE | FILTERS);
	return (spec->needs & ~traits(s)) == 0;
}

bool subject_bears(const struct subject *s, const struct option_spec *spec)
{
	return spec->anywhere || subject_takes(s, spec);
}

struct option_spec subject_option(const struct subject *s, const struct option_spec *spec)
{
	const struct report_param *p = s->report ? report_find_param(s->report, spec->name) : NULL;
	struct option_spec own = *spec;

	if (p) {
		own.arg = p->type->arg;
		own.help = p->help;
		own.values = p->type->values;
	}
	return own;
}
