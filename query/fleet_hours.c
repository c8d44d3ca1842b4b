#include "fleet_hours.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_columns.h"
#include "fleet_sql.h"
#include "text.h"
#include "timespec.h"

/* Nodes that may be named: a server takes 256 KiB of a statement, where each is some 36 bytes,
 * twice. */
#define BUT_MAX 500

struct node {
	char *id; /* in hexadecimal; of book.text */
	/* Of its row in nodes; 0 without one. */
	int64_t totals_until_us, begin_us, last_id, sent_us, bad_rows;
	/* Of its runs. Two of a number: it had more than one database. */
	int64_t first_run_us, last_run_us, has_twice;
	int64_t pruned_us; /* of its gaps: until when rows went before their hour was summed up */
};

struct fleet_hours_book {
	char *text; /* the server's answer */
	struct node *nodes;
	int n;
	int64_t sought_us, first_us; /* the first hour that there is at or after the one sought */
	char *but;
};

void fleet_hours_free(struct fleet_hours_book *book)
{
	if (!book)
		return;
	free(book->text);
	free(book->nodes);
	free(book->but);
	free(book);
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory for the fleet's nodes");
}

/* ---- what is known of nodes ---- */

/* A node that has runs, and no row of its own yet, is one of which nothing is known. */
static char *nodes_statement(const struct fleet *fleet)
{
	char *sql = NULL;
	size_t size;
	FILE *f = text_open(&sql, &size);

	if (!f)
		return NULL;
	fputs("SELECT hex(n), max(a), max(b), max(c), max(d), max(e), max(first), max(last), max(t),"
	      " max(p) FROM (SELECT toString(node_id) AS n, toInt64(totals_until_us) AS a,"
	      " toInt64(begin_us) AS b, toInt64(last_id) AS c, toInt64(sent_us) AS d,"
	      " toInt64(bad_rows) AS e, toInt64(0) AS first, toInt64(0) AS last, toInt64(0) AS t,"
	      " toInt64(0) AS p"
	      " FROM " FLEET_NODES_TABLE " WHERE 1",
	      f);
	if (fleet->scope)
		fleet_write_node(f, fleet->scope);
	fputs(" UNION ALL SELECT toString(node_id), toInt64(0), toInt64(0), toInt64(0), toInt64(0),"
	      " toInt64(0), toInt64(min(start_us)), toInt64(max(start_us)),"
	      " toInt64(uniqExact(id, start_us) > uniqExact(id)), toInt64(0) FROM runs WHERE 1",
	      f);
	if (fleet->scope)
		fleet_write_node(f, fleet->scope);
	fputs(" GROUP BY node_id UNION ALL SELECT toString(node_id), toInt64(0), toInt64(0),"
	      " toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0),"
	      " toInt64(max(to_us)) FROM gaps WHERE reason = 'pruned'",
	      f);
	if (fleet->scope)
		fleet_write_node(f, fleet->scope);
	fputs(" GROUP BY node_id) GROUP BY n FORMAT TabSeparated", f);
	if (fclose(f)) {
		free(sql);
		return NULL;
	}
	return sql;
}

static bool read_node(char *line, struct node *out)
{
	int64_t *const numbers[] = {&out->totals_until_us, &out->begin_us,  &out->last_id,
				    &out->sent_us,	   &out->bad_rows,  &out->first_run_us,
				    &out->last_run_us,	   &out->has_twice, &out->pruned_us};
	char *at = line + strspn(line, "0123456789ABCDEF");

	out->id = line;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (*at != '\t')
			return false;
		*at++ = '\0';
		*numbers[i] = strtoll(at, &at, 10);
	}
	return *at == '\0';
}

static int read_nodes(struct fleet_hours_book *book, struct err *err)
{
	char *rest = book->text, *line;
	int lines = 0;

	for (const char *p = book->text; (p = strchr(p, '\n')); p++)
		lines++;
	book->nodes = calloc((size_t)lines + 1, sizeof(*book->nodes));
	if (!book->nodes)
		return no_memory(err);
	while ((line = strsep(&rest, "\n")) && *line)
		if (!read_node(line, &book->nodes[book->n++]))
			return err_set(err, -EPROTO,
				       "the fleet's answer is not what was asked for");
	return 0;
}

static int find_nodes(struct fleet *fleet, struct err *err)
{
	struct fleet_answer answer = {0};
	char *sql;
	int ret;

	if (fleet->hours)
		return 0;
	fleet->hours = calloc(1, sizeof(*fleet->hours));
	sql = fleet->hours ? nodes_statement(fleet) : NULL;
	if (!sql)
		return no_memory(err);
	fleet->hours->sought_us = -1;
	ret = fleet_server_ask(fleet->server, sql, &answer, err);
	free(sql);
	fleet->hours->text = answer.bytes;
	return ret ? ret : read_nodes(fleet->hours, err);
}

/* ---- where totals begin ---- */

static int ask_hour(struct fleet *fleet, const char *sql, int64_t *out, struct err *err)
{
	struct fleet_answer answer;
	int ret = fleet_server_ask(fleet->server, sql, &answer, err);

	if (!ret)
		*out = strtoll(answer.bytes, NULL, 10) * US_PER_S;
	fleet_answer_clear(&answer);
	return ret;
}

