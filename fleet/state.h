/*
 * state.h - the file in which connmon-forward keeps how far it is: lines "name value". It is there
 * whole or not at all: FILE.new is written, synced and renamed. Losing it costs nothing but rows
 * that are sent once more.
 */
#ifndef CONNMON_STATE_H
#define CONNMON_STATE_H

#include <stdint.h>

#include "err.h"

#define STATE_ID_BYTES	  33 /* 32 hex digits */
#define STATE_PLACE_BYTES 256

/* Ids and times are those of the node's database. */
struct state {
	char instance[STATE_ID_BYTES]; /* made with the file */
	char node_id[STATE_ID_BYTES];  /* for whom all this holds */
	char place[STATE_PLACE_BYTES]; /* and where: URL and database of the server */
	int64_t device, inode;	       /* of the database; it may be replaced by another */
	int64_t run_us;		       /* begin of its newest run; 0: not known */

	int64_t last_id; /* all connections up to it are on the server, or accounted for */
	/* A batch that was chosen, and may have been sent: those behind last_id up to this one.
	 * 0: none. */
	int64_t batch_to;
	int64_t batch_tries;	/* how often it was sent */
	int64_t batch_refusals; /* how often the server refused it, when it is one row */
	int64_t refused;	/* rows set aside, one after the other, none taken between */

	int64_t gap_id, run_id, process_id;	  /* the newest that was sent */
	int64_t listeners_us, exits_us, names_us; /* what changed before was sent */
	int64_t hour;	    /* of the totals that were sent, since the epoch */
	int64_t version_us; /* the sent_us given last; they only grow */

	/* Since the file is there. */
	int64_t rows_sent, rows_resent, bad_rows, unsent_rows;
	/* For --status: when something was sent last, and what then waited. */
	int64_t sent_us, behind_rows, behind_us, skew_us;
};

/* Reads *@out from @path. -ENOENT: there is none; -EINVAL: it is no such file. */
int state_read(const char *path, struct state *out, struct err *err);

/* Locks it through @path.lock, for as long as the file descriptor that is returned is open.
 * -EWOULDBLOCK: another process has it. */
int state_lock(const char *path, struct err *err);

int state_write(const char *path, const struct state *s, struct err *err);

/* A new one, with an instance of its own. */
void state_begin(struct state *s);

#endif
