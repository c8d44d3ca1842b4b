/*
 * dns_stream.h - DNS over TCP (RFC 1035 4.2.2: each message behind its length in two bytes): takes
 * the messages out of segments as they pass, and puts together those that go over several.
 *
 * It watches DNS_STREAMS connections at a time, the one that has been quiet for the longest gives
 * way to a new one. What comes out of order is not waited for: the connection is given up, and what
 * is left of it counts as cut.
 */
#ifndef CONNMON_DNS_STREAM_H
#define CONNMON_DNS_STREAM_H

#include "dns_packet.h"

#define DNS_STREAMS 32 /* each holds at most one message: 64 KiB */

struct dns_streams;

struct dns_streams *dns_streams_new(void);    /* NULL: no memory */
void dns_streams_free(struct dns_streams *s); /* NULL is allowed */

/* Calls @each with every message that is whole by now, whose bytes are borrowed until it returns.
 * @packet is TCP. Returns the worthiest of what @each said, DNS_PASSED when it was not called, or
 * what is wrong. */
enum dns_verdict dns_streams_take(struct dns_streams *s, const struct dns_packet *packet,
				  enum dns_verdict (*each)(void *ctx, const uint8_t *message,
							   size_t len),
				  void *ctx);

#endif
