/* From packets to what is to be written of names: UDP and TCP, over IPv4 and IPv6, whole and in
 * parts, once and again; each packet is in the account. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "dns.h"
#include "dns_names.h"
#include "hex.h"

#define MAX_PACKET 70000

/* dnsmasq's answers, as they stood on the wire. */
#define UDP_ONE_TEST                                                                               \
	"450000468c4840004011b05c7f0000017f0000010035c76b0032fe4503d885800001000100000000"         \
	"036f6e6504746573740000010001c00c00010001000000000004c0000201"
#define TCP_SYN                                                                                    \
	"4500003c0000400040063cba7f0000017f00000100358e22c2f9a2ab59d2cefea012ffcbfe300000"         \
	"0204ffd70402080a3a45f880403ce7fd0103030a"
#define TCP_ACK                                                                                    \
	"45000034707e40004006cc437f0000017f00000100358e22c2f9a2ac59d2cf1a80100040fe280000"         \
	"0101080a3a45f881403ce7fe"
#define TCP_SIX_TEST                                                                               \
	"45000060707f40004006cc167f0000017f00000100358e22c2f9a2ac59d2cf1a80180040fe540000"         \
	"0101080a3a45f881403ce7fe002aedd485800001000100000000037369780474657374000001"             \
	"0001c00c00010001000000000004c0000206"
#define TCP_FIN                                                                                    \
	"45000034708040004006cc417f0000017f00000100358e22c2f9a2d859d2cf1b80110040fe280000"         \
	"0101080a3a45f881403ce7fe"
/* And one like unbound's over IPv6. */
#define UDP6_HEADER                                                                                \
	"600cebe200321140 00000000000000000000000000000001 00000000000000000000000000000001"       \
	"0035 8af3 0032 0000"
#define SIX_TEST                                                                                   \
	"edd485800001000100000000037369780474657374000001"                                         \
	"0001c00c00010001000000000004c0000206"

struct fixture {
	struct dns *dns;
	int64_t now_ns;
	uint8_t packet[MAX_PACKET];
	size_t len;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err;

	assert_non_null(f);
	assert_int_equal(dns_new(&f->dns, &err), 0);
	f->now_ns = clock_boot_ns();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	dns_free(((struct fixture *)*state)->dns);
	free(*state);
	return 0;
}

static struct dns_counters counters(struct fixture *f)
{
	struct flush flush = {.now_boot_ns = f->now_ns};

	dns_flush(f->dns, false, &flush);
	return flush.dns;
}

static void take(struct fixture *f)
{
	dns_take(f->dns, f->packet, f->len, f->len, f->now_ns);
}

static void load(struct fixture *f, const char *hex)
{
	f->len = hex_bytes(hex, f->packet, sizeof(f->packet));
}

/* The packet counts as that, and as nothing else. */
static void expect(struct fixture *f, enum dns_verdict verdict)
{
	struct dns_counters before = counters(f), after;

	take(f);
	after = counters(f);
	before.verdict[verdict]++;
	assert_memory_equal(&before.verdict, &after.verdict, sizeof(after.verdict));
}

static void expect_hex(struct fixture *f, const char *hex, enum dns_verdict verdict)
{
	load(f, hex);
	expect(f, verdict);
}

/* What would be written is one row, of these. */
static void expect_row(struct fixture *f, const char *name, const char *address, const char *server,
		       int answers)
{
	struct flush flush = {.now_boot_ns = f->now_ns};
	const struct dns_name *row;
	char text[INET6_ADDRSTRLEN];

	dns_flush(f->dns, true, &flush);
	assert_int_equal(flush.n_names, 1);
	row = flush.names[0];
	assert_string_equal(row->name, name);
	inet_ntop(row->address.family == 6 ? AF_INET6 : AF_INET, &row->address.addr, text,
		  sizeof(text));
	assert_string_equal(text, address);
	inet_ntop(row->server.family == 6 ? AF_INET6 : AF_INET, &row->server.addr, text,
		  sizeof(text));
	assert_string_equal(text, server);
	assert_int_equal(row->answers, answers);
}

