/*
 * traffic.h - the connections of a node that does not exist, as the records its kernel side
 * would send. The same numbers give the same records, everywhere.
 *
 * The node: 60 programs in 41 containers run in 4,000 processes. Of the connections 55 % go out,
 * to 40 destinations for each program out of 3,000; 45 % come in, 70 % of these from 50 load
 * balancers and 30 % from 50,000 clients. One address in ten is IPv6. 3 % fail, 1 % are reset.
 * Most last from a millisecond to a second, the others up to a minute. Beside them come an exec
 * and an exit of some short-lived process for each 20 connections.
 */
#ifndef CONNMON_TRAFFIC_H
#define CONNMON_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

struct traffic_config {
	uint64_t seed;
	uint64_t connections;
	uint32_t processes;
	uint32_t long_of_100;  /* so many last longer than a second */
	int64_t begin_boot_ns; /* the first begins; at least an hour */
	int64_t span_ns;       /* the last begins that much later */
	int64_t review_ns;     /* what is open is told anew that often; 0: never */
};

struct traffic;

struct traffic *traffic_new(const struct traffic_config *config); /* NULL: no memory */
void traffic_free(struct traffic *t);				  /* NULL is allowed */

/*
 * The next record, of *@len bytes (a multiple of 8), valid until the next call: one of those of
 * event.h, in the order of their times. First come the containers and the programs that run. At
 * a review an EVENT_PROGRESS for each connection that is open, or one of no connection (id 0)
 * when none is. NULL: the last connection has ended, or memory is short.
 */
const void *traffic_next(struct traffic *t, size_t *len);

#endif
