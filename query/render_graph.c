/* render_graph.c - rows with the columns source, target and label as a graph: each is an arrow
 * from source to target. For Graphviz (dot) and for what renders Mermaid, as GitHub does. */
#include "render.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum part { SOURCE, TARGET, LABEL, N_PARTS };

static const char *const part_names[] = {"source", "target", "label"};

static int find_columns(const struct render *r, int columns[N_PARTS], struct err *err)
{
	for (int part = 0; part < N_PARTS; part++) {
		columns[part] = -1;
		for (int i = 0; i < r->rows->n_columns; i++)
			if (!strcmp(r->rows->names[i], part_names[part]))
				columns[part] = i;
		if (columns[part] < 0)
			return err_set(err, -EBADRQC, /* as REPORT_USAGE */
				       "a graph is drawn from the columns source, target and "
				       "label, as connmon-query map has them; here is no %s",
				       part_names[part]);
	}
	return 0;
}

static const char *part_text(struct render *r, int column)
{
	bool is_null = r->cursor.cells[column].type == SQLITE_NULL;

	return is_null ? "?" : render_plain(r, column);
}

/* ---- Graphviz ---- */

/* In a quoted string a \ begins what is replaced, an & an entity of HTML. */
static void put_dot(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		fputs(*text == '&' ? "&amp;" : (char[]){*text, '\0'}, out);
	}
	putc('"', out);
}

int render_dot(struct render *r, struct err *err)
{
	int columns[N_PARTS];
	int ret = find_columns(r, columns, err);

	if (ret)
		return ret;
	fputs("digraph connmon {\n  rankdir=LR;\n  node [shape=box];\n", r->out);
	while ((ret = render_next(r, err)) > 0) {
		fputs("  ", r->out);
		put_dot(r->out, part_text(r, columns[SOURCE]));
		fputs(" -> ", r->out);
		put_dot(r->out, part_text(r, columns[TARGET]));
		if (r->cursor.cells[columns[LABEL]].type != SQLITE_NULL) {
			fputs(" [label=", r->out);
			put_dot(r->out, part_text(r, columns[LABEL]));
			putc(']', r->out);
		}
		fputs(";\n", r->out);
	}
	fputs("}\n", r->out);
	return ret;
}

/* ---- Mermaid ---- */

struct node {
	int id;
	char *text;
};

/* The nodes there are, each told once with its text. */
struct nodes {
	void *tree; /* of tsearch() */
	int n;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->text, ((const struct node *)b)->text);
}

static void free_node(void *node)
{
	free(((struct node *)node)->text);
	free(node);
}

/* What could mean something goes as #NN; which Mermaid shows as that character. */
static void put_mermaid(FILE *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789 .,:/@+=_-?";

	putc('"', out);
	for (; *text; text++) {
		if ((unsigned char)*text >= 0x80 || strchr(plain, *text))
			putc(*text, out);
		else
			fprintf(out, "#%d;", *text);
	}
	putc('"', out);
}

static int put_node(struct render *r, struct nodes *nodes, int column, struct err *err)
{
	struct node *new = calloc(1, sizeof(*new));
	void **found;

	if (new)
		new->text = strdup(part_text(r, column));
	found = new &&new->text ? tsearch(new, &nodes->tree, by_text) : NULL;
	if (!found) {
		if (new)
			free_node(new);
		return err_set(err, -ENOMEM, "no memory for the graph");
	}
	if (*found != new) {
		free_node(new);
		fprintf(r->out, "n%d", (*(struct node **)found)->id);
		return 0;
	}
	new->id = ++nodes->n;
	fprintf(r->out, "n%d[", new->id);
	put_mermaid(r->out, new->text);
	putc(']', r->out);
	return 0;
}

static int put_edge(struct render *r, struct nodes *nodes, const int columns[], struct err *err)
{
	int ret;

	fputs("  ", r->out);
	ret = put_node(r, nodes, columns[SOURCE], err);
	if (ret)
		return ret;
	fputs(" -->", r->out);
	if (r->cursor.cells[columns[LABEL]].type != SQLITE_NULL) {
		putc('|', r->out);
		put_mermaid(r->out, part_text(r, columns[LABEL]));
		putc('|', r->out);
	}
	putc(' ', r->out);
	ret = put_node(r, nodes, columns[TARGET], err);
	putc('\n', r->out);
	return ret;
}

int render_mermaid(struct render *r, struct err *err)
{
	struct nodes nodes = {0};
	int columns[N_PARTS];
	int ret = find_columns(r, columns, err);

	if (ret)
		return ret;
	fputs("graph LR\n", r->out);
	while ((ret = render_next(r, err)) > 0) {
		ret = put_edge(r, &nodes, columns, err);
		if (ret)
			break;
	}
	tdestroy(nodes.tree, free_node);
	return ret;
}
