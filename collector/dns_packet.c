#include "dns_packet.h"

#include <string.h>

#define MAX_EXTENSIONS 8 /* headers between that of IPv6 and that of UDP or TCP */
#define IPV4_BYTES     20
#define IPV6_BYTES     40
#define UDP_BYTES      8
#define TCP_BYTES      20
#define TCP_FIN	       0x01
#define TCP_SYN	       0x02
#define TCP_RST	       0x04

/* What is left of the packet. */
struct rest {
	const uint8_t *at;
	size_t len;
};

static uint16_t number(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool skip(struct rest *r, size_t n)
{
	if (n > r->len)
		return false;
	r->at += n;
	r->len -= n;
	return true;
}

/* Behind the end that its header tells there may be padding. */
static enum dns_verdict cut_to(struct rest *r, size_t len, size_t wire_len)
{
	if (len > wire_len)
		return DNS_MALFORMED;
	if (len > r->len)
		return DNS_CUT;
	r->len = len;
	return DNS_USED;
}

/* To the header behind it, whose number goes into *@protocol. */
static enum dns_verdict read_ipv4(struct rest *r, size_t wire_len, struct dns_packet *out,
				  uint8_t *protocol)
{
	const uint8_t *h = r->at;
	enum dns_verdict verdict;
	size_t header;

	if (r->len < IPV4_BYTES)
		return DNS_MALFORMED;
	header = (h[0] & 15u) * 4;
	if (header < IPV4_BYTES || number(h + 2) < header)
		return DNS_MALFORMED;
	if (number(h + 6) & 0x3fff) /* more to come, or not the first */
		return DNS_FRAGMENT;
	verdict = cut_to(r, number(h + 2), wire_len);
	if (verdict != DNS_USED)
		return verdict;
	out->from.family = out->to.family = 4;
	memcpy(&out->from.addr, h + 12, 4);
	memcpy(&out->to.addr, h + 16, 4);
	*protocol = h[9];
	return skip(r, header) ? DNS_USED : DNS_MALFORMED;
}

/* Over the headers that RFC 8200 knows to stand between. */
static enum dns_verdict skip_extensions(struct rest *r, uint8_t *protocol)
{
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		const uint8_t *h = r->at;

		switch (*protocol) {
		case IPPROTO_FRAGMENT:
			/* One alone is whole: RFC 6946. */
			if (r->len < 8)
				return DNS_MALFORMED;
			if (number(h + 2) & 0xfff9)
				return DNS_FRAGMENT;
			skip(r, 8);
			break;
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			if (r->len < 8 || !skip(r, (h[1] + 1u) * 8))
				return DNS_MALFORMED;
			break;
		default:
			return DNS_USED;
		}
		*protocol = h[0];
	}
	return DNS_MALFORMED;
}

static enum dns_verdict read_ipv6(struct rest *r, size_t wire_len, struct dns_packet *out,
				  uint8_t *protocol)
{
	const uint8_t *h = r->at;
	enum dns_verdict verdict;

	if (r->len < IPV6_BYTES)
		return DNS_MALFORMED;
	verdict = cut_to(r, IPV6_BYTES + number(h + 4), wire_len);
	if (verdict != DNS_USED)
		return verdict;
	out->from.family = out->to.family = 6;
	memcpy(&out->from.addr, h + 8, 16);
	memcpy(&out->to.addr, h + 24, 16);
	*protocol = h[6];
	skip(r, IPV6_BYTES);
	return skip_extensions(r, protocol);
}

static enum dns_verdict read_udp(struct rest *r, struct dns_packet *out)
{
	const uint8_t *h = r->at;

	if (r->len < UDP_BYTES)
		return DNS_MALFORMED;
	if (number(h) != DNS_PORT)
		return DNS_PASSED;
	if (number(h + 4) < UDP_BYTES || number(h + 4) > r->len)
		return DNS_MALFORMED;
	out->to_port = number(h + 2);
	out->payload = h + UDP_BYTES;
	out->len = number(h + 4) - UDP_BYTES;
	return DNS_USED;
}

static enum dns_verdict read_tcp(struct rest *r, struct dns_packet *out)
{
	const uint8_t *h = r->at;
	size_t header;

	if (r->len < TCP_BYTES)
		return DNS_MALFORMED;
	if (number(h) != DNS_PORT)
		return DNS_PASSED;
	header = (h[12] >> 4) * 4u;
	if (header < TCP_BYTES || !skip(r, header))
		return DNS_MALFORMED;
	out->tcp = true;
	out->to_port = number(h + 2);
	out->seq = (uint32_t)number(h + 4) << 16 | number(h + 6);
	out->begins = h[13] & TCP_SYN;
	out->ends = h[13] & (TCP_FIN | TCP_RST);
	out->payload = r->at;
	out->len = r->len;
	return DNS_USED;
}

enum dns_verdict dns_packet_read(const uint8_t *packet, size_t len, size_t wire_len,
				 struct dns_packet *out)
{
	struct rest r = {packet, len};
	enum dns_verdict verdict;
	uint8_t protocol = 0;

	*out = (struct dns_packet){0};
	if (len == 0)
		return DNS_MALFORMED;
	switch (packet[0] >> 4) {
	case 4:
		verdict = read_ipv4(&r, wire_len, out, &protocol);
		break;
	case 6:
		verdict = read_ipv6(&r, wire_len, out, &protocol);
		break;
	default:
		return DNS_MALFORMED;
	}
	if (verdict != DNS_USED)
		return verdict;
	if (protocol == IPPROTO_UDP)
		return read_udp(&r, out);
	return protocol == IPPROTO_TCP ? read_tcp(&r, out) : DNS_PASSED;
}
