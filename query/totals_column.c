#include "totals_column.h"

#include <string.h>

#define BUCKET(time) time " / :bucket * :bucket"
#define SERVICE_PORT "CASE c.direction WHEN 0 THEN c.peer_port ELSE c.local_port END"

/*
 * To add a column, write a row, before the measures or among them, and say in
 * connmon-query(1) that it is there. At most 60 in all: a set of them is a uint64_t, and
 * SQLite tells of the columns from the 63rd on only together whether they are used.
 */
const struct totals_column totals_columns[] = {
	/* An hour whose rows were deleted counts where it begins. */
	[TOTALS_BUCKET] = {"bucket INTEGER",
			   COLUMN_NUMBER,
			   0,
			   {BUCKET("min(:begin, :until - 1)"), BUCKET("min(c.id, :until - 1)"),
			    BUCKET("min(id, :until - 1)")}},
	[TOTALS_DIRECTION] = {"direction TEXT",
			      COLUMN_DIRECTION,
			      0,
			      {"direction", "c.direction", "direction = 'in'"}},
	[TOTALS_PEER_ADDR] = {"peer_addr TEXT",
			      COLUMN_TEXT,
			      0,
			      {"peer_addr", "c.peer_addr", "peer_addr"}},
	[TOTALS_SERVICE_PORT] = {"service_port INTEGER",
				 COLUMN_NUMBER,
				 0,
				 {"service_port", SERVICE_PORT, "service_port"}},
	[TOTALS_LOOPBACK] = {"loopback INTEGER",
			     COLUMN_NUMBER,
			     0,
			     {"loopback", "(c.flags & 32) != 0", "loopback"}},
	[TOTALS_FAMILY] = {"family INTEGER",
			   COLUMN_NUMBER,
			   0,
			   {"CASE WHEN instr(peer_addr, ':') THEN 6 ELSE 4 END",
			    "CASE WHEN instr(c.peer_addr, ':') THEN 6 ELSE 4 END", "family"}},
	[TOTALS_FAILED] = {"failed INTEGER", COLUMN_NUMBER, 0, {NULL, "c.outcome >= 16", "failed"}},
	{"comm TEXT", COLUMN_PROGRAM, 0, {"program_id", "c.process_id", "comm"}},
	{"exe TEXT", COLUMN_PROGRAM, 1, {"program_id", "c.process_id", "exe"}},
	{"uid INTEGER", COLUMN_PROGRAM, 2, {"program_id", "c.process_id", "uid"}},
	{"container TEXT", COLUMN_CONTAINER, 0, {"container_id", "c.container_id", "container"}},
	{"container_id TEXT",
	 COLUMN_CONTAINER,
	 1,
	 {"container_id", "c.container_id", "container_id"}},
	{"pod TEXT", COLUMN_CONTAINER, 2, {"container_id", "c.container_id", "pod"}},
	{"outcome TEXT", COLUMN_OUTCOME, 0, {NULL, "c.outcome", "outcome"}},
	{"error TEXT", COLUMN_ERROR, 0, {NULL, "c.error", "error"}},
	{"pid INTEGER", COLUMN_PROGRAM, 3, {NULL, "c.process_id", "pid"}},
	{"netns INTEGER", COLUMN_LOCAL, 1, {NULL, "c.local_id", "netns"}},
	{"local_addr TEXT", COLUMN_LOCAL, 0, {NULL, "c.local_id", "local_addr"}},

	{"connections INTEGER", COLUMN_SUM, 0, {"attempts", "1", "1"}},
	{"failures INTEGER", COLUMN_SUM, 0, {"failed", "c.outcome >= 16", "failed"}},
	{"resets INTEGER",
	 COLUMN_SUM,
	 0,
	 {"resets", "c.outcome IN (3, 4)", "outcome IN ('reset_by_peer', 'reset_by_us')"}},
	{"tx_bytes INTEGER", COLUMN_SUM, 0, {"tx_bytes", "c.tx_bytes", "tx_bytes"}},
	{"rx_bytes INTEGER", COLUMN_SUM, 0, {"rx_bytes", "c.rx_bytes", "rx_bytes"}},
	{"retransmits INTEGER", COLUMN_SUM, 0, {"retransmits", "c.retransmits", "retransmits"}},
	{"connects INTEGER", COLUMN_COUNT, 0, {"connects", "c.connect_us", "connect_us"}},
	{"connect_us_sum INTEGER", COLUMN_SUM, 0, {"connect_us_sum", "c.connect_us", "connect_us"}},
	{"connect_us_max INTEGER",
	 COLUMN_MAX,
	 0,
	 {"CASE WHEN connects THEN connect_us_max END", "c.connect_us", "connect_us"}},
	{"duration_us_sum INTEGER",
	 COLUMN_SUM,
	 0,
	 {"duration_us_sum", "c.duration_us", "duration_us"}},
	{"first_start_us INTEGER",
	 COLUMN_MIN,
	 0,
	 {":begin + start_us", "c.id - c.duration_us", "id - duration_us"}},
	{"last_start_us INTEGER",
	 COLUMN_MAX,
	 0,
	 {":begin + start_us + start_span_us", "c.id - c.duration_us", "id - duration_us"}},

	{"connect_us_list INTEGER", COLUMN_LIST, 0, {"NULL", "c.connect_us", "connect_us"}},
	{"duration_us_list INTEGER", COLUMN_LIST, 0, {"NULL", "c.duration_us", "duration_us"}},
	{"start_us_list INTEGER",
	 COLUMN_LIST,
	 0,
	 {"NULL", "c.id - c.duration_us", "id - duration_us"}},
	{"local_port_list INTEGER", COLUMN_LIST, 0, {"NULL", "c.local_port", "local_port"}},

	{"since_us HIDDEN", COLUMN_ARGUMENT, 0, {NULL, NULL, NULL}},
	{"until_us HIDDEN", COLUMN_ARGUMENT, 0, {NULL, NULL, NULL}},
	{"window HIDDEN", COLUMN_ARGUMENT, 0, {NULL, NULL, NULL}},
	{"bucket_us HIDDEN", COLUMN_ARGUMENT, 0, {NULL, NULL, NULL}},
};

