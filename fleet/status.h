/* status.h - how far connmon-forward is, for people and for Prometheus. */
#ifndef CONNMON_STATUS_H
#define CONNMON_STATUS_H

#include <stdbool.h>
#include <stdio.h>

#include "err.h"
#include "state.h"

/* What the state file @s says, and how many connections of @db wait; -1: nobody knows. */
void status_write(const struct state *s, int64_t waiting, FILE *out);

/* As of the state of a forwarder that runs. */
struct status_metrics {
	const struct state *state;
	bool is_failing; /* the last try failed */
	uint64_t failures, sent_bytes;
};

/* FILE.tmp is written and renamed to @path: it is there whole or not at all. */
int status_write_metrics(const char *path, const struct status_metrics *m, struct err *err);

#endif
