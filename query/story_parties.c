/* story_parties.c - who has most, and who talks to whom. */
#include "story_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "human.h"
#include "text.h"

#define ATTRIBUTES_SIZE 1600 /* with all parties in it */
#define SAID_SIZE	900

static const char letters[PARTY_KINDS + 1] = "pcds";

void story_put_key(FILE *out, const struct parties *p, int i)
{
	const enum party_kind kind = p->party[i].kind;

	fprintf(out, "%c%d", letters[kind], i - p->first[kind]);
}

void story_put_with(FILE *out, const struct parties *p, const uint64_t *with)
{
	const char *before = "";

	fputs(" data-with=\"", out);
	for (int i = 0; i < p->first[PARTY_KINDS]; i++) {
		if (!(with[i / 64] >> i % 64 & 1))
			continue;
		fputs(before, out);
		story_put_key(out, p, i);
		before = " ";
	}
	putc('"', out);
}

/* What story.js knows a party by; texts as the cells of tables have them. */
static void put_party(FILE *out, const struct parties *p, int i)
{
	const struct party *party = &p->party[i];

	fputs(" data-key=\"", out);
	story_put_key(out, p, i);
	fputs("\" aria-pressed=\"false\"", out);
	if (party->text) {
		fputs(" data-text=\"", out);
		html_string(out, party->text);
		putc('"', out);
	}
	if (party->more) {
		fputs(" data-more=\"", out);
		html_string(out, party->more);
		putc('"', out);
	}
	if (party->kind == PARTY_DESTINATION)
		fprintf(out, " data-port=\"%lld\"", (long long)party->port);
	story_put_with(out, p, party->with);
}

/* "curl: 1,234 connections, 12 failed" */
static void say(char *out, size_t size, const char *name, int64_t connections, int64_t failed)
{
	char n[HUMAN_SIZE], bad[HUMAN_SIZE];

	human_count(connections, n, sizeof(n));
	human_count(failed, bad, sizeof(bad));
	snprintf(out, size, "%s: %s connections, %s failed", name, n, bad);
}

/* ---- bars ---- */

struct texts {
	char said[SAID_SIZE];
	char *attributes;
	size_t size;
};

static int fill_bar(const struct parties *p, int i, struct texts *texts, struct chart_bar *bar)
{
	FILE *f = text_open(&texts->attributes, &texts->size);

	if (!f)
		return -ENOMEM;
	put_party(f, p, i);
	if (fclose(f))
		return -ENOMEM;
	say(texts->said, sizeof(texts->said), p->party[i].name, p->party[i].connections,
	    p->party[i].failed);
	*bar = (struct chart_bar){.name = p->party[i].name,
				  .said = texts->said,
				  .attributes = texts->attributes,
				  .value = p->party[i].connections,
				  .bad = p->party[i].failed};
	return 0;
}

static void put_bars(struct story_page *p, enum party_kind kind, const char *title,
		     const char *series)
{
	const struct parties *parties = &p->story->parties;
	const int n = parties_count(parties, kind);
	struct chart_bar bars[PARTIES_MOST];
	struct texts *texts = calloc(PARTIES_MOST, sizeof(*texts));
	int ret = texts ? 0 : -ENOMEM;
	char summary[500];

	for (int i = 0; i < n && !ret; i++)
		ret = fill_bar(parties, parties->first[kind] + i, &texts[i], &bars[i]);
	if (ret) {
		story_fail(p, err_set(p->err, ret, "no memory for the bars"));
	} else {
		snprintf(summary, sizeof(summary), "%s, %d bars, the greatest: %.300s", title, n,
			 n ? texts[0].said : "none");
		chart_bars(p->out, &(struct chart_bars){.summary = summary,
							.kind = series,
							.unit = RENDER_COUNT,
							.bars = bars,
							.n = n});
	}
	for (int i = 0; i < n && texts; i++)
		free(texts[i].attributes);
	free(texts);
}

void story_put_parties(struct story_page *p)
{
	static const struct {
		enum party_kind kind;
		enum story_part part;
		const char *id, *title, *series, *nothing;
	} charts[] = {
		{PARTY_PROGRAM, STORY_PROGRAMS, "programs", "Programs", "s2",
		 "No program is known."},
		{PARTY_DESTINATION, STORY_DESTINATIONS, "destinations", "Destinations", "s1",
		 "This node called nobody."},
		{PARTY_CONTAINER, STORY_CONTAINERS, "containers", "Containers", "s4",
		 "No container is known."},
		{PARTY_CLIENT, STORY_CLIENTS, "clients", "Clients", "s3",
		 "Nobody called this node."},
	};

	page_section(p->out, "parties", "Who had most");
	fputs("<div class=\"charts\">\n", p->out);
	for (size_t i = 0; i < sizeof(charts) / sizeof(charts[0]); i++) {
		story_figure(p, charts[i].id, charts[i].title, "connections; red: failed");
		if (!story_nothing(p, parties_count(&p->story->parties, charts[i].kind) == 0,
				   charts[i].nothing))
			put_bars(p, charts[i].kind, charts[i].title, charts[i].series);
		story_figure_end(p, charts[i].part);
	}
	fputs("</div>\n", p->out);
	page_section_end(p->out);
}
