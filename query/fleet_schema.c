#include "fleet_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

const char *fleet_schema_like(const char *name)
{
	static const struct {
		const char *fleet, *node;
	} names[] = {
		{"ended_connections", "connections"},
		{"open_connections", "connections"},
		{"still_open", "connections"},
		{"hourly_totals", "hourly"},
		{"listeners", "listener"},
		{"names", "dns_name"},
		{"processes", "process"},
		{"runs", "run"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].fleet, name))
			return names[i].node;
	return name;
}

const char *fleet_schema_says(const char *column)
{
	static const struct {
		const char *column, *meaning;
	} own[] = {
		{"node", "the name of the node when it sent the row"},
		{"node_id", "its machine id"},
		{"peer_ip", "peer_addr as ClickHouse's functions for addresses take it"},
		{"is_over", "1: it has ended; then it is in connections"},
		{"sent_us", "when the row was sent; of several of one key the newest holds"},
		{"totals_until_us", "hourly has all that ended before"},
		{"behind_rows", "connections that wait on the node"},
		{"skew_us", "the server's clock less the node's"},
		{"bad_rows", "set aside on the node, as the server would not take them"},
		{"unsent_rows", "at least so many were deleted before they were sent"},
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(own[i].column, column))
			return own[i].meaning;
	return NULL;
}

const char *fleet_schema_is(const char *table)
{
	static const struct {
		const char *table, *meaning;
	} own[] = {
		{"connections", "every connection that ended, of all nodes; with FINAL each once"},
		{"ended_connections", "likewise, each once: what to ask"},
		{"open_connections", "what is open on the nodes, where is_over is 0"},
		{"still_open", "likewise, each once, and only what is open"},
		{"hourly", "the nodes' own exact totals of finished hours, by the hour of the end"},
		{"hourly_totals", "likewise, each once"},
		{"nodes", "how far each node is, under each name that it had"},
		{"nodes_now", "likewise, the newest of each"},
		{"processes", "processes that connected, and those that began them"},
		{"runs", "each start of a collector"},
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(own[i].table, table))
			return own[i].meaning;
	return NULL;
}

/* A field of the answer, which ends with a tab or a line; *@rest is then behind it. The names are
 * the server's: whatever is in them is quoted. */
static char *take(char **rest)
{
	char *field = *rest;
	size_t len = strcspn(field, "\t\n");

	*rest = field + len + (field[len] != '\0');
	field[len] = '\0';
	return field;
}

static int make(sqlite3 *db, sqlite3_str *sql, struct err *err)
{
	char *text = sqlite3_str_finish(sql);
	int ret = text ? db_exec(db, text, err) : err_set(err, -ENOMEM, "no memory for the schema");

	sqlite3_free(text);
	return ret;
}

static int make_tables(char *rest, sqlite3 *db, struct err *err)
{
	const char *table = "";
	sqlite3_str *sql = NULL;
	int ret = 0;

	while (*rest && !ret) {
		const char *name = take(&rest), *column = take(&rest), *type = take(&rest);

		if (strcmp(table, name) != 0) {
			if (sql) {
				sqlite3_str_appendall(sql, ")");
				ret = make(db, sql, err);
			}
			sql = sqlite3_str_new(db);
			sqlite3_str_appendf(sql, "CREATE TABLE \"%w\" (", name);
			table = name;
		} else {
			sqlite3_str_appendall(sql, ", ");
		}
		sqlite3_str_appendf(sql, "\"%w\" \"%w\"", column, type);
	}
	if (sql && !ret) {
		sqlite3_str_appendall(sql, ")");
		return make(db, sql, err);
	}
	sqlite3_free(sql ? sqlite3_str_finish(sql) : NULL);
	return ret;
}

int fleet_schema(struct fleet *fleet, sqlite3 **out, struct err *err)
{
	/* Tables of a shard stand behind others of the same columns. */
	static const char sql[] =
		"SELECT table, name, type FROM system.columns WHERE database = currentDatabase()"
		" AND NOT match(table, '_local$|^\\\\.|^schema$') FORMAT TabSeparated";
	struct fleet_answer answer;
	int ret = fleet_check_version(fleet, err);

	if (ret)
		return ret;
	ret = fleet_server_ask(fleet->server, sql, &answer, err);
	if (!ret && sqlite3_open(":memory:", out) != SQLITE_OK)
		ret = err_set(err, -ENOMEM, "no memory for the schema");
	if (!ret)
		ret = make_tables(answer.bytes, *out, err);
	fleet_answer_clear(&answer);
	return ret;
}
