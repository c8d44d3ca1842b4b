/*
 * dns_packet.h - what an IP packet from port 53 carries: where the UDP datagram's or the TCP
 * segment's bytes are, and between whom. Pure; the bytes may be anybody's. Facts: RFC 791 3.1,
 * RFC 8200 4, RFC 768, RFC 9293 3.1.
 */
#ifndef CONNMON_DNS_PACKET_H
#define CONNMON_DNS_PACKET_H

#include <stdbool.h>

#include "dns_message.h"

struct dns_packet {
	struct dns_address from, to;
	uint16_t to_port;
	bool tcp;
	/* Of TCP. */
	bool begins;  /* SYN: @seq is one before the first byte's */
	bool ends;    /* FIN or RST */
	uint32_t seq; /* of the first byte here */
	/* In the packet. */
	const uint8_t *payload;
	size_t len;
};

/* @len bytes are there of the @wire_len that the packet has, from its IP header on. Fills in *@out
 * when it returns DNS_USED; else DNS_PASSED (nothing of DNS), DNS_FRAGMENT, DNS_CUT or
 * DNS_MALFORMED. */
enum dns_verdict dns_packet_read(const uint8_t *packet, size_t len, size_t wire_len,
				 struct dns_packet *out);

#endif
