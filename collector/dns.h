/*
 * dns.h - the names that this node's programs asked for, from the answers as they pass: packets
 * (dns_socket) -> UDP or TCP (dns_packet, dns_stream) -> messages (dns_message) -> what is to be
 * written (dns_names). On the collector's one thread.
 */
#ifndef CONNMON_DNS_H
#define CONNMON_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns_name.h"
#include "err.h"
#include "store.h"

struct dns;

/* Without a socket; -ENOMEM. */
int dns_new(struct dns **out, struct err *err);
void dns_free(struct dns *d); /* NULL is allowed */

/* Begins to listen, in this network namespace: -EPERM without CAP_NET_RAW. Or with @given, unless
 * negative: a socket of dns_lend.h, which is @d's from now on. */
int dns_listen(struct dns *d, int given, struct err *err);
int dns_fd(const struct dns *d); /* for epoll with EPOLLET */

/* Takes in what waits, some thousand packets at most. Returns 1 when there is more. @offset_ns:
 * wall clock minus time since boot. */
int dns_work(struct dns *d, int64_t offset_ns);

/* The same of what has just come, at the end. */
void dns_catch_up(struct dns *d, int64_t offset_ns);

/* One packet from its IP header on, of which @len bytes are there of @wire_len. */
void dns_take(struct dns *d, const uint8_t *packet, size_t len, size_t wire_len,
	      int64_t at_boot_ns);

/* Fills in what @f says of names; @all: also what was only seen again since the last flush. */
void dns_flush(struct dns *d, bool all, struct flush *f);
void dns_flushed(struct dns *d);     /* that was written */
void dns_forget_rows(struct dns *d); /* the database is another one */

/* What was to be read and is in no row, whatever the reason, since the run began. */
uint64_t dns_missed(const struct dns *d);

#endif