static void an_answer_over_udp_is_one_row_with_where_it_came_from(void **state)
{
	expect_hex(*state, UDP_ONE_TEST, DNS_USED);
	expect_row(*state, "one.test", "192.0.2.1", "127.0.0.1", 1);
}

static void the_same_over_ipv6(void **state)
{
	expect_hex(*state, UDP6_HEADER SIX_TEST, DNS_USED);
	expect_row(*state, "six.test", "192.0.2.6", "::1", 1);
}

static void what_two_interfaces_show_is_one_answer(void **state)
{
	struct fixture *f = *state;

	expect_hex(f, UDP_ONE_TEST, DNS_USED);
	f->now_ns += NS_PER_MS;
	expect(f, DNS_COPY);
	f->packet[8]--; /* a router was between them */
	expect(f, DNS_COPY);
	expect_row(f, "one.test", "192.0.2.1", "127.0.0.1", 1);
	f->packet[29]++; /* another query's id: asked for again */
	expect(f, DNS_USED);
	f->now_ns += 10 * NS_PER_S;
	expect(f, DNS_USED);
	expect_row(f, "one.test", "192.0.2.1", "127.0.0.1", 3);
}

static void an_answer_over_tcp_is_read_from_its_segment(void **state)
{
	expect_hex(*state, TCP_SYN, DNS_PASSED);
	expect_hex(*state, TCP_ACK, DNS_PASSED);
	expect_hex(*state, TCP_SIX_TEST, DNS_USED);
	expect_hex(*state, TCP_SIX_TEST, DNS_COPY);
	expect_hex(*state, TCP_FIN, DNS_PASSED);
	expect_hex(*state, TCP_SIX_TEST, DNS_COPY);
	expect_row(*state, "six.test", "192.0.2.6", "127.0.0.1", 1);
}

static void also_when_its_begin_was_not_seen(void **state)
{
	expect_hex(*state, TCP_SIX_TEST, DNS_USED);
	expect_row(*state, "six.test", "192.0.2.6", "127.0.0.1", 1);
}

#define IPV4_BYTES 20
#define TCP_BYTES  32
#define HEADERS	   (IPV4_BYTES + TCP_BYTES)

/* The bytes of the answer over TCP from @from to before @to, as a segment of their own. */
static void load_part(struct fixture *f, size_t from, size_t to)
{
	static uint8_t whole[200];
	const size_t len = hex_bytes(TCP_SIX_TEST, whole, sizeof(whole));

	assert_true(HEADERS + to <= len);
	memcpy(f->packet, whole, HEADERS);
	memcpy(f->packet + HEADERS, whole + HEADERS + from, to - from);
	f->len = HEADERS + to - from;
	f->packet[3] = (uint8_t)f->len;
	f->packet[IPV4_BYTES + 7] = (uint8_t)(f->packet[IPV4_BYTES + 7] + from);
}

#define ANSWER_BYTES 44 /* with its length */

static void it_may_go_over_segments_wherever_they_are_cut(void **state)
{
	struct fixture *f = *state;

	for (size_t cut = 1; cut < ANSWER_BYTES; cut++) {
		/* Of another connection each. */
		load(f, TCP_SYN);
		f->packet[IPV4_BYTES + 2] = (uint8_t)cut;
		expect(f, DNS_PASSED);
		load_part(f, 0, cut);
		f->packet[IPV4_BYTES + 2] = (uint8_t)cut;
		expect(f, DNS_PASSED);
		load_part(f, cut, ANSWER_BYTES);
		f->packet[IPV4_BYTES + 2] = (uint8_t)cut;
		expect(f, DNS_USED);
	}
	expect_row(f, "six.test", "192.0.2.6", "127.0.0.1", ANSWER_BYTES - 1);
}

static void bytes_that_are_sent_again_count_once(void **state)
{
	struct fixture *f = *state;

	expect_hex(f, TCP_SYN, DNS_PASSED);
	load_part(f, 0, 20);
	expect(f, DNS_PASSED);
	load_part(f, 10, ANSWER_BYTES);
	expect(f, DNS_USED);
	expect_row(f, "six.test", "192.0.2.6", "127.0.0.1", 1);
}

