/* verdict.h - how a connection went, from what the kernel showed at its end. Pure. */
#ifndef CONNMON_VERDICT_H
#define CONNMON_VERDICT_H

#include <stdbool.h>

#include "history.h"

/* The last transition of a socket. */
struct ending {
	int old_state;	/* the TCP state before CLOSE: TCP_* of <netinet/tcp.h> */
	int error;	/* sk_err, 0: none */
	bool by_task;	/* done by a task that uses the socket, not by softirq or timer */
	bool no_socket; /* no file led to it any more, or yet */
	bool inbound;
	bool in_connect;   /* connect() itself failed: nothing was waited for */
	bool fin_received; /* the peer's FIN had come */
	bool all_acked;	   /* the peer has all payload, by its own word */
	bool early;	   /* connect() returned @error before there was any transition */
	bool unseen;	   /* it was not met; no error may mean that the program has taken it */
};

/* The outcome; *@error is the errno to keep with it (0: none). */
enum outcome verdict(const struct ending *ending, int *error);

#endif
