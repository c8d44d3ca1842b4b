/* herd.h - many who may just read the database, of all kinds: those who ask, those who hold what
 * they can, those who stop in the middle, and all of them killed at any moment. */
#ifndef CONNMON_HERD_H
#define CONNMON_HERD_H

#include "node.h"

#define HERD	  100
#define HERD_USER 61001 /* a member of the group of the files, and nobody else */

struct herd;

/* Begins when the collector has made its files, whose group becomes theirs. */
struct herd *herd_begin(struct node *n, const char *query);

/* Kills one of them, whichever, and lets another one come: not one of those who are stopped. */
void herd_kill_one(struct herd *c);

/* One of those who have a read transaction open and are stopped in it. */
pid_t herd_stopped(const struct herd *c);

struct herd_account {
	long begun, killed, refused; /* refused: their SQLite could not open or read */
	long asked;		     /* read transactions that came to their end */
	long locked;		     /* bytes that were locked */
};
struct herd_account herd_end(struct herd *c);

#endif