static void a_hole_in_a_connection_is_told(void **state)
{
	struct fixture *f = *state;

	expect_hex(f, TCP_SYN, DNS_PASSED);
	load_part(f, 20, ANSWER_BYTES);
	expect(f, DNS_CUT);
	load_part(f, 0, 20);
	expect(f, DNS_CUT);
}

static void a_connection_that_ends_in_a_message_is_told(void **state)
{
	struct fixture *f = *state;

	expect_hex(f, TCP_SYN, DNS_PASSED);
	load_part(f, 0, ANSWER_BYTES - 1);
	expect(f, DNS_PASSED);
	load(f, TCP_FIN);
	f->packet[IPV4_BYTES + 7]--;
	expect(f, DNS_CUT);
}

static void a_length_that_no_message_has_is_malformed(void **state)
{
	struct fixture *f = *state;

	expect_hex(f, TCP_SYN, DNS_PASSED);
	load(f, TCP_SIX_TEST);
	f->packet[HEADERS + 1] = 11;
	expect(f, DNS_MALFORMED);
}

static void more_connections_than_are_watched_push_the_oldest_out(void **state)
{
	struct fixture *f = *state;

	for (int port = 0; port < 100; port++) {
		load(f, TCP_SYN);
		f->packet[IPV4_BYTES + 2] = (uint8_t)port;
		expect(f, DNS_PASSED);
		load_part(f, 0, 20);
		f->packet[IPV4_BYTES + 2] = (uint8_t)port;
		expect(f, DNS_PASSED);
	}
	load_part(f, 20, ANSWER_BYTES);
	f->packet[IPV4_BYTES + 2] = 99;
	expect(f, DNS_USED);
	f->packet[IPV4_BYTES + 2] = 1;
	expect(f, DNS_CUT);
}

static void fragments_and_cut_packets_are_refused_by_their_names(void **state)
{
	struct fixture *f = *state;

	load(f, UDP_ONE_TEST);
	f->packet[6] = 0x20;
	expect(f, DNS_FRAGMENT);
	load(f, UDP_ONE_TEST);
	dns_take(f->dns, f->packet, f->len - 1, f->len, f->now_ns);
	assert_int_equal(counters(f).verdict[DNS_CUT], 1);
	f->packet[0] = 0x65;
	expect(f, DNS_MALFORMED);
	f->packet[0] = 0x44;
	expect(f, DNS_MALFORMED);
	f->packet[0] = 0x15;
	expect(f, DNS_MALFORMED);
	/* A fragment's header: of a whole packet, and of the first of some. */
	expect_hex(f,
		   "600cebe2003b2c40 00000000000000000000000000000001"
		   "00000000000000000000000000000001 11 00 0000 00000001"
		   "0035 8af3 0032 0000" SIX_TEST,
		   DNS_MALFORMED); /* its length says more */
	f->packet[5] = 0x3a;
	expect(f, DNS_USED);
	f->packet[43] = 1;
	expect(f, DNS_FRAGMENT);
}

static void headers_between_are_read_over_but_not_for_ever(void **state)
{
	struct fixture *f = *state;

	expect_hex(f,
		   "600cebe2003a3c40 00000000000000000000000000000001"
		   "00000000000000000000000000000001 11 00 0104 00000000"
		   "0035 8af3 0032 0000" SIX_TEST,
		   DNS_USED);
	f->packet[40] = 0x3c; /* what follows is another one, and so on */
	expect(f, DNS_MALFORMED);
}

/* ---- what is held ---- */

/* An answer for a name that is @n. */
static void take_name(struct fixture *f, uint32_t n)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *label;

	load(f, UDP6_HEADER "edd485800001000100000000 08 3030303030303030 0000010001"
			    "c00c00010001000000000004c0000206");
	f->packet[5] = (uint8_t)(f->len - 40);
	f->packet[45] = (uint8_t)(f->len - 40);
	label = f->packet + 48 + 12 + 1;
	for (int i = 0; i < 8; i++)
		label[i] = (uint8_t)digits[n >> 4 * i & 15];
	take(f);
}

