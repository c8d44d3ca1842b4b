#include "fleet_columns.h"

#include <stddef.h>

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

#define NUMBER(name)                                                                               \
	{                                                                                          \
		name, false, NULL, NULL                                                            \
	}
#define TEXT(name)                                                                                 \
	{                                                                                          \
		name, true, NULL, NULL                                                             \
	}

const struct fleet_column fleet_connection_columns[] = {
	{"id", false, "id", "{now}"},
	{"duration_us", false, "duration_us", "{now} - start_us"},
	{"is_open", false, "0", "1"},
	TEXT("node_id"),
	TEXT("node"),
	TEXT("direction"),
	TEXT("outcome"),
	TEXT("error"),
	TEXT("comm"),
	TEXT("exe"),
	NUMBER("pid"),
	NUMBER("uid"),
	TEXT("container"),
	NUMBER("netns"),
	TEXT("local_addr"),
	NUMBER("local_port"),
	TEXT("peer_addr"),
	NUMBER("peer_port"),
	NUMBER("service_port"),
	NUMBER("connect_us"),
	NUMBER("tx_bytes"),
	NUMBER("rx_bytes"),
	NUMBER("retransmits"),
	NUMBER("srtt_us"),
	NUMBER("min_rtt_us"),
	TEXT("owner_source"),
	NUMBER("closed_by"),
	NUMBER("failed"),
	NUMBER("accept_wait_us"),
	TEXT("thread"),
	TEXT("container_id"),
	TEXT("pod"),
	NUMBER("loopback"),
	NUMBER("cookie"),
	NUMBER("flags"),
	NUMBER("process_id"),
};

_Static_assert(COUNT(fleet_connection_columns) <= FLEET_CONNECTION_COLUMNS, "raise it");

int fleet_n_connection_columns(void)
{
	return COUNT(fleet_connection_columns);
}

#define BUCKET(time) "intDiv(least(" time ", {until} - 1), {bucket}) * {bucket}"

/* Of both. */
#define KEY(name, is_text)                                                                         \
	{                                                                                          \
		name, is_text, FLEET_KEY, "{" name "}", name                                       \
	}
#define ROW_KEY(name, is_text)                                                                     \
	{                                                                                          \
		name, is_text, FLEET_KEY, "{" name "}", NULL                                       \
	}
#define SUM(name, row, hour)                                                                       \
	{                                                                                          \
		name, false, FLEET_SUM, row, hour                                                  \
	}
#define LIST(name, row)                                                                            \
	{                                                                                          \
		name, false, FLEET_LIST, row, NULL                                                 \
	}

const struct fleet_sum fleet_sums[] = {
	{"bucket", false, FLEET_KEY, BUCKET("{id}"), BUCKET("{hour}")},
	KEY("direction", true),
	KEY("peer_addr", true),
	KEY("service_port", false),
	KEY("loopback", false),
	{"family", false, FLEET_KEY, "if(position({peer_addr}, ':') > 0, 6, 4)",
	 "if(position(peer_addr, ':') > 0, 6, 4)"},
	ROW_KEY("failed", false),
	KEY("comm", true),
	KEY("exe", true),
	KEY("uid", false),
	KEY("container", true),
	KEY("container_id", true),
	KEY("pod", true),
	ROW_KEY("outcome", true),
	ROW_KEY("error", true),
	ROW_KEY("pid", false),
	ROW_KEY("netns", false),
	ROW_KEY("local_addr", true),
	KEY("node", true),
	KEY("node_id", true),

	SUM("connections", "1", "attempts"),
	SUM("failures", "{failed}", "failed"),
	SUM("resets", "{outcome} = 'reset_by_peer' OR {outcome} = 'reset_by_us'", "resets"),
	SUM("tx_bytes", "{tx_bytes}", "tx_bytes"),
	SUM("rx_bytes", "{rx_bytes}", "rx_bytes"),
	SUM("retransmits", "{retransmits}", "retransmits"),
	SUM("connects", "{connect_us} IS NOT NULL", "connects"),
	SUM("connect_us_sum", "ifNull({connect_us}, 0)", "connect_us_sum"),
	{"connect_us_max", false, FLEET_MAX, "{connect_us}",
	 "if(connects > 0, CAST(connect_us_max AS Nullable(Int64)), NULL)"},
	SUM("duration_us_sum", "{duration_us}", "duration_us_sum"),
	{"first_start_us", false, FLEET_MIN, "{id} - {duration_us}", "first_start_us"},
	{"last_start_us", false, FLEET_MAX, "{id} - {duration_us}", "last_start_us"},

	LIST("connect_us_list", "{connect_us}"),
	LIST("duration_us_list", "{duration_us}"),
	LIST("start_us_list", "{id} - {duration_us}"),
	LIST("local_port_list", "{local_port}"),
};

