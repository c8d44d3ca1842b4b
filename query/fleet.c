#include "fleet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "fleet_columns.h"
#include "fleet_hours.h"
#include "fleet_nodes.h"
#include "fleet_process.h"
#include "functions.h"
#include "guard.h"

/* As the views of the schema, of the same names and columns; and with the node. */
#define TIME(us) "strftime('%Y-%m-%dT%H:%M:%fZ', " us " / 1e6, 'unixepoch')"

#define CONNECTIONS(source)                                                                                                                \
	"SELECT id, " TIME(                                                                                                                \
		"(id - duration_us)") " AS started_at,"                                                                                    \
				      " CASE WHEN is_open THEN NULL ELSE " TIME(                                                           \
					      "id") " END AS ended_at,"                                                                    \
						    " direction, outcome, error, comm, exe, pid, uid, container, netns,"                   \
						    " CASE WHEN peer_addr LIKE '%:%' THEN 6 ELSE 4 END AS family, local_addr, local_port," \
						    " peer_addr, peer_port, service_port, connect_us, duration_us, tx_bytes, rx_bytes,"    \
						    " retransmits, srtt_us, min_rtt_us, owner_source, closed_by, failed, accept_wait_us,"  \
						    " thread, container_id, pod, loopback, cookie, flags, node, node_id FROM " source

static const char schema[] = "CREATE VIEW connections AS " CONNECTIONS(
	"fleet_connections") ";"
			     "CREATE VIEW open_connections AS " CONNECTIONS(
				     "fleet_open") ";"
						   "CREATE VIEW gaps AS SELECT id, from_us, to_us, " TIME(
							   "from_us") " AS from_at,"
								      " " TIME(
									      "to_us") " AS to_at, reason, count,"
										       " uid, uid_count,"
										       " node, node_id FROM fleet_gaps;"
										       "CREATE TABLE dns_name (address TEXT, name TEXT, server TEXT, first_us INTEGER,"
										       " last_us INTEGER, answers INTEGER, node TEXT, node_id TEXT);"
										       "CREATE INDEX dns_name_address ON dns_name(address);"
										       "CREATE TABLE known_listener (id INTEGER PRIMARY KEY, netns INTEGER, addr TEXT,"
										       " port INTEGER, from_us INTEGER, to_us INTEGER, comm TEXT, exe TEXT, uid INTEGER,"
										       " container TEXT, container_id TEXT, pod TEXT, node TEXT, node_id TEXT);"
										       /* Each
											  listener
											  has a
											  program of
											  its own,
											  and that a
											  container.
											*/
										       "CREATE VIEW listener AS SELECT id, netns, addr, port, id AS program_id, from_us, to_us,"
										       " node, node_id FROM known_listener;"
										       "CREATE VIEW program AS SELECT id, comm, exe, uid, id AS container_id FROM known_listener"
										       " WHERE comm IS NOT NULL;"
										       "CREATE VIEW container AS SELECT id, container AS name, container_id, pod"
										       " FROM known_listener WHERE container IS NOT NULL;";

const char *fleet_default_url(void)
{
	const char *url = getenv("CONNMON_FLEET");

	return url && *url ? url : NULL;
}

/* ---- what can be asked ---- */

static bool is_of_process(const struct report *report)
{
	return !strcmp(report->operand, "process");
}

static int check_report(const struct request *q, struct err *err)
{
	static const char *const options[] = {"watch", "cursor-file", "show-sql", "explain"};

	if (is_of_process(q->report) && !options_get(&q->options, "node"))
		return err_set(err, -EINVAL,
			       "--fleet is many nodes, and a pid is that of one: name it with "
			       "--node NAME");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options_get(&q->options, options[i]))
			return err_set(err, -EINVAL,
				       "--%s is for the history of one node, not for a fleet",
				       options[i]);
	for (int i = 0; i < q->report->n_params; i++)
		if (q->args.values[i].from_boot)
			return err_set(err, -EINVAL,
				       "boot is that of one node; write a time when a fleet is "
				       "asked");
	return 0;
}

static bool is_for_fleets(const struct command *command)
{
	return !strcmp(command->name, "sql") || !strcmp(command->name, "doctor") ||
	       !strcmp(command->name, "schema");
}

int fleet_check(const struct request *q, struct err *err)
{
	bool by_node = q->report && by_has_word(&q->args.arrange.by, "node");

	if (!q->fleet_url && options_get(&q->options, "node"))
		return err_set(err, -EINVAL,
			       "--node chooses nodes of a fleet: name that with --fleet URL");
	if (!q->fleet_url && by_node)
		return err_set(err, -EINVAL,
			       "--by node is for a fleet: name that with --fleet URL");
	if (!q->fleet_url)
		return 0;
	if (q->command && !(q->command->traits & READS_HISTORY))
		return 0; /* $CONNMON_FLEET is not for it */
	if (q->command && !is_for_fleets(q->command))
		return err_set(
			err, -EINVAL,
			"%s asks the history of one node, and --fleet is many: name one with "
			"--db PATH",
			q->command->name);
	if (q->command && options_get(&q->options, "explain"))
		return err_set(err, -EINVAL, "--explain is for the history of one node");
	if (q->command && !strcmp(q->command->name, "sql") && !q->statement &&
	    !options_get(&q->options, "file") && isatty(STDIN_FILENO))
		return err_set(err, -EINVAL,
			       "the prompt is for the history of one node: write the statement "
			       "behind sql, or --file PATH");
	return q->report ? check_report(q, err) : 0;
}

