/*
 * forward.h - sends the history of this node to a server, and keeps account of it.
 *
 * What is in a database is sent in batches of connections in the order of their ids; which
 * batch it is stands in the state file before it is sent, so that after a crash of either side the
 * same one is sent again. Memory: two batches as gzip (each of 32 MiB of text at most; one is read
 * while the other is sent), likewise one portion of what is beside it (50,000 rows and the rest of
 * an hour's totals, or the listeners or the names, all of them); for each open connection twice 24
 * bytes, up to twice that while they become more, and its row as gzip when it is sent; and the
 * pages that SQLite keeps.
 */
#ifndef CONNMON_FORWARD_H
#define CONNMON_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "server.h"
#include "source.h"
#include "state.h"

struct forward_options {
	const char *db, *state;
	struct source_node node;
	bool is_named;	       /* --node: the user says which node this is */
	int64_t batch;	       /* rows */
	int64_t every_us;      /* so often it is called when all is sent; 0: that is no matter */
	struct server *server; /* borrowed */
};

struct forward;

/* Opens the database, and locks and reads the state file, if there is one. -EWOULDBLOCK: another
 * process uses that. *@o is borrowed, as is all in it.
 * The caller frees *@out. */
int forward_new(const struct forward_options *o, struct forward **out, struct err *err);
void forward_free(struct forward *f); /* NULL is allowed */

/* What became of a step. */
enum forward_step {
	FORWARD_MORE,  /* something was sent, and more waits */
	FORWARD_IDLE,  /* all is sent */
	FORWARD_LATER, /* it failed, and may succeed later; @err says why */
	FORWARD_WRONG, /* it failed, and will until somebody does something */
	FORWARD_LOST,  /* it failed here: the database, the state file, memory */
};

/* Sends one batch, and what belongs to it. @all: what is sent only now and then, too. */
enum forward_step forward_step(struct forward *f, bool all, struct err *err);

/* Writes the state file, when nothing more is to be sent for now. 0 or negative. */
int forward_keep(struct forward *f, struct err *err);

/* What it has to say beside errors, once: NULL for nothing. It stays valid until the next call. */
const char *forward_notice(struct forward *f);

/* How far it is; stays @f's. */
const struct state *forward_state(const struct forward *f);

#endif