const int fleet_n_sums = COUNT(fleet_sums);

_Static_assert(COUNT(fleet_sums) < 56, "with the arguments less than 60: a set is 64 bits");

static const struct fleet_column gap_columns[] = {
	TEXT("node_id"), TEXT("node"),	  NUMBER("id"),	 NUMBER("from_us"),   NUMBER("to_us"),
	TEXT("reason"),	 NUMBER("count"), NUMBER("uid"), NUMBER("uid_count"),
};

static const struct fleet_column name_columns[] = {
	TEXT("node_id"), TEXT("node"),	     TEXT("address"),	TEXT("name"),
	TEXT("server"),	 NUMBER("first_us"), NUMBER("last_us"), NUMBER("answers"),
};

static const struct fleet_column listener_columns[] = {
	TEXT("node_id"),   TEXT("node"),	 NUMBER("netns"), TEXT("addr"),
	NUMBER("port"),	   TEXT("comm"),	 TEXT("exe"),	  NUMBER("uid"),
	TEXT("container"), TEXT("container_id"), TEXT("pod"),	  NUMBER("from_us"),
	NUMBER("to_us"),
};

static const struct fleet_column node_columns[] = {
	TEXT("node_id"),    TEXT("node"),	   NUMBER("sent_us"),	  NUMBER("begin_us"),
	NUMBER("at_us"),    TEXT("version"),	   NUMBER("behind_rows"), NUMBER("behind_us"),
	NUMBER("bad_rows"), NUMBER("unsent_rows"), NUMBER("skew_us"),
};

static const struct fleet_column process_columns[] = {
	TEXT("node_id"),      TEXT("node"),	  NUMBER("id"),	   NUMBER("boot"),
	NUMBER("pid"),	      NUMBER("start_us"), NUMBER("ppid"),  NUMBER("parent_id"),
	TEXT("comm"),	      TEXT("exe"),	  NUMBER("uid"),   TEXT("container"),
	TEXT("container_id"), TEXT("pod"),	  TEXT("cmdline"), NUMBER("exit_us"),
};

#define PLAIN(name, table, columns)                                                                \
	{                                                                                          \
		name, FLEET_PLAIN, table, columns, COUNT(columns)                                  \
	}

const struct fleet_relation fleet_relations[] = {
	{"fleet_connections", FLEET_CONNECTIONS, NULL, fleet_connection_columns,
	 COUNT(fleet_connection_columns)},
	{"fleet_open", FLEET_OPEN, NULL, fleet_connection_columns, COUNT(fleet_connection_columns)},
	{"fleet_totals", FLEET_TALLY, NULL, NULL, 0},
	PLAIN("fleet_gaps", "gaps FINAL", gap_columns),
	PLAIN("fleet_names", "names FINAL", name_columns),
	PLAIN("fleet_listeners", "listeners FINAL", listener_columns),
	PLAIN("fleet_nodes", FLEET_NODES_TABLE, node_columns),
	PLAIN("fleet_processes", "processes FINAL", process_columns),
};

const int fleet_n_relations = COUNT(fleet_relations);
