/* story_map.c - clients, programs and destinations, and what is between them. */
#include "story_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "human.h"
#include "text.h"

#define SIDE	  (MAP_MOST + 1) /* the others are the last */
#define NODES_MAX (3 * SIDE)
#define LINKS_MAX (2 * SIDE * SIDE)

/* A node's name twice, and four numbers. */
#define SAID_SIZE 900

struct texts {
	char said[SAID_SIZE], others[40];
	char *attributes;
	size_t size;
};

struct map {
	struct chart_map chart;
	struct chart_node nodes[NODES_MAX];
	struct chart_link links[LINKS_MAX];
	struct texts node_texts[NODES_MAX], link_texts[LINKS_MAX];
	int at[3][SIDE]; /* the node of a party, by rank and slot; -1: none */
};

static const enum party_kind kinds[3] = {PARTY_CLIENT, PARTY_PROGRAM, PARTY_DESTINATION};

static void say(char *out, size_t size, const char *name, const struct tie *tie)
{
	char n[HUMAN_SIZE], failed[HUMAN_SIZE], tx[HUMAN_SIZE], rx[HUMAN_SIZE];

	human_count(tie->connections, n, sizeof(n));
	human_count(tie->failed, failed, sizeof(failed));
	human_bytes(tie->tx_bytes, tx, sizeof(tx));
	human_bytes(tie->rx_bytes, rx, sizeof(rx));
	snprintf(out, size, "%s: %s connections, %s failed, %s sent, %s received", name, n, failed,
		 tx, rx);
}

static void add(struct tie *sum, const struct tie *tie)
{
	sum->connections += tie->connections;
	sum->failed += tie->failed;
	sum->tx_bytes += tie->tx_bytes;
	sum->rx_bytes += tie->rx_bytes;
	for (int i = 0; i < PARTY_WORDS; i++)
		sum->with[i] |= tie->with[i];
}

/* All of a party: what comes from the left of it, what goes to the right. */
static void sum_up(const struct parties *p, int rank, int slot, struct tie *in, struct tie *out)
{
	*in = *out = (struct tie){0};
	for (int other = 0; other < SIDE; other++) {
		if (rank == 0)
			add(out, &p->in[slot][other]);
		if (rank == 1) {
			add(in, &p->in[other][slot]);
			add(out, &p->out[slot][other]);
		}
		if (rank == 2)
			add(in, &p->out[other][slot]);
	}
}

/* Its key only if a click means something: the others are nobody. */
static int fill_attributes(const struct parties *p, int party, const uint64_t *with,
			   struct texts *texts)
{
	FILE *f = text_open(&texts->attributes, &texts->size);

	if (!f)
		return -ENOMEM;
	if (party >= 0) {
		fputs(" aria-pressed=\"false\" data-key=\"", f);
		story_put_key(f, p, party);
		putc('"', f);
	}
	story_put_with(f, p, with);
	return fclose(f) ? -ENOMEM : 0;
}

static int add_node(struct map *map, const struct parties *p, int rank, int slot)
{
	static const char *const others[3] = {"other clients", "other programs",
					      "other destinations"};
	const enum party_kind kind = kinds[rank];
	const int party = slot < parties_on_map(p, kind) ? p->first[kind] + slot : -1;
	const int i = map->chart.n_nodes;
	struct texts *texts = &map->node_texts[i];
	struct tie in, out, all;

	map->at[rank][slot] = -1;
	sum_up(p, rank, slot, &in, &out);
	if (in.connections + out.connections == 0)
		return 0;
	all = in;
	add(&all, &out);
	map->at[rank][slot] = map->chart.n_nodes++;
	map->chart.ranks[rank] = (const char *[]){"clients", "programs", "destinations"}[rank];
	map->nodes[i] = (struct chart_node){.name = party < 0 ? others[rank] : p->party[party].name,
					    .said = texts->said,
					    .rank = rank,
					    .in = in.connections,
					    .out = out.connections};
	say(texts->said, sizeof(texts->said), map->nodes[i].name, &all);
	if (fill_attributes(p, party, all.with, texts))
		return -ENOMEM;
	map->nodes[i].attributes = texts->attributes;
	map->nodes[i].is_button = party >= 0;
	return 0;
}

