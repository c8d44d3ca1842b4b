#include "completion.h"

#include <string.h>

#include "by.h"
#include "render.h"

struct subject completion_subject(const struct request *q, int i)
{
	if (i < q->n_reports)
		return (struct subject){.report = &q->reports[i]};
	if (!q->commands[i - q->n_reports].name)
		return (struct subject){0};
	return (struct subject){.command = &q->commands[i - q->n_reports],
				.report = request_asked(q, &q->commands[i - q->n_reports])};
}

bool completion_offers(const struct subject *s, const struct option_spec *spec)
{
	if (!subject_name(s))
		return spec->group != GROUP_COMMAND;
	return subject_takes(s, spec);
}

static const struct option_spec *find(const struct request *q, const char *name)
{
	for (int i = 0; i < q->set.n; i++)
		if (!strcmp(q->set.specs[i].name, name))
			return &q->set.specs[i];
	return NULL;
}

const char *completion_word(const struct request *q, const struct subject *s,
			    const struct values **values)
{
	const struct option_spec *spec;

	*values = NULL;
	if (s->command) {
		*values = s->command->values;
		return s->command->arg[0] ? s->command->arg : NULL;
	}
	spec = s->report && s->report->operand[0] ? find(q, s->report->operand) : NULL;
	if (!spec)
		return NULL;
	*values = spec->values;
	return spec->arg;
}

void completion_subjects(FILE *out, const struct request *q, const char *between)
{
	for (int i = 0;; i++) {
		const struct subject s = completion_subject(q, i);

		if (!subject_name(&s))
			return;
		fprintf(out, "%s%s", i ? between : "", subject_name(&s));
	}
}

void completion_valued(FILE *out, const struct request *q, const char *between)
{
	const char *before = "";

	for (int i = 0; i < q->set.n; i++) {
		const struct option_spec *spec = &q->set.specs[i];

		if (!spec->arg)
			continue;
		fprintf(out, "%s--%s", before, spec->name);
		before = between;
		if (spec->letter)
			fprintf(out, "%s-%c", between, spec->letter);
	}
}

void completion_values(FILE *out, const struct request *q, const struct values *values)
{
	const char *before = "";

	if (values->kind == VALUES_SUBJECTS)
		completion_subjects(out, q, " ");
	if (values->kind == VALUES_FORMATS)
		for (const struct renderer *r = renderers; r->name; r++, before = " ")
			fprintf(out, "%s%s", before, r->name);
	if (values->kind == VALUES_BY)
		for (int i = 0; by_word(i); i++, before = " ")
			fprintf(out, "%s%s", before, by_word(i));
	if (values->kind == VALUES_WORDS)
		for (int i = 0; values->words[i]; i++, before = " ")
			fprintf(out, "%s%s", before, values->words[i]);
}

void completion_quoted(FILE *out, const char *text, const char *special, const char *quote)
{
	for (; *text; text++) {
		if (*text == '\'') {
			fputs(quote, out);
			continue;
		}
		if (strchr(special, *text))
			putc('\\', out);
		putc(*text, out);
	}
}
