/* What a packet from port 53 takes: an answer for a name that is known, one for a new name, and
 * one that another interface showed before.
 *
 *	bench_dns [PACKETS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "dns.h"

/* A real answer of dnsmasq, of alias2.test, an alias of an alias. */
static const char packet_hex[] =
	"450000778c6740004011b00c7f0000017f0000010035e7020063fe76ca4a8580000100030000000006616c69"
	"6173320474657374000001"
	"0001c00c0005000100000000000c05616c696173047465737400c0290005000100000000000a036f6e650474"
	"65737400c04100010001000000000004c0000201";

#define ID_AT	 28 /* of the query: another one is no copy */
#define LABEL_AT 41

static uint8_t packet[sizeof(packet_hex) / 2];

enum kind { KNOWN, NEW, COPY };

static double ns_per_packet(enum kind kind, long n)
{
	struct dns *d = NULL;
	struct err err;
	int64_t begin_ns;

	if (dns_new(&d, &err))
		exit(1);
	begin_ns = clock_boot_ns();
	for (long i = 0; i < n; i++) {
		const uint32_t id = (uint32_t)i;

		if (kind != COPY)
			memcpy(packet + ID_AT, &id, 2);
		if (kind == NEW)
			for (int k = 0; k < 5; k++)
				packet[LABEL_AT + k] = (uint8_t)('a' + (id >> 4 * k & 15));
		/* Two seconds from one to the next, or the same id would be a copy, too. */
		dns_take(d, packet, sizeof(packet), sizeof(packet),
			 kind == COPY ? begin_ns : begin_ns + i * 2 * NS_PER_S);
		if (kind == NEW && i % 4000 == 3999) { /* as a flush does */
			struct flush f = {.now_boot_ns = begin_ns};

			dns_flush(d, false, &f);
			dns_flushed(d);
		}
	}
	begin_ns = clock_boot_ns() - begin_ns;
	dns_free(d);
	return (double)begin_ns / (double)n;
}

int main(int argc, char **argv)
{
	const long n = argc > 1 ? atol(argv[1]) : 1000000;

	for (size_t i = 0; i < sizeof(packet); i++) {
		unsigned int byte;

		if (sscanf(packet_hex + 2 * i, "%2x", &byte) != 1)
			return 1;
		packet[i] = (uint8_t)byte;
	}
	printf("answers to DNS queries, an alias of an alias, ns each: known %.0f, new %.0f, "
	       "copies %.0f\n",
	       ns_per_packet(KNOWN, n), ns_per_packet(NEW, n), ns_per_packet(COPY, n));
	return 0;
}