static void a_flood_of_names_is_bounded_and_counted(void **state)
{
	struct fixture *f = *state;
	struct flush flush = {.now_boot_ns = f->now_ns};
	const uint32_t n = 3 * DNS_NAMES_HELD;

	for (uint32_t i = 0; i < n; i++)
		take_name(f, i);
	dns_flush(f->dns, false, &flush);
	assert_int_equal(flush.n_names, DNS_NAMES_NEW);
	assert_int_equal(flush.dns.overflow, n - DNS_NAMES_NEW);
	assert_int_equal(dns_missed(f->dns), n - DNS_NAMES_NEW);
	/* Flush after flush no more are held than there is room for. */
	for (uint32_t i = 0; i < 2 * DNS_NAMES_HELD / DNS_NAMES_NEW; i++) {
		dns_flushed(f->dns);
		for (uint32_t k = 0; k < DNS_NAMES_NEW; k++)
			take_name(f, (i + 1) * n + k);
		dns_flush(f->dns, false, &flush);
		assert_true(flush.n_names <= DNS_NAMES_HELD);
	}
	/* What was not asked for lately has made room. */
	dns_flushed(f->dns);
	take_name(f, UINT32_MAX);
	dns_flush(f->dns, false, &flush);
	dns_flushed(f->dns);
	take_name(f, UINT32_MAX - 1);
	dns_flush(f->dns, false, &flush);
	assert_true(flush.n_names >= 1);
}

static void what_is_seen_again_is_written_a_minute_later(void **state)
{
	struct fixture *f = *state;
	struct flush flush = {.now_boot_ns = f->now_ns};

	take_name(f, 1);
	dns_flush(f->dns, false, &flush);
	assert_int_equal(flush.n_names, 1);
	dns_flushed(f->dns);
	f->now_ns += 2 * NS_PER_S;
	take_name(f, 1);
	dns_flush(f->dns, false, &flush);
	assert_int_equal(flush.n_names, 0);
	dns_flushed(f->dns);
	flush.now_boot_ns += 62 * NS_PER_S;
	dns_flush(f->dns, false, &flush);
	assert_int_equal(flush.n_names, 1);
	assert_int_equal(flush.names[0]->answers, 1);
	assert_int_equal(flush.names[0]->last_boot_ns, f->now_ns);
}

static void what_could_not_be_written_is_told_again(void **state)
{
	struct fixture *f = *state;

	take_name(f, 1);
	expect_row(f, "10000000", "192.0.2.6", "::1", 1);
	expect_row(f, "10000000", "192.0.2.6", "::1", 1);
}

static void a_new_database_gets_the_names_and_an_account_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct flush flush = {.now_boot_ns = f->now_ns};

	take_name(f, 1);
	dns_flush(f->dns, false, &flush);
	dns_flushed(f->dns);
	dns_forget_rows(f->dns);
	dns_flush(f->dns, false, &flush);
	assert_int_equal(flush.n_names, 1);
	assert_int_equal(flush.dns.verdict[DNS_USED], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_over_udp_is_one_row_with_where_it_came_from),
		TEST(the_same_over_ipv6),
		TEST(what_two_interfaces_show_is_one_answer),
		TEST(an_answer_over_tcp_is_read_from_its_segment),
		TEST(also_when_its_begin_was_not_seen),
		TEST(it_may_go_over_segments_wherever_they_are_cut),
		TEST(bytes_that_are_sent_again_count_once),
		TEST(a_hole_in_a_connection_is_told),
		TEST(a_connection_that_ends_in_a_message_is_told),
		TEST(a_length_that_no_message_has_is_malformed),
		TEST(more_connections_than_are_watched_push_the_oldest_out),
		TEST(fragments_and_cut_packets_are_refused_by_their_names),
		TEST(headers_between_are_read_over_but_not_for_ever),
		TEST(a_flood_of_names_is_bounded_and_counted),
		TEST(what_is_seen_again_is_written_a_minute_later),
		TEST(what_could_not_be_written_is_told_again),
		TEST(a_new_database_gets_the_names_and_an_account_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