const int totals_n_columns = sizeof(totals_columns) / sizeof(totals_columns[0]);

_Static_assert(sizeof(totals_columns) / sizeof(totals_columns[0]) <= 60, "a set is 64 bits");

int totals_first_argument(void)
{
	return totals_n_columns - TOTALS_N_ARGUMENTS;
}

bool totals_is_key(int column)
{
	enum column_kind kind = totals_columns[column].kind;

	return kind != COLUMN_ARGUMENT && kind < COLUMN_SUM;
}

bool totals_is_value(int column)
{
	return totals_columns[column].kind >= COLUMN_SUM;
}

bool totals_is_text(int column)
{
	const char *declaration = totals_columns[column].declaration;

	return !strcmp(declaration + strlen(declaration) - strlen("TEXT"), "TEXT");
}

bool totals_needs_rows(uint64_t columns)
{
	for (int i = 0; i < totals_n_columns; i++)
		if (totals_has(columns, i) && totals_is_key(i) &&
		    !totals_columns[i].sql[SOURCE_TOTALS])
			return true;
	return false;
}

bool totals_wants_rows(uint64_t columns)
{
	for (int i = 0; i < totals_n_columns; i++)
		if (totals_has(columns, i) && totals_columns[i].kind == COLUMN_LIST)
			return true;
	return false;
}

char *totals_declaration(void)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);

	sqlite3_str_appendall(sql, "CREATE TABLE totals(");
	for (int i = 0; i < totals_n_columns; i++)
		sqlite3_str_appendf(sql, "%s%s", i ? ", " : "", totals_columns[i].declaration);
	sqlite3_str_appendall(sql, ")");
	return sqlite3_str_finish(sql);
}
