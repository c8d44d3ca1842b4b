/* The header of a report. It is refused with a reason; or what it says ends where its room ends,
 * the SELECT lies behind it, and written anew it says the same. */
#include "embed.h"
#include "feed.h"
#include "must.h"
#include "report.h"

#define LINE_MAX_BYTES 480 /* what a header's line has room for, with its key */

#define must_end(field) must(memchr(field, '\0', sizeof(field)))

static void must_be_whole(const struct report *r, const char *text)
{
	static const char *const always[] = {"since", "until", "limit"};

	must_end(r->title);
	must_end(r->help);
	must_end(r->example);
	must_end(r->theme);
	must_end(r->only);
	must_end(r->operand);
	must_end(r->by);
	must_end(r->needs);
	must(r->title[0] && r->help[0] && r->example[0]);
	must(r->sql >= text && r->sql <= text + strlen(text));
	must(strncmp(r->sql, "--", 2) != 0);
	must(r->n_params >= 3 && r->n_params <= REPORT_MAX_PARAMS);
	for (int i = 0; i < 3; i++)
		must(report_find_param(r, always[i]));
	for (int i = 0; i < r->n_params; i++) {
		const struct report_param *p = &r->params[i];

		must_end(p->name);
		must_end(p->dflt);
		must_end(p->help);
		must(p->name[0] && p->dflt[0] && p->help[0]);
		must(p->type && param_type_find(p->type->name) == p->type);
		must(report_find_param(r, p->name) == p); /* there are no two of the name */
	}
}

static void write_line(FILE *f, const char *key, const char *text)
{
	if (text[0])
		fprintf(f, "-- %s: %s\n", key, text);
}

/* NULL when something is too long for a line. */
static char *write_again(const struct report *r)
{
	char *text = NULL;
	size_t size;
	FILE *f;

	if (strlen(r->help) > LINE_MAX_BYTES)
		return NULL;
	f = open_memstream(&text, &size);
	must(f);
	write_line(f, "title", r->title);
	write_line(f, "help", r->help);
	write_line(f, "example", r->example);
	write_line(f, "theme", r->theme);
	write_line(f, "only", r->only);
	write_line(f, "operand", r->operand);
	write_line(f, "by", r->by);
	write_line(f, "needs", r->needs);
	for (int i = 0; i < r->n_params; i++)
		fprintf(f, "-- param: %s %s %s %s\n", r->params[i].name, r->params[i].type->name,
			r->params[i].dflt, r->params[i].help);
	fputs(r->sql, f);
	fclose(f);
	return text;
}

static void must_be_same(const struct report *a, const struct report *b)
{
	must(!strcmp(a->title, b->title) && !strcmp(a->help, b->help));
	must(!strcmp(a->example, b->example) && !strcmp(a->theme, b->theme));
	must(!strcmp(a->only, b->only) && !strcmp(a->operand, b->operand));
	must(!strcmp(a->by, b->by) && !strcmp(a->needs, b->needs));
	must(!strcmp(a->sql, b->sql) && a->relation == b->relation && a->filtered == b->filtered);
	must(a->n_params == b->n_params);
	for (int i = 0; i < a->n_params; i++) {
		must(!strcmp(a->params[i].name, b->params[i].name));
		must(a->params[i].type == b->params[i].type);
		must(!strcmp(a->params[i].dflt, b->params[i].dflt));
		must(!strcmp(a->params[i].help, b->params[i].help));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = must_text(data, size), *again;
	const struct embed file = {.name = "fuzz", .text = text};
	struct report *r = malloc(sizeof(*r)), *same = malloc(sizeof(*same));
	struct err err = {0};

	must(r && same);
	if (report_parse(&file, r, &err)) {
		must(err.code < 0 && !strncmp(err.msg, "reports/fuzz.sql: ", 18));
	} else {
		must_be_whole(r, text);
		again = write_again(r);
		if (again) {
			must(report_parse(&(struct embed){"fuzz", again}, same, &err) == 0);
			must_be_same(r, same);
			free(again);
		}
	}
	free(same);
	free(r);
	free(text);
	return 0;
}
