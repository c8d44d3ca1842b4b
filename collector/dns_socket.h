/*
 * dns_socket.h - packets from port 53, UDP and TCP over IPv4 and IPv6, as they pass the interfaces
 * of the network namespace in which the socket was made: of programs there, and of those in other
 * namespaces whose packets go through its veths and bridges.
 *
 * An AF_PACKET socket (packet(7)) with a ring of its own, TPACKET_V3: the kernel fills blocks of
 * many packets, hands one over when it is full or DNS_BLOCK_MS old, and counts what finds no room.
 * What the node says to itself is shown once, as it comes in. Of fragments only the first passes:
 * the others have no port.
 */
#ifndef CONNMON_DNS_SOCKET_H
#define CONNMON_DNS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define DNS_BLOCK_MS 100

struct dns_socket;

/* @given: what dns_socket_make() returned, here or in a process that passed it on, which is then
 * @out's; negative: it is made here. -EPERM: CAP_NET_RAW is missing; it is needed to make one.
 * After this no system call is made but getsockopt() (dns_socket_dropped), poll()
 * (dns_socket_await), munmap() and close(). */
int dns_socket_open(int given, struct dns_socket **out, struct err *err);

/* A socket for @given, unused as yet: a descriptor, or -errno. */
int dns_socket_make(void);
void dns_socket_free(struct dns_socket *s); /* NULL is allowed */

int dns_socket_fd(const struct dns_socket *s); /* readable when there is a block */

/* Calls @each with what one block holds: @len bytes of a packet of @wire_len, from its IP header
 * on, which came @wall_ns after the epoch. Returns 1 when there was a block; 0: none. */
int dns_socket_read(struct dns_socket *s,
		    void (*each)(void *ctx, const uint8_t *packet, size_t len, size_t wire_len,
				 int64_t wall_ns),
		    void *ctx);

/* Waits until the block that is being filled can be read, if there is anything in it. False: there
 * is nothing to be read. */
bool dns_socket_await(struct dns_socket *s);

/* Packets that found no room since it was opened. */
uint64_t dns_socket_dropped(struct dns_socket *s);

#endif