#define SECONDS "SELECT toInt64(toUnixTimestamp(min(hour))) FROM "

/* Older ones may have been deleted, and their connections not: hours before the first one that is
 * there are not told. When there is one at or before @from_us, that is *@out. */
static int find_first(struct fleet *fleet, int64_t from_us, int64_t *out, struct err *err)
{
	struct fleet_hours_book *book = fleet->hours;
	char sql[200];
	int ret = 0;

	if (book->sought_us != from_us) {
		snprintf(sql, sizeof(sql),
			 SECONDS "(SELECT hour FROM hourly WHERE hour <= toDateTime(%" PRId64
				 ") LIMIT 1) FORMAT TabSeparated",
			 from_us / US_PER_S);
		ret = ask_hour(fleet, sql, &book->first_us, err);
		if (!ret && book->first_us == 0)
			ret = ask_hour(fleet, SECONDS "hourly FORMAT TabSeparated", &book->first_us,
				       err);
		else
			book->first_us = from_us;
		book->sought_us = ret ? -1 : from_us;
	}
	*out = book->first_us;
	return ret;
}

/* ---- which ---- */

static bool had_more_databases(const struct node *n)
{
	return n->has_twice || (n->first_run_us && n->first_run_us < n->begin_us);
}

/* Until when totals are all that ended. What a node that has nothing to say is done with may be
 * more than the hours in which something ended. */
static int64_t told_until(const struct node *n, int64_t from_us)
{
	if (n->bad_rows || !n->totals_until_us)
		return 0;
	/* What no total knows may have been sent before it was deleted. */
	if (n->pruned_us > from_us)
		return 0;
	/* An hour in which it began anew is whole in no database, and it did so with a run. */
	if (had_more_databases(n) && n->last_run_us > from_us)
		return 0;
	if (n->last_id < n->totals_until_us && n->sent_us > n->totals_until_us)
		return n->sent_us / FLEET_HOUR_US * FLEET_HOUR_US;
	return n->totals_until_us;
}

/* Of one database ids only grow. */
static bool has_nothing(const struct node *n, int64_t from_us)
{
	return n->last_id && n->last_id < from_us && !had_more_databases(n);
}

/* How much is to be read one by one when hours end at @to_us; -1: too many nodes are to be named.
 * Of all nodes the same is taken for an hour. */
static double cost(const struct fleet_hours_book *book, int64_t from_us, int64_t to_us,
		   int64_t until_us)
{
	double hours = 0;
	int others = 0;

	for (int i = 0; i < book->n; i++) {
		const struct node *n = &book->nodes[i];
		bool is_told = told_until(n, from_us) >= to_us;

		if (has_nothing(n, from_us))
			continue;
		hours += (double)(until_us - (is_told ? to_us : from_us)) / FLEET_HOUR_US;
		others += !is_told;
	}
	return others > BUT_MAX ? -1 : hours;
}

static int64_t choose_end(const struct fleet_hours_book *book, int64_t from_us, int64_t until_us)
{
	const int64_t last_us = until_us / FLEET_HOUR_US * FLEET_HOUR_US;
	int64_t best_us = from_us;
	double least = -1;

	for (int i = 0; i < book->n; i++) {
		int64_t to_us = told_until(&book->nodes[i], from_us);
		double c;

		if (to_us > last_us)
			to_us = last_us;
		if (to_us <= from_us || to_us == best_us)
			continue;
		c = cost(book, from_us, to_us, until_us);
		if (c >= 0 && (least < 0 || c < least)) {
			least = c;
			best_us = to_us;
		}
	}
	return best_us;
}

static int name_others(struct fleet_hours_book *book, const struct fleet_hours *hours,
		       struct err *err)
{
	const char *before = "";
	size_t size;
	FILE *f;

	free(book->but);
	book->but = NULL;
	f = text_open(&book->but, &size);
	if (!f)
		return no_memory(err);
	for (int i = 0; i < book->n; i++) {
		const struct node *n = &book->nodes[i];

		if (told_until(n, hours->from_us) >= hours->to_us || has_nothing(n, hours->from_us))
			continue;
		fputs(before, f);
		fleet_write_hex(f, n->id, strlen(n->id));
		before = ", ";
	}
	return fclose(f) ? no_memory(err) : 0;
}

int fleet_hours(struct fleet *fleet, int64_t since_us, int64_t until_us, struct fleet_hours *out,
		struct err *err)
{
	int64_t from_us = since_us / FLEET_HOUR_US * FLEET_HOUR_US, first_us;
	int ret;

	if (from_us < since_us)
		from_us += FLEET_HOUR_US;
	*out = (struct fleet_hours){from_us, from_us, ""};
	if (from_us + FLEET_HOUR_US > until_us)
		return 0;
	ret = find_nodes(fleet, err);
	if (!ret)
		ret = find_first(fleet, from_us, &first_us, err);
	if (ret)
		return ret;
	if (first_us > from_us)
		out->from_us = first_us;
	out->to_us = first_us ? choose_end(fleet->hours, out->from_us, until_us) : out->from_us;
	ret = name_others(fleet->hours, out, err);
	out->but = fleet->hours->but;
	return ret;
}