/* ---- opening ---- */

static int open_memory(sqlite3 **out, struct err *err)
{
	char stamp[48];
	int ret, rc = sqlite3_open_v2(":memory:", out,
				      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					      SQLITE_OPEN_NOMUTEX,
				      NULL);

	if (rc != SQLITE_OK)
		return err_set(err, db_errno(rc), "%s", sqlite3_errstr(rc));
	sqlite3_extended_result_codes(*out, 1);
	ret = guard_limit(*out, err);
	if (!ret)
		ret = functions_register(*out, err);
	snprintf(stamp, sizeof(stamp), "PRAGMA user_version=%d", db_schema_version());
	return ret ? ret : db_exec(*out, stamp, err);
}

/* As the schema's views have it: of the same moment to the microsecond. */
static int ask_now(sqlite3 *db, int64_t *now_us, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int ret = db_prepare(db, "SELECT CAST((julianday('now') - 2440587.5) * 86400e6 AS INTEGER)",
			     &stmt, err);

	if (!ret && sqlite3_step(stmt) != SQLITE_ROW)
		ret = err_set(err, -EIO, "%s", sqlite3_errmsg(db));
	if (!ret)
		*now_us = sqlite3_column_int64(stmt, 0);
	return ret;
}

int fleet_open(const struct request *q, struct fleet *fleet, sqlite3 **db, struct err *err)
{
	int ret;

	*fleet = (struct fleet){.since_us = q->args.since_us,
				.until_us = q->args.until_us,
				.now_us = q->now_us};
	ret = fleet_server_open(q->fleet_url, q->timeout_us, &fleet->server, err);
	if (ret == -EINVAL)
		ret = err->code = REPORT_USAGE;
	if (!ret)
		ret = open_memory(db, err);
	if (!ret)
		ret = fleet_table_register(*db, fleet, err);
	if (!ret)
		ret = db_exec(*db, schema, err);
	return ret ? ret : ask_now(*db, &fleet->now_us, err);
}

void fleet_close(struct fleet *fleet, sqlite3 *db)
{
	db_close(db);
	fleet_server_close(fleet->server);
	sqlite3_free(fleet->book);
	free(fleet->nodes);
	free(fleet->late);
	fleet_hours_free(fleet->hours);
}

int fleet_check_version(struct fleet *fleet, struct err *err)
{
	struct fleet_answer answer;
	int version = 0, ret;

	ret = fleet_server_ask(fleet->server, "SELECT version FROM schema FORMAT TabSeparated",
			       &answer, err);
	if (!ret)
		version = atoi(answer.bytes);
	fleet_answer_clear(&answer);
	if (ret || version == FLEET_SCHEMA)
		return ret;
	return err_set(err, -EPROTO, "%s: its tables have schema %d, and this program knows %d; %s",
		       fleet_server_name(fleet->server), version, FLEET_SCHEMA,
		       version < FLEET_SCHEMA ? "run connmon-forward --init once more"
					      : "upgrade connmon here");
}

/* ---- what is copied ---- */

static const char fill_names[] =
	"INSERT INTO dns_name SELECT address, name, server, first_us, last_us, answers, node, node_id"
	" FROM fleet_names ORDER BY address, name, server";

static const char fill_listeners[] =
	"INSERT INTO known_listener (netns, addr, port, from_us, to_us, comm, exe, uid, container,"
	" container_id, pod, node, node_id) SELECT netns, addr, port, from_us, to_us, comm, exe,"
	" uid, container, container_id, pod, node, node_id FROM fleet_listeners";

static int fill(struct fleet *fleet, sqlite3 *db, const char *sql, struct err *err)
{
	int ret = db_exec(db, sql, err);

	if (ret && fleet->err.code)
		*err = fleet->err;
	return ret ? err->code : 0;
}

int fleet_begin_report(const struct request *q, struct fleet *fleet, struct scope *scope,
		       sqlite3 *db, struct err *err)
{
	const struct arrange *arrange = &q->args.arrange;
	const char *sql = q->report->sql;
	int ret = 0;

	*scope = q->scope;
	ret = fleet_check_version(fleet, err);
	if (!ret)
		ret = fleet_nodes_find(fleet, scope, err);
	if (!ret && q->report->only[0])
		ret = scope_add_flag(scope, q->report->only, err);
	fleet->scope = scope;
	if (!ret && (arrange->resolve.is_on || by_has_name(&arrange->by) ||
		     scope->peer.kind == PEER_NAMED || scope_has_word(sql, "dns_name")))
		ret = fill(fleet, db, fill_names, err);
	if (!ret && scope_has_word(sql, "listener"))
		ret = fill(fleet, db, fill_listeners, err);
	if (!ret && is_of_process(q->report))
		ret = fleet_process_begin(fleet, db, err);
	return ret;
}
