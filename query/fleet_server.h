/*
 * fleet_server.h - the fleet's store: a ClickHouse server, asked over HTTP.
 *
 * Every statement runs with readonly=1, so nothing that is asked can write. The server sends
 * nothing before it has all of the answer (wait_end_of_query): what fails in the middle comes
 * with an error's status, and an answer that breaks off is no answer. It comes compressed, and is
 * kept in memory, up to FLEET_ANSWER_MAX_BYTES; the server is told of that bound, too.
 *
 * The user is that of the URL, else $CLICKHOUSE_USER with $CLICKHOUSE_PASSWORD. Over https the
 * server's certificate must be signed by one of the system's, or of the file $CONNMON_FLEET_CA.
 */
#ifndef CONNMON_FLEET_SERVER_H
#define CONNMON_FLEET_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define FLEET_ANSWER_MAX_BYTES (INT64_C(512) << 20)

struct fleet_server;

/* Reads @url: http or https://[USER[:PASSWORD]@]HOST[:PORT]/[?database=NAME]. Nothing is asked
 * yet. @timeout_us: how long the server may work at a statement, 0: any time. The caller closes
 * *@out. -EINVAL with what is wrong in the URL; -ENOMEM. */
int fleet_server_open(const char *url, int64_t timeout_us, struct fleet_server **out,
		      struct err *err);
void fleet_server_close(struct fleet_server *server); /* NULL is allowed */

/* "http://HOST:PORT", for messages: without a password. */
const char *fleet_server_name(const struct fleet_server *server);

struct fleet_answer {
	char *bytes; /* behind the last one is a NUL */
	size_t n, room;
};

/*
 * Asks @sql, which says itself in which format its rows come. The caller frees *@out with
 * fleet_answer_clear(), also when this fails. Fails with
 *   -EHOSTUNREACH  no such host, nobody listens there, or the connection broke
 *   -EACCES        user or password
 *   -ENOENT        no such database; nothing of connmon in it
 *   -EINVAL        the statement is wrong (@sql is the user's own)
 *   -EPROTO        the tables are of another version; no ClickHouse
 *   -E2BIG, -ETIMEDOUT, -EBUSY, -EIO, -ENOMEM
 */
int fleet_server_ask(struct fleet_server *server, const char *sql, struct fleet_answer *out,
		     struct err *err);

/* Likewise the user's own statement: what is wrong with names in it is told in the server's
 * words. */
int fleet_server_ask_own(struct fleet_server *server, const char *sql, struct fleet_answer *out,
			 struct err *err);
void fleet_answer_clear(struct fleet_answer *answer);

#endif