static int add_link(struct map *map, const struct parties *p, int rank, int from, int to)
{
	const struct tie *tie = rank == 0 ? &p->in[from][to] : &p->out[from][to];
	const int i = map->chart.n_links;
	struct chart_link *link = &map->links[i];
	struct texts *texts = &map->link_texts[i];
	char name[700];

	if (tie->connections == 0)
		return 0;
	map->chart.n_links++;
	*link = (struct chart_link){.from = map->at[rank][from],
				    .to = map->at[rank + 1][to],
				    .n = tie->connections,
				    .is_bad = tie->failed > tie->connections / 2,
				    .is_rest = from == MAP_MOST || to == MAP_MOST,
				    .said = texts->said};
	snprintf(name, sizeof(name), "%s \u2192 %s", map->nodes[link->from].name,
		 map->nodes[link->to].name);
	say(texts->said, sizeof(texts->said), name, tie);
	if (fill_attributes(p, -1, tie->with, texts))
		return -ENOMEM;
	link->attributes = texts->attributes;
	return 0;
}

static int fill(struct map *map, const struct parties *p)
{
	int ret = 0;

	for (int rank = 0; rank < 3; rank++)
		for (int slot = 0; slot < SIDE && !ret; slot++)
			ret = add_node(map, p, rank, slot);
	for (int rank = 0; rank < 2; rank++)
		for (int from = 0; from < SIDE; from++)
			for (int to = 0; to < SIDE && !ret; to++)
				ret = add_link(map, p, rank, from, to);
	map->chart.nodes = map->nodes;
	map->chart.links = map->links;
	return ret;
}

/* The numbers of the links, as there is no report that has the others. */
static void put_numbers(FILE *out, const struct map *map, const struct parties *p)
{
	fputs("<details><summary>Numbers</summary>\n<table class=\"ties\"><caption class=\"unseen\">"
	      "The numbers of this chart</caption>\n<thead><tr><th scope=\"col\">from</th>"
	      "<th scope=\"col\">to</th><th scope=\"col\">connections</th>"
	      "<th scope=\"col\">failed</th><th scope=\"col\">sent</th>"
	      "<th scope=\"col\">received</th></tr></thead>\n<tbody>\n",
	      out);
	for (int rank = 0; rank < 2; rank++)
		for (int from = 0; from < SIDE; from++)
			for (int to = 0; to < SIDE; to++) {
				const struct tie *tie =
					rank == 0 ? &p->in[from][to] : &p->out[from][to];

				if (tie->connections == 0)
					continue;
				fputs("<tr", out);
				story_put_with(out, p, tie->with);
				fputs("><td><bdi>", out);
				html_string(out, map->nodes[map->at[rank][from]].name);
				fputs("</bdi></td><td><bdi>", out);
				html_string(out, map->nodes[map->at[rank + 1][to]].name);
				fprintf(out,
					"</bdi></td><td>%lld</td><td>%lld</td><td>%lld</td>"
					"<td>%lld</td></tr>\n",
					(long long)tie->connections, (long long)tie->failed,
					(long long)tie->tx_bytes, (long long)tie->rx_bytes);
			}
	fputs("</tbody></table>\n</details>\n", out);
}

static void put(struct story_page *p, struct map *map)
{
	char summary[200];

	snprintf(summary, sizeof(summary),
		 "Who talks to whom: %d parties and %d links between them, as wide as they have "
		 "connections",
		 map->chart.n_nodes, map->chart.n_links);
	map->chart.summary = summary;
	story_figure(p, "map-chart", "Who talks to whom",
		     "as wide as there are connections; red: most of them failed; a click shows "
		     "what is of one");
	chart_map(p->out, &map->chart);
	put_numbers(p->out, map, &p->story->parties);
	fputs("</figure>\n", p->out);
}

void story_put_map(struct story_page *p)
{
	struct map *map = calloc(1, sizeof(*map));

	page_section(p->out, "map", "The map");
	if (map && !fill(map, &p->story->parties))
		put(p, map);
	else
		story_fail(p, err_set(p->err, -ENOMEM, "no memory for the map"));
	page_section_end(p->out);
	for (int i = 0; map && i < NODES_MAX; i++)
		free(map->node_texts[i].attributes);
	for (int i = 0; map && i < LINKS_MAX; i++)
		free(map->link_texts[i].attributes);
	free(map);
}
