/* A function for bash, 4 or newer; it needs nothing of the package bash-completion. */
#include "completion.h"

static const char head[] =
	"# bash completion of connmon-query, made from its own tables: connmon-query completion bash\n"
	"\n"
	"_connmon_query_words() # WORDS: those that go on with what is typed\n"
	"{\n"
	"	mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
	"}\n"
	"\n"
	"_connmon_query_list() # WORDS: likewise after the last comma\n"
	"{\n"
	"	local before=${cur%\"${cur##*,}\"}\n"
	"	mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$1\" -- \"${cur##*,}\")\n"
	"}\n"
	"\n"
	"_connmon_query_values() # OPTION: fails when it takes no value\n"
	"{\n"
	"	case $1 in\n";

static const char middle[] =
	"	*) return 1 ;;\n"
	"	esac\n"
	"}\n"
	"\n"
	"_connmon_query()\n"
	"{\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"	local subject='' options='' i\n"
	"	COMPREPLY=()\n"
	"\n"
	"	# --format=csv comes as three words.\n"
	"	if [[ $cur == = ]]; then\n"
	"		cur=\n"
	"	elif [[ $prev == = ]]; then\n"
	"		prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"	fi\n"
	"	if _connmon_query_values \"$prev\"; then\n"
	"		return\n"
	"	fi\n"
	"	for ((i = 1; i < COMP_CWORD; i++)); do\n"
	"		case ${COMP_WORDS[i]} in\n"
	"		";

static const char after_valued[] =
	")\n"
	"			[[ ${COMP_WORDS[i + 1]} != = ]] || ((i++))\n"
	"			((i++))\n"
	"			;;\n"
	"		";

static const char after_subjects[] = ")\n"
				     "			subject=${COMP_WORDS[i]}\n"
				     "			break\n"
				     "			;;\n"
				     "		esac\n"
				     "	done\n"
				     "	case $subject in\n";

static const char tail[] = "	esac\n"
			   "	if [[ $cur == -* ]]; then\n"
			   "		_connmon_query_words \"$options\"\n"
			   "	fi\n"
			   "}\n"
			   "\n"
			   "complete -F _connmon_query connmon-query\n";

/* The command that completes a value. */
static void write_values(FILE *out, const struct request *q, const struct values *values)
{
	if (!values) {
		putc(':', out);
		return;
	}
	switch (values->kind) {
	case VALUES_FILES:
		fputs("compopt -o filenames 2> /dev/null; "
		      "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")",
		      out);
		break;
	case VALUES_USERS:
		fputs("mapfile -t COMPREPLY < <(compgen -u -- \"$cur\")", out);
		break;
	case VALUES_NAMES:
		fputs("_connmon_query_words \"$(connmon-query completion names 2> /dev/null)\"",
		      out);
		break;
	case VALUES_WORDS:
	case VALUES_FORMATS:
	case VALUES_BY:
	case VALUES_SUBJECTS:
		fprintf(out, "_connmon_query_%s '", values->is_list ? "list" : "words");
		completion_values(out, q, values);
		putc('\'', out);
		break;
	}
}

static void write_subject(FILE *out, const struct request *q, const struct subject *s)
{
	const struct values *values;
	const char *name = subject_name(s), *before = "";

	fprintf(out, "	%s)\n		options='", name ? name : "''");
	for (int i = 0; i < q->set.n; i++) {
		if (!completion_offers(s, &q->set.specs[i]))
			continue;
		fprintf(out, "%s--%s", before, q->set.specs[i].name);
		before = " ";
	}
	fputs("'\n", out);
	if (!name) {
		fputs("		_connmon_query_words '", out);
		completion_subjects(out, q, " ");
		fputs("'\n", out);
	} else if (completion_word(q, s, &values) && values) {
		fputs("		", out);
		write_values(out, q, values);
		putc('\n', out);
	}
	fputs("		;;\n", out);
}

void completion_bash(FILE *out, const struct request *q)
{
	fputs(head, out);
	for (int i = 0; i < q->set.n; i++) {
		const struct option_spec *spec = &q->set.specs[i];

		if (!spec->arg)
			continue;
		fprintf(out, "	--%s", spec->name);
		if (spec->letter)
			fprintf(out, " | -%c", spec->letter);
		fputs(") ", out);
		write_values(out, q, spec->values);
		fputs(" ;;\n", out);
	}
	fputs(middle, out);
	completion_valued(out, q, " | ");
	fputs(after_valued, out);
	completion_subjects(out, q, " | ");
	fputs(after_subjects, out);
	for (int i = 0;; i++) {
		const struct subject s = completion_subject(q, i);

		write_subject(out, q, &s);
		if (!subject_name(&s))
			break;
	}
	fputs(tail, out);
}
