/*
 * facts.h - what is sent beside connections: gaps, runs, listeners, processes, names, totals of
 * hours. Each is one of a table; to add one, write its SELECT and a row there.
 */
#ifndef CONNMON_FACTS_H
#define CONNMON_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "body.h"
#include "err.h"
#include "source.h"
#include "state.h"

#define FACTS 7

/* One portion of one fact. */
struct facts_portion {
	char insert[SOURCE_INSERT_BYTES];
	int64_t next; /* what stands in the state once it is sent */
	bool is_last; /* no more of this fact is there now */
};

/* Reads the next portion of fact @i into @body, for @state; @commit_us: what the collector had
 * written until then is there to be read. */
int facts_read(int i, struct source *s, const struct state *state, int64_t sent_us,
	       int64_t commit_us, struct body *body, struct facts_portion *out, struct err *err);

/* It was sent. */
void facts_sent(int i, const struct facts_portion *portion, struct state *state);

#endif
