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
};

_Static_assert(COUNT(fleet_connection_columns) <= FLEET_CONNECTION_COLUMNS, "raise it");

int fleet_n_connection_columns(void)
{
	return COUNT(fleet_connection_columns);
}

const struct fleet_sum fleet_sums[] = {
	{"bucket", false, true, false, "intDiv(least({id}, {until} - 1), {bucket}) * {bucket}"},
	{"direction", true, true, false, "{direction}"},
	{"peer_addr", true, true, false, "{peer_addr}"},
	{"service_port", false, true, false, "{service_port}"},
	{"loopback", false, true, false, "{loopback}"},
	{"family", false, true, false, "if(position({peer_addr}, ':') > 0, 6, 4)"},
	{"failed", false, true, false, "{failed}"},
	{"comm", true, true, false, "{comm}"},
	{"exe", true, true, false, "{exe}"},
	{"uid", false, true, false, "{uid}"},
	{"container", true, true, false, "{container}"},
	{"container_id", true, true, false, "{container_id}"},
	{"pod", true, true, false, "{pod}"},
	{"outcome", true, true, false, "{outcome}"},
	{"error", true, true, false, "{error}"},
	{"pid", false, true, false, "{pid}"},
	{"netns", false, true, false, "{netns}"},
	{"local_addr", true, true, false, "{local_addr}"},
	{"node", true, true, false, "{node}"},
	{"node_id", true, true, false, "{node_id}"},

	{"connections", false, false, false, "count()"},
	{"failures", false, false, false, "sum({failed})"},
	{"resets", false, false, false,
	 "countIf({outcome} = 'reset_by_peer' OR {outcome} = 'reset_by_us')"},
	{"tx_bytes", false, false, false, "sum({tx_bytes})"},
	{"rx_bytes", false, false, false, "sum({rx_bytes})"},
	{"retransmits", false, false, false, "sum({retransmits})"},
	{"connects", false, false, false, "count({connect_us})"},
	{"connect_us_sum", false, false, false, "sum(ifNull({connect_us}, 0))"},
	{"connect_us_max", false, false, false, "max({connect_us})"},
	{"duration_us_sum", false, false, false, "sum({duration_us})"},
	{"first_start_us", false, false, false, "min({id} - {duration_us})"},
	{"last_start_us", false, false, false, "max({id} - {duration_us})"},

	{"connect_us_list", false, false, true, "groupArray({connect_us})"},
	{"duration_us_list", false, false, true, "groupArray({duration_us})"},
	{"start_us_list", false, false, true, "groupArray({id} - {duration_us})"},
	{"local_port_list", false, false, true, "groupArray({local_port})"},
};

const int fleet_n_sums = COUNT(fleet_sums);

_Static_assert(COUNT(fleet_sums) < 56, "with the arguments less than 60: a set is 64 bits");

static const struct fleet_column gap_columns[] = {
	TEXT("node_id"), TEXT("node"),	 NUMBER("id"),	  NUMBER("from_us"),
	NUMBER("to_us"), TEXT("reason"), NUMBER("count"),
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
	TEXT("node_id"),
	TEXT("node"),
	NUMBER("sent_us"),
	NUMBER("begin_us"),
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
	PLAIN("fleet_nodes", "nodes FINAL", node_columns),
};

const int fleet_n_relations = COUNT(fleet_relations);
