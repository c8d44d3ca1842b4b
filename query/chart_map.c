#include "chart.h"

#include <math.h>

#include "html.h"

/* Nodes are narrow columns with their name beside them; between the ranks are the links. */
#define NODE_WIDTH 10
#define TOP	   28 /* there the ranks have their names */
#define GAP	   7
#define LEAST	   16  /* high, for the name */
#define MOST	   380 /* what all of a rank have together, besides, */
#define SHARE	   60  /* or so much for each of the longest rank, if that is less */
#define PLACES	   28

static int64_t size_of(const struct chart_node *node)
{
	return node->in > node->out ? node->in : node->out;
}

static double height_of_ranks(const struct chart_map *map)
{
	int n[3] = {0}, most = 0;

	for (int i = 0; i < map->n_nodes; i++)
		n[map->nodes[i].rank]++;
	for (int rank = 0; rank < 3; rank++)
		most = n[rank] > most ? n[rank] : most;
	return fmin(most * SHARE, MOST);
}

/* One beneath the other, those of a rank in their order; how far down. */
static double place_rank(struct chart_map *map, int rank, double height)
{
	double sum = 0, at = TOP;

	for (int i = 0; i < map->n_nodes; i++)
		if (map->nodes[i].rank == rank)
			sum += (double)size_of(&map->nodes[i]);
	for (int i = 0; i < map->n_nodes; i++) {
		struct chart_node *node = &map->nodes[i];

		if (node->rank != rank)
			continue;
		node->top = at;
		node->height = LEAST;
		if (sum > 0)
			node->height += (double)size_of(node) / sum * height;
		at += node->height + GAP;
	}
	return at;
}

/* Of the side of a node that has @all, what @n of it takes behind @before. */
static void place_end(const struct chart_node *node, double before, double n, double *top,
		      double *height)
{
	const double all = (double)size_of(node);
	const double scale = all > 0 ? node->height / all : 0;

	*top = node->top + fmin(before * scale, node->height);
	*height = fmin(n * scale, node->top + node->height - *top);
}

/* The ends of links lie beneath each other in the order of what is at their other end. */
static void place_links(struct chart_map *map)
{
	for (int i = 0; i < map->n_links; i++) {
		struct chart_link *link = &map->links[i];
		double from = 0, to = 0;

		for (int k = 0; k < map->n_links; k++) {
			const struct chart_link *other = &map->links[k];

			if (other->from == link->from &&
			    (other->to < link->to || (other->to == link->to && k < i)))
				from += (double)other->n;
			if (other->to == link->to &&
			    (other->from < link->from || (other->from == link->from && k < i)))
				to += (double)other->n;
		}
		place_end(&map->nodes[link->from], from, (double)link->n, &link->from_top,
			  &link->from_height);
		place_end(&map->nodes[link->to], to, (double)link->n, &link->to_top,
			  &link->to_height);
	}
}

void chart_map_layout(struct chart_map *map)
{
	const double height = height_of_ranks(map);

	map->height = TOP + LEAST;
	for (int rank = 0; rank < 3; rank++)
		map->height = fmax(map->height, place_rank(map, rank, height));
	place_links(map);
}

/* Where the ranks stand: with two of them, further apart than with three. */
static double rank_x(const struct chart_map *map, int rank)
{
	if (map->ranks[0] && map->ranks[1] && map->ranks[2])
		return (const double[]){230, 495, 760}[rank];
	return (const double[]){280, map->ranks[0] ? 710 : 280, 710}[rank];
}

static void put_link(FILE *out, const struct chart_map *map, const struct chart_link *link)
{
	const double x0 = rank_x(map, map->nodes[link->from].rank) + NODE_WIDTH;
	const double x1 = rank_x(map, map->nodes[link->to].rank);
	const double middle = (x0 + x1) / 2;
	const double h0 = fmax(link->from_height, 1), h1 = fmax(link->to_height, 1);

	fprintf(out,
		"<path class=\"link%s\" d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1fv%.1f"
		"C%.1f %.1f %.1f %.1f %.1f %.1fz\"%s><title>",
		link->is_bad	? " failing"
		: link->is_rest ? " rest"
				: "",
		x0, link->from_top, middle, link->from_top, middle, link->to_top, x1, link->to_top,
		h1, middle, link->to_top + h1, middle, link->from_top + h0, x0, link->from_top + h0,
		link->attributes);
	html_string(out, link->said);
	fputs("</title></path>\n", out);
}

/* The first rank has its names at the left, the last at the right; that between, within. */
static void put_node(FILE *out, const struct chart_map *map, const struct chart_node *node)
{
	const double x = rank_x(map, node->rank);
	const bool is_left = node->rank == 0 || (node->rank == 1 && !map->ranks[0]);

	fprintf(out, "<g class=\"node\"%s%s>", node->attributes,
		node->is_button ? " tabindex=\"0\" role=\"button\"" : "");
	fputs("<title>", out);
	html_string(out, node->said);
	fprintf(out,
		"</title><rect class=\"s%d\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>"
		"<text x=\"%.1f\" y=\"%.1f\"%s>",
		node->rank + 1, x, node->top, NODE_WIDTH, node->height,
		is_left ? x - 6 : x + NODE_WIDTH + 6, node->top + node->height / 2 + 4,
		is_left ? " text-anchor=\"end\"" : "");
	chart_put_text(out, node->name, PLACES);
	fputs("</text></g>\n", out);
}

void chart_map(FILE *out, struct chart_map *map)
{
	chart_map_layout(map);
	fprintf(out,
		"<div class=\"canvas\"><svg class=\"map\" viewBox=\"0 0 %d %.0f\" role=\"group\""
		" aria-label=\"",
		CHART_MAP_WIDTH, map->height);
	html_string(out, map->summary);
	fputs("\">\n", out);
	for (int rank = 0; rank < 3; rank++)
		if (map->ranks[rank])
			fprintf(out,
				"<text class=\"rank\" x=\"%.1f\" y=\"16\" text-anchor=\"middle\">%s</text>\n",
				rank_x(map, rank) + NODE_WIDTH / 2.0, map->ranks[rank]);
	for (int i = 0; i < map->n_links; i++)
		put_link(out, map, &map->links[i]);
	for (int i = 0; i < map->n_nodes; i++)
		put_node(out, map, &map->nodes[i]);
	fputs("</svg></div>\n", out);
}
