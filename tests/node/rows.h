/*
 * rows.h - what the database should hold after a scene, compared field by field.
 */
#ifndef CONNMON_ROWS_H
#define CONNMON_ROWS_H

#include "node.h"

/* One row of the view connections. Text: "" stands for NULL; numbers: 0. */
struct row {
	const char *direction, *outcome, *error, *comm;
	pid_t pid;
	uid_t uid;
	int family;
	const char *local_addr, *peer_addr;
	int local_port, peer_port;
	long tx_bytes, rx_bytes;
	const char *owner_source;
	pid_t closed_by;
	bool connected; /* connect_us is there */
};

/* Asserts that the ended connections of @netns are exactly @rows: outbound first,
 * then in the order in which they ended. */
void assert_rows(struct node *n, ino_t netns, const struct row *rows, int n_rows);

/* The two rows of a plain connection of @s between these processes. */
struct row out_row(const struct scene *s, pid_t client);
struct row in_row(const struct scene *s, pid_t server);

/* Lets both play in a new namespace, and fills in the two rows that a plain
 * connection between them leaves: out, in. Returns the namespace. */
ino_t play(struct node *n, struct scene *s, void (*server)(struct scene *),
	   void (*client)(struct scene *), struct row rows[2]);

#endif
