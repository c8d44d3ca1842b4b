/* Lines for fish, 3.0 or newer. */
#include "completion.h"

static const char head[] =
	"# fish completion of connmon-query, made from its own tables: connmon-query completion fish\n"
	"\n"
	"# The report or command that is typed, or nothing.\n"
	"function __connmon_query_subject\n"
	"	set -l skip 0\n"
	"	for word in (commandline -opc)[2..-1]\n"
	"		if test $skip = 1\n"
	"			set skip 0\n"
	"			continue\n"
	"		end\n"
	"		switch $word\n"
	"			case ";

static const char after_valued[] = "\n"
				   "				set skip 1\n"
				   "			case ";

static const char after_subjects[] =
	"\n"
	"				echo $word\n"
	"				return\n"
	"		end\n"
	"	end\n"
	"	return 1\n"
	"end\n"
	"\n"
	"function __connmon_query_has # SUBJECT...: it is one of them\n"
	"	contains -- (__connmon_query_subject; or echo -) $argv\n"
	"end\n"
	"\n"
	"function __connmon_query_list # WORD...: each after what is typed, to its last comma\n"
	"	set -l typed (commandline -ct | string replace -r -- '^--[^=]*=' '' |\n"
	"		string replace -r -- '[^,]*$' '')\n"
	"	for word in $argv\n"
	"		echo -- $typed$word\n"
	"	end\n"
	"end\n"
	"\n"
	"complete -c connmon-query -f\n";

#define QUOTE "\\'"

static void write_quoted(FILE *out, const char *text)
{
	putc('\'', out);
	completion_quoted(out, text, "\\", QUOTE);
	putc('\'', out);
}

/* " -a '...'" or what stands for it. */
static void write_values(FILE *out, const struct request *q, const struct values *values)
{
	if (!values)
		return;
	switch (values->kind) {
	case VALUES_FILES:
		fputs(" -F", out);
		break;
	case VALUES_USERS:
		fputs(" -a '(__fish_complete_users)'", out);
		break;
	case VALUES_NAMES:
		fputs(" -a '(connmon-query completion names 2> /dev/null)'", out);
		break;
	case VALUES_WORDS:
	case VALUES_FORMATS:
	case VALUES_BY:
	case VALUES_SUBJECTS:
		fprintf(out, " -a '%s", values->is_list ? "(__connmon_query_list " : "");
		completion_values(out, q, values);
		fputs(values->is_list ? ")'" : "'", out);
		break;
	}
}

static void write_option(FILE *out, const struct request *q, const struct option_spec *spec)
{
	fputs("complete -c connmon-query -n '__connmon_query_has", out);
	for (int i = 0;; i++) {
		const struct subject s = completion_subject(q, i);
		const char *name = subject_name(&s);

		if (completion_offers(&s, spec))
			fprintf(out, " %s", name ? name : "-");
		if (!name)
			break;
	}
	fprintf(out, "' -l %s", spec->name);
	if (spec->letter)
		fprintf(out, " -s %c", spec->letter);
	if (spec->arg)
		fputs(spec->values && spec->values->kind == VALUES_FILES ? " -r" : " -x", out);
	if (spec->arg)
		write_values(out, q, spec->values);
	fputs(" -d ", out);
	write_quoted(out, spec->help);
	putc('\n', out);
}

static void write_subject(FILE *out, const struct request *q, const struct subject *s)
{
	const struct values *values;

	fprintf(out, "complete -c connmon-query -n '__connmon_query_has -' -a %s -d ",
		subject_name(s));
	write_quoted(out, s->report ? s->report->title : s->command->help);
	putc('\n', out);
	if (!completion_word(q, s, &values) || !values)
		return;
	fprintf(out, "complete -c connmon-query -n '__connmon_query_has %s'", subject_name(s));
	write_values(out, q, values);
	putc('\n', out);
}

void completion_fish(FILE *out, const struct request *q)
{
	fputs(head, out);
	completion_valued(out, q, " ");
	fputs(after_valued, out);
	completion_subjects(out, q, " ");
	fputs(after_subjects, out);
	for (int i = 0;; i++) {
		const struct subject s = completion_subject(q, i);

		if (!subject_name(&s))
			break;
		write_subject(out, q, &s);
	}
	for (int i = 0; i < q->set.n; i++)
		write_option(out, q, &q->set.specs[i]);
}
