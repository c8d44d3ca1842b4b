/* parts.h - the parts that actors play in more than one test. Servers listen at
 * @addr and @port and give CUE_LISTENING; clients wait for it. */
#ifndef CONNMON_PARTS_H
#define CONNMON_PARTS_H

#include "sockets.h"
#include "stage.h"

/* What a client and a server say first: @request bytes there, @reply bytes back. The
 * connection, which stays open; of the client's, @client_port. */
int dial_and_talk(struct scene *s);
int accept_and_talk(struct scene *s, int listener);

/* A server's whole part in one connection; closes @listener. */
void serve_one(struct scene *s, int listener);
void serve_next(struct scene *s, int listener); /* of many: no cue, and @listener stays */

/* One connection, @request bytes there, @reply bytes back. */
void part_server(struct scene *s);
void part_client(struct scene *s);

/* The server's listen() says that nobody needs to wait: a backlog of 0. */
void part_server_without_backlog(struct scene *s);

/* The same as the first two @n_connections times; the client closes first. */
void part_servers(struct scene *s);
void part_clients(struct scene *s);

/* A server and a client of this stage that play these on 127.0.0.1, a byte each way. */
void connect_often(long n_connections);

/* A client that gives CUE_CONNECTED when it is done and waits for CUE_GO to close. */
void part_staying_client(struct scene *s);

/* A connect() to where nobody need listen; @error is what it said. */
void part_attempt(struct scene *s);

#endif
