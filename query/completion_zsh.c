/* A function for zsh's completion system; the file is to be called _connmon-query. */
#include "completion.h"

static const char head[] = "#compdef connmon-query\n"
			   "# Made from the program's own tables: connmon-query completion zsh\n"
			   "\n"
			   "_connmon_query_subjects() {\n"
			   "	local -a reports=(\n";

static const char between[] = "	)\n"
			      "	local -a commands=(\n";

static const char middle[] = "	)\n"
			     "	_describe -t reports report reports\n"
			     "	_describe -t commands command commands\n"
			     "}\n"
			     "\n"
			     "_connmon_query_names() {\n"
			     "	compadd -- ${(f)\"$(connmon-query completion names 2> "
			     "/dev/null)\"}\n"
			     "}\n"
			     "\n"
			     "_connmon_query() {\n"
			     "	local subject\n"
			     "	local -a specs\n"
			     "	integer i\n"
			     "	for ((i = 2; i < CURRENT; i++)); do\n"
			     "		case $words[i] in\n"
			     "		(";

static const char after_valued[] = ") ((i++)) ;;\n"
				   "		(";

static const char after_subjects[] = ") subject=$words[i]; break ;;\n"
				     "		esac\n"
				     "	done\n"
				     "	case $subject in\n";

static const char tail[] =
	"	esac\n"
	"	_arguments $specs '1:report or command:_connmon_query_subjects'\n"
	"}\n"
	"\n"
	"_connmon_query \"$@\"\n";

#define QUOTE "'\\''"

static void write_titles(FILE *out, const struct request *q, bool of_commands)
{
	for (int i = 0;; i++) {
		const struct subject s = completion_subject(q, i);

		if (!subject_name(&s))
			return;
		if (of_commands != (s.command != NULL))
			continue;
		fprintf(out, "		'%s:", subject_name(&s));
		completion_quoted(out, s.report ? s.report->title : s.command->help, "\\", QUOTE);
		fputs("'\n", out);
	}
}

/* ":WHAT:ACTION" of a value. */
static void write_values(FILE *out, const struct request *q, const char *what,
			 const struct values *values)
{
	putc(':', out);
	completion_quoted(out, what, "\\:", QUOTE);
	putc(':', out);
	if (!values)
		return;
	switch (values->kind) {
	case VALUES_FILES:
		fputs("_files", out);
		break;
	case VALUES_USERS:
		fputs("_users", out);
		break;
	case VALUES_NAMES:
		fputs("_connmon_query_names", out);
		break;
	case VALUES_SUBJECTS:
		fputs("_connmon_query_subjects", out);
		break;
	case VALUES_WORDS:
	case VALUES_FORMATS:
	case VALUES_BY:
		fputs(values->is_list ? "_values -s , word " : "(", out);
		completion_values(out, q, values);
		fputs(values->is_list ? "" : ")", out);
		break;
	}
}

static void write_option(FILE *out, const struct request *q, const struct option_spec *spec,
			 const char *dashes, const char *name)
{
	fprintf(out, "		'%s%s%s[", dashes, name, !spec->arg ? "" : dashes[1] ? "=" : "+");
	completion_quoted(out, spec->help, "\\[]:", QUOTE);
	putc(']', out);
	if (spec->arg)
		write_values(out, q, spec->arg, spec->values);
	fputs("'\n", out);
}

static void write_subject(FILE *out, const struct request *q, const struct subject *s)
{
	const char *name = subject_name(s), *word;
	const struct values *values;

	fprintf(out, "	(%s) specs=(\n", name ? name : "''");
	for (int i = 0; i < q->set.n; i++) {
		const struct option_spec spec = subject_option(s, &q->set.specs[i]);

		if (!completion_offers(s, &q->set.specs[i]))
			continue;
		write_option(out, q, &spec, "--", spec.name);
		if (spec.letter)
			write_option(out, q, &spec, "-", (char[]){spec.letter, '\0'});
	}
	word = completion_word(q, s, &values);
	if (word) {
		fputs("		'2", out);
		write_values(out, q, word, values);
		fputs("'\n", out);
	}
	fputs("	) ;;\n", out);
}

void completion_zsh(FILE *out, const struct request *q)
{
	fputs(head, out);
	write_titles(out, q, false);
	fputs(between, out);
	write_titles(out, q, true);
	fputs(middle, out);
	completion_valued(out, q, "|");
	fputs(after_valued, out);
	completion_subjects(out, q, "|");
	fputs(after_subjects, out);
	for (int i = 0;; i++) {
		const struct subject s = completion_subject(q, i);

		write_subject(out, q, &s);
		if (!subject_name(&s))
			break;
	}
	fputs(tail, out);
}
