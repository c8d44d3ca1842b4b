/*
 * collector.h - the way of an event: probe -> decode -> track -> batch -> store,
 * on one thread. The kernel's ring is the only queue: while the database cannot be
 * written and the batch is full, nothing more is read, and what the ring then has
 * no room for is counted and kept as a gap.
 */
#ifndef CONNMON_COLLECTOR_H
#define CONNMON_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "note.h"
#include "options.h"

struct collector;

/* Opens all that @options (borrowed) ask for and takes stock of what is open. From
 * its return on every connection is met. @live: where --print goes (borrowed). @note is told
 * what is no error, also by the functions below. */
int collector_new(const struct options *options, FILE *live, const struct note *note,
		  struct collector **out, struct err *err);
void collector_free(struct collector *c); /* without a last flush; NULL is allowed */

/* For epoll with EPOLLET; call collector_work() when it is readable and every
 * COLLECTOR_TICK_MS. */
int collector_fd(const struct collector *c);
#define COLLECTOR_TICK_MS 200

/* The same for names; -1: they are not recorded. */
int collector_dns_fd(const struct collector *c);

/* The wall clock was set: from the next flush on, times are told by the new one. */
void collector_clock_set(struct collector *c);

/* Takes in what waits and flushes when it is time. Returns 1 when more may wait
 * already; 0 when not; negative when nothing can be written (it is tried again with the
 * next call; nothing is lost yet). Any other trouble is a note, once in 30 s. */
int collector_work(struct collector *c, struct err *err);

/* A sentence about programs that outlive the collector, for the user: at the begin, or at
 * the end. NULL: none. */
const char *collector_notice(const struct collector *c, bool at_end);

/* How it goes, for whoever watches over us. */
struct progress {
	int64_t committed_ns; /* the last commit, since boot; 0: none yet */
	bool idle;	      /* nothing waits: not in the ring, not for a commit */
	uint64_t ring_bytes;  /* that wait in the ring */
	uint64_t recorded;    /* rows written in this run */
	uint64_t missed;      /* connections known to be lost in it */
};
void collector_progress(const struct collector *c, struct progress *out);

struct closing {
	uint64_t recorded;     /* rows written in this run */
	uint64_t lost;	       /* connections whose end found no room */
	uint64_t names_missed; /* answers to DNS queries that could not be read, or kept */
};

/* Detaches, takes in what still waits, and flushes for the last time. */
int collector_finish(struct collector *c, struct closing *out, struct err *err);

#endif
