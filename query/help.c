#include "help.h"

#include <string.h>

/* Where the second column starts. */
#define NAME_WIDTH 24
#define WIDTH	   79

static const struct {
	enum option_group group;
	const char *title;
} groups[] = {
	{GROUP_PARAM, "How much"},
	{GROUP_SPAN, NULL}, /* with those before */
	{GROUP_ARRANGE, "In which form"},
	{GROUP_WINDOW, "Which moments"},
	{GROUP_FILTER, "Which connections (all that are given must hold)"},
	{GROUP_COMMAND, "Of this command"},
	{GROUP_GENERAL, "General"},
};

const struct help_theme help_themes[] = {
	{"overview", "What happened"},	{"parties", "Who with whom"},
	{"trouble", "What went wrong"}, {"patterns", "What looks odd"},
	{"rows", "Each connection"},	{NULL, "Others"},
};

void help_fold(FILE *out, const char *text, int column, int indent)
{
	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column > indent && column + 1 + len > WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			putc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", len, text);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	putc('\n', out);
}

static void entry(FILE *out, const char *name, const char *text)
{
	int used = fprintf(out, "  %-*s", NAME_WIDTH, name);

	if (strlen(name) >= NAME_WIDTH) {
		fprintf(out, "\n%*s", NAME_WIDTH + 2, "");
		used = NAME_WIDTH + 2;
	}
	help_fold(out, text, used, NAME_WIDTH + 2);
}

static void option_entry(FILE *out, const struct option_spec *spec, const char *dflt)
{
	char name[64], text[256], letter[] = "-x, ";

	letter[1] = spec->letter;
	snprintf(name, sizeof(name), "%s--%s%s%s", spec->letter ? letter : "", spec->name,
		 spec->arg ? " " : "", spec->arg ? spec->arg : "");
	snprintf(text, sizeof(text), "%s%s%s%s", spec->help, dflt ? " (default " : "",
		 dflt ? dflt : "", dflt ? ")" : "");
	entry(out, name, text);
}

/* The options of a group that @subject takes, under their title. */
static void group_entries(FILE *out, const struct option_set *set, const struct subject *subject,
			  enum option_group group, const char *title)
{
	for (int i = 0; i < set->n; i++) {
		const struct option_spec spec = subject_option(subject, &set->specs[i]);
		const struct report_param *p =
			subject->report ? report_find_param(subject->report, spec.name) : NULL;

		if (spec.group != group || !subject_takes(subject, &set->specs[i]))
			continue;
		if (title)
			fprintf(out, "\n%s\n", title);
		title = NULL;
		option_entry(out, &spec,
			     p && strcmp(p->dflt, "-") != 0		   ? p->dflt
			     : subject->report && !strcmp(spec.name, "by") ? subject->report->by
									   : NULL);
	}
}

static void options_help(FILE *out, const struct option_set *set, const struct subject *subject)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		group_entries(out, set, subject, groups[g].group, groups[g].title);
}

static void command_entry(FILE *out, const struct command *c)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", c->name, c->arg[0] ? " " : "", c->arg);
	entry(out, name, c->help);
}

/* That of those without one is the last. */
static const struct help_theme *theme_of(const struct report *report)
{
	const struct help_theme *t = help_themes;

	while (t->name && strcmp(t->name, report->theme) != 0)
		t++;
	return t;
}

static void theme_entry(FILE *out, const struct request *q, const struct help_theme *theme)
{
	char names[1024] = "";
	size_t len = 0;

	for (int i = 0; i < q->n_reports && len < sizeof(names); i++)
		if (theme_of(&q->reports[i]) == theme)
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
						len ? " " : "", q->reports[i].name);
	if (len)
		entry(out, theme->title, names);
}

static void general_help(FILE *out, const struct request *q)
{
	fputs("connmon-query - who on this node talked to whom\n"
	      "\n"
	      "  connmon-query summary --at 03:20 --around 10m\n"
	      "  connmon-query top-destinations --last 1h --by peer_addr/24,comm --sort tx_bytes\n"
	      "  connmon-query list --comm curl --failed --since yesterday --format csv\n"
	      "  connmon-query who 10.0.1.10:6443\n"
	      "  connmon-query sql 'SELECT * FROM connections ORDER BY id DESC LIMIT 5'\n"
	      "\nReports (REPORT --help tells the times, filters and options of each)\n",
	      out);
	for (size_t i = 0; i < sizeof(help_themes) / sizeof(help_themes[0]); i++)
		theme_entry(out, q, &help_themes[i]);
	fputs("\nCommands\n", out);
	for (const struct command *c = q->commands; c->name; c++)
		command_entry(out, c);
	group_entries(out, &q->set, &(struct subject){0}, GROUP_GENERAL, "General");
}

static void report_help(FILE *out, const struct option_set *set, const struct report *report,
			const struct command *command)
{
	fprintf(out, "connmon-query %s - %s\n\n", report->name, report->title);
	help_fold(out, report->help, 0, 0);
	fprintf(out, "\n  %s\n", report->example);
	options_help(out, set, &(struct subject){report, command});
	fputs("\nA TIME is 90s 15m 1h 7d 2w (that long ago), now, today, yesterday, boot,\n"
	      "10:30, 2026-01-31, '2026-01-31 10:30', 2026-01-31T10:30:00Z or @1769853600.\n",
	      out);
}

static void command_help(FILE *out, const struct option_set *set, const struct command *c)
{
	fprintf(out, "connmon-query %s%s%s - %s\n", c->name, c->arg[0] ? " " : "", c->arg, c->help);
	options_help(out, set, &(struct subject){.command = c});
}

void help_print(FILE *out, const struct request *q)
{
	if (q->report)
		report_help(out, &q->set, q->report, q->command);
	else if (q->command)
		command_help(out, &q->set, q->command);
	else
		general_help(out, q);
}
