/* history.h - the numbers that the tables keep for words; see migrations/,
 * whose view connections turns them back. Stored: never renumber. */
#ifndef CONNMON_HISTORY_H
#define CONNMON_HISTORY_H

enum direction {
	DIRECTION_OUT = 0,
	DIRECTION_IN = 1,
};

enum outcome {
	OUTCOME_CONNECTING = 0, /* only in open_connection */
	OUTCOME_OPEN = 1,	/* only in open_connection */
	OUTCOME_CLOSED = 2,
	OUTCOME_RESET_BY_PEER = 3,
	OUTCOME_RESET_BY_US = 4,
	OUTCOME_TIMED_OUT = 5, /* established, then no answer any more */
	OUTCOME_NEVER_ACCEPTED = 6,
	OUTCOME_KILLED = 7, /* by an administrator: ss -K */
	OUTCOME_LOST = 8,   /* the end was not seen */
	OUTCOME_ENDED_BY_ERROR = 9,

	OUTCOME_FAILED = 16, /* from here on the connection never came about */
	OUTCOME_REFUSED = 16,
	OUTCOME_TIMEOUT = 17,
	OUTCOME_UNREACHABLE = 18,
	OUTCOME_CANCELLED = 19, /* the program gave up first */
	OUTCOME_NO_PORT = 20,	/* no local port was free */
	OUTCOME_DENIED = 21,
	OUTCOME_ERROR = 22,
};

enum owner_source {
	OWNER_UNKNOWN = 0, /* stored as NULL */
	OWNER_CONNECT = 1,
	OWNER_ACCEPT = 2,
	OWNER_CLOSE = 3,
	OWNER_SCAN = 4,
	OWNER_LISTENER = 5,
	OWNER_KERNEL = 6,
};

enum connection_flag {
	CONNECTION_V4MAPPED = 1,     /* an IPv4 connection over an IPv6 socket */
	CONNECTION_PREEXISTING = 2,  /* older than the collector's run */
	CONNECTION_START_UNSEEN = 4, /* its begin was not recorded */
	CONNECTION_PEER_CLOSED = 8,  /* the peer's FIN came before ours */
	CONNECTION_MPTCP = 16,	     /* a path of a Multipath TCP connection */
	CONNECTION_LOOPBACK = 32,    /* the node with itself */
};

#endif
