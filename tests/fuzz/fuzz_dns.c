/* Packets of anybody, as they come from the socket: each two bytes of length, and so many bytes.
 * Whatever they are, all of them are in the account, and what would be written is in order. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "dns.h"
#include "feed.h"

/* Nothing that a terminal would obey, no capital letter, no empty label. */
static void check_name(const char *name)
{
	const size_t len = strlen(name);

	must(len > 0 && len < DNS_NAME_SIZE);
	must(name[0] != '.' && name[len - 1] != '.' && !strstr(name, ".."));
	for (size_t at = 0; at < len;) {
		uint32_t point = 0;
		const size_t n = escape_next(name + at, len - at, &point);

		must(n > 0 && !escape_is_unsafe(point) && !(point >= 'A' && point <= 'Z'));
		at += n;
	}
}

static void check_address(const struct dns_address *a)
{
	static const struct in6_addr none;

	must(a->family == 4 || a->family == 6);
	must(memcmp(&a->addr, &none, a->family == 4 ? 4 : 16) != 0);
	must(a->family == 4 || !IN6_IS_ADDR_V4MAPPED(&a->addr));
}

static void check_rows(struct dns *d, uint64_t packets)
{
	struct flush f = {.now_boot_ns = clock_boot_ns()};
	uint64_t sum = 0;

	dns_flush(d, true, &f);
	for (int i = 0; i < DNS_VERDICTS; i++)
		sum += f.dns.verdict[i];
	must(sum == packets);
	must((f.n_names > 0 || f.dns.overflow > 0) == (f.dns.verdict[DNS_USED] > 0));
	for (size_t i = 0; i < f.n_names; i++) {
		check_name(f.names[i]->name);
		check_address(&f.names[i]->address);
		must(f.names[i]->answers > 0);
		must(f.names[i]->first_boot_ns <= f.names[i]->last_boot_ns);
	}
	dns_flushed(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns *d = NULL;
	struct err err;
	uint64_t packets = 0;

	must(dns_new(&d, &err) == 0);
	while (size > 2) {
		const size_t wire_len = (size_t)data[0] << 8 | data[1];
		const size_t len = wire_len < size - 2 ? wire_len : size - 2;
		uint8_t *packet = malloc(len ? len : 1); /* so that its end is one */

		must(packet);
		memcpy(packet, data + 2, len);
		/* Each some seconds after the other, or the same would be a copy. */
		dns_take(d, packet, len, wire_len, (int64_t)++packets * 2 * NS_PER_S);
		free(packet);
		data += 2 + len;
		size -= 2 + len;
	}
	check_rows(d, packets);
	dns_free(d);
	return 0;
}
