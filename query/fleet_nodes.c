#include "fleet_nodes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_sql.h"
#include "text.h"

/* A server takes 256 KiB of a statement, and an id is some 36 bytes, in each source. */
#define NAMED_MAX 50

static bool has_node(const struct scope *scope)
{
	for (int i = 0; i < scope->n_filters; i++)
		if (!strcmp(scope_filter(scope, i).name, "node"))
			return true;
	return false;
}

/* "SELECT ... FROM nodes WHERE 1 AND (...)", which the caller frees; NULL: no memory. */
static char *select_nodes(const struct scope *scope, const char *what, const char *behind)
{
	char *sql = NULL;
	size_t size;
	FILE *f = text_open(&sql, &size);

	if (!f)
		return NULL;
	fprintf(f, "SELECT DISTINCT %s FROM nodes WHERE 1", what);
	fleet_write_node(f, scope);
	fputs(behind, f);
	if (fclose(f)) {
		free(sql);
		return NULL;
	}
	return sql;
}

/* Lines of hexadecimal digits as a condition; false when they are something else. */
static bool write_ids(FILE *f, const char *line, int *n)
{
	for (*n = 0; *line; ++*n) {
		size_t len = strspn(line, "0123456789ABCDEF");

		if (line[len] != '\n')
			return false;
		fputs(*n ? ", " : "node_id IN (", f);
		fleet_write_hex(f, line, len);
		line += len + 1;
	}
	fputs(*n ? ")" : "0", f);
	return true;
}

static int name_ids(struct fleet *fleet, const struct scope *scope, const char *answer,
		    struct err *err)
{
	char *all;
	size_t size;
	FILE *f = text_open(&fleet->nodes, &size);
	bool ok;
	int n;

	if (!f)
		return err_set(err, -ENOMEM, "no memory for the names of nodes");
	ok = write_ids(f, answer, &n);
	if (fclose(f))
		return err_set(err, -ENOMEM, "no memory for the names of nodes");
	if (!ok)
		return err_set(err, -EPROTO, "the fleet's answer is not what was asked for");
	fleet->n_nodes = n;
	if (n <= NAMED_MAX)
		return 0;
	free(fleet->nodes);
	fleet->nodes = NULL;
	all = select_nodes(scope, "node_id", "");
	if (!all || asprintf(&fleet->nodes, "node_id GLOBAL IN (%s)", all) < 0)
		fleet->nodes = NULL;
	free(all);
	return fleet->nodes ? 0 : err_set(err, -ENOMEM, "no memory for the names of nodes");
}

int fleet_nodes_find(struct fleet *fleet, struct scope *scope, struct err *err)
{
	struct fleet_answer answer;
	char *sql;
	int ret;

	if (!has_node(scope))
		return 0;
	sql = select_nodes(scope, "hex(toString(node_id))", " FORMAT TabSeparated");
	if (!sql)
		return err_set(err, -ENOMEM, "no memory for the names of nodes");
	ret = fleet_server_ask(fleet->server, sql, &answer, err);
	free(sql);
	if (!ret)
		ret = name_ids(fleet, scope, answer.bytes, err);
	fleet_answer_clear(&answer);
	if (!ret)
		scope->fleet_nodes = fleet->nodes;
	return ret;
}
