/* Answers to DNS queries: what real resolvers say (dnsmasq 2.90, unbound 1.17.1, as they stood in
 * the packets) is taken as it is, and what nobody honest says is refused. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "dns_message.h"
#include "hex.h"

/* "NAME ADDRESS...", or what was the matter. */
static const char *read_hex(const char *hex)
{
	static const char *const words[] = {
		[DNS_PASSED] = "passed", [DNS_CUT] = "cut", [DNS_MALFORMED] = "malformed"};
	static struct dns_answer answer;
	static char text[4096];
	uint8_t bytes[8192];
	const size_t len = hex_bytes(hex, bytes, sizeof(bytes));
	const enum dns_verdict verdict = dns_message_read(bytes, len, &answer);
	int used;

	if (verdict != DNS_USED)
		return words[verdict];
	used = snprintf(text, sizeof(text), "%s", answer.name);
	for (int i = 0; i < answer.n; i++) {
		char address[INET6_ADDRSTRLEN];

		inet_ntop(answer.address[i].family == 6 ? AF_INET6 : AF_INET,
			  &answer.address[i].addr, address, sizeof(address));
		used += snprintf(text + used, sizeof(text) - (size_t)used, " %s", address);
	}
	return text;
}

struct answer {
	const char *hex, *means;
};

static void expect(const struct answer *answers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_string_equal(read_hex(answers[i].hex), answers[i].means);
}

#define EXPECT(answers) expect(answers, sizeof(answers) / sizeof((answers)[0]))

static void what_resolvers_say_is_taken_as_it_is(void **state)
{
	static const struct answer answers[] = {
		/* dnsmasq: an address; the same asked for in other case; of IPv6; an alias of an
		   alias. */
		{"03d885800001000100000000036f6e6504746573740000010001c00c00010001000000000004"
		 "c0000201",
		 "one.test 192.0.2.1"},
		{"f24885800001000100000000036f4e6504544553540000010001c00c00010001000000000004"
		 "c0000201",
		 "one.test 192.0.2.1"},
		{"38778580000100010000000003736978047465737400001c0001c00c001c0001000000000010"
		 "20010db8000000000000000000000006",
		 "six.test 2001:db8::6"},
		{"ca4a8580000100030000000006616c6961733204746573740000010001c00c00050001000000"
		 "00000c05616c696173047465737400c0290005000100000000000a036f6e65047465737400c0"
		 "4100010001000000000004c0000201",
		 "alias2.test 192.0.2.1"},
		/* unbound: three, and EDNS behind them; an IPv4 address in the form of IPv6. */
		{"791085800001000300000001046d616e7907756e626f756e6404746573740000010001c00c00"
		 "0100010000003c0004c000020dc00c000100010000003c0004c000020bc00c00010001000000"
		 "3c0004c000020c00002904d0000000000000",
		 "many.unbound.test 192.0.2.13 192.0.2.11 192.0.2.12"},
		{"5a5a85800001000100000000066d617070656407756e626f756e64047465737400001c0001c0"
		 "0c001c00010000003c001000000000000000000000ffffc000024d",
		 "mapped.unbound.test 192.0.2.77"},
		/* No such name; none such address; an alias to another answer; not an address. */
		{"439481830001000000000000046e6f706504746573740000010001", "passed"},
		{"186181800001000000000000036f6e65047465737400001c0001", "passed"},
		{"3853858000010001000000000377777707756e626f756e64047465737400001c0001c00c0005"
		 "00010000003c0007046d616e79c010",
		 "passed"},
		{"c57b85800001000000000000046d616e7907756e626f756e64047465737400000f0001",
		 "passed"},
	};

	(void)state;
	EXPECT(answers);
}

static void only_what_answers_the_question_counts(void **state)
{
	static const struct answer answers[] = {
		/* The least. */
		{"00078180000100010000000001610000010001c00c000100010000003c00040a000001",
		 "a 10.0.0.1"},
		/* An alias behind what it leads to. */
		{"00078180000100020000000001610000010001016200000100010000003c00040a000001c00c"
		 "000500010000003c0003016200",
		 "a 10.0.0.1"},
		/* What nobody asked for is left out. */
		{"00078180000100030000000001610000010001c00c000100010000003c00040a000001c00c00"
		 "0100010000003c00040a000002016200000100010000003c00040a000003",
		 "a 10.0.0.1 10.0.0.2"},
		/* The alias holds, not the address beside it. */
		{"00078180000100020000000001610000010001c00c000500010000003c0003016200c00c0001"
		 "00010000003c00040a000001",
		 "passed"},
		/* Case makes no difference. */
		{"00078180000100010000000001610000010001014100000100010000003c00040a000001",
		 "a 10.0.0.1"},
		/* Any type, when any was asked for. */
		{"00078180000100020000000001610000ff0001c00c000100010000003c00040a000001c00c00"
		 "1c00010000003c001000000000000000000000000000000001",
		 "a 10.0.0.1 ::1"},
		/* And not otherwise. */
		{"000781800001000100000000016100001c0001c00c000100010000003c00040a000001",
		 "passed"},
		/* 0.0.0.0 and :: are no addresses: what blocks names answers so. */
		{"00078180000100020000000001610000010001c00c000100010000003c000400000000c00c00"
		 "0100010000003c00040a000001",
		 "a 10.0.0.1"},
		{"000781800001000100000000016100001c0001c00c001c00010000003c001000000000000000"
		 "000000000000000000",
		 "passed"},
		/* A dot in a label, what a terminal would obey, what turns the line, and what is
		   just foreign. */
		{"00078180000100010000000005612e621b5c03e280ae04c3a920780000010001c00c00010001"
		 "0000003c00040a000001",
		 "a\\x2eb\\x1b\\\\.\\xe2\\x80\\xae.é x 10.0.0.1"},
		/* Of another class. */
		{"00078180000100010000000001610000010003c00c000100030000003c00040a000001",
		 "passed"},
		{"00078180000100010000000001610000010001c00c000100030000003c00040a000001",
		 "passed"},
		/* The root. */
		{"0007818000010001000000000000010001c00c000100010000003c00040a000001", "passed"},
		/* A query; a failure; an update; no question. */
		{"00070100000100010000000001610000010001c00c000100010000003c00040a000001",
		 "passed"},
		{"00078182000100010000000001610000010001c00c000100010000003c00040a000001",
		 "passed"},
		{"0007a980000100010000000001610000010001c00c000100010000003c00040a000001",
		 "passed"},
		{"000781800000000100000000016100000100010000003c00040a000001", "passed"},
		/* Cut: it is asked for again over TCP. */
		{"00078380000100010000000001610000010001c00c000100010000003c00040a000001", "cut"},
	};

	(void)state;
	EXPECT(answers);
}

static void what_is_not_in_order_is_refused(void **state)
{
	static const struct answer answers[] = {
		/* Less than a header; a header alone; half a question. */
		{"", "malformed"},
		{"0007818000010001000000", "malformed"},
		{"000781800001000100000000", "malformed"},
		{"000781800001000100000000016100000100", "malformed"},
		/* A record is missing; ends too early; has data of another length. */
		{"00078180000100010000000001610000010001", "malformed"},
		{"00078180000100010000000001610000010001c00c000100010000003c00040a0000",
		 "malformed"},
		{"00078180000100010000000001610000010001c00c000100010000003c00050a00000100",
		 "malformed"},
		{"000781800001000100000000016100001c0001c00c001c00010000003c00040a000001",
		 "malformed"},
		/* A pointer to itself; forward; into the header; one of half. */
		{"00078180000100010000000001610000010001c013000100010000003c00040a000001",
		 "malformed"},
		{"00078180000100010000000001610000010001c01f000100010000003c00040a000001",
		 "malformed"},
		{"00078180000100010000000001610000010001c000000100010000003c00040a000001",
		 "malformed"},
		{"00078180000100010000000001610000010001c0", "malformed"},
		/* A name that leads into itself. */
		{"0007818000010001000000000161c00c00010001c00c000100010000003c00040a000001",
		 "malformed"},
		/* A label of 65 bytes, which is none. */
		{"0007818000010001000000004178787878787878787878787878787878787878787878787878"
		 "7878787878787878787878787878787878787878787878787878787878787878787878787878"
		 "78780000010001c00c000100010000003c00040a000001",
		 "malformed"},
		/* A name of 256 bytes. */
		{"0007818000010001000000003f78787878787878787878787878787878787878787878787878"
		 "7878787878787878787878787878787878787878787878787878787878787878787878787878"
		 "3f78787878787878787878787878787878787878787878787878787878787878787878787878"
		 "78787878787878787878787878787878787878787878787878783f7878787878787878787878"
		 "7878787878787878787878787878787878787878787878787878787878787878787878787878"
		 "78787878787878787878787878783e7878787878787878787878787878787878787878787878"
		 "7878787878787878787878787878787878787878787878787878787878787878787878787878"
		 "780000010001c00c000100010000003c00040a000001",
		 "malformed"},
		/* Aliases in a circle. */
		{"00078180000100020000000001610000010001c00c000500010000003c000301620001620000"
		 "0500010000003c0002c00c",
		 "malformed"},
		/* An alias to nowhere. */
		{"00078180000100010000000001610000010001c00c000500010000003c0002c030", "malformed"},
	};

	(void)state;
	EXPECT(answers);
}

/* "a", and @n addresses. */
static size_t make_answer(uint8_t *out, int n)
{
	size_t len = hex_bytes("0007 8180 0001 0000 0000 0000 01 61 00 0001 0001", out, 64);

	out[6] = (uint8_t)(n >> 8);
	out[7] = (uint8_t)n;
	for (int i = 0; i < n; i++) {
		len += hex_bytes("c00c 0001 0001 0000003c 0004 0a000000", out + len, 64);
		out[len - 2] = (uint8_t)(n >> 8);
		out[len - 1] = (uint8_t)n;
	}
	return len;
}

static void as_many_records_are_read_as_are_promised(void **state)
{
	static uint8_t bytes[16 * (DNS_MAX_RECORDS + 1) + 64];
	static struct dns_answer answer;
	size_t len = make_answer(bytes, DNS_MAX_RECORDS);

	(void)state;
	assert_int_equal(dns_message_read(bytes, len, &answer), DNS_USED);
	assert_int_equal(answer.n, DNS_MAX_RECORDS);
	len = make_answer(bytes, DNS_MAX_RECORDS + 1);
	assert_int_equal(dns_message_read(bytes, len, &answer), DNS_MALFORMED);
}

/* 255 bytes: three labels of 63 and one of 61, with @byte in all of them. */
static size_t make_long(uint8_t *out, uint8_t byte)
{
	static const uint8_t labels[] = {63, 63, 63, 61};
	size_t len = hex_bytes("0007 8180 0001 0001 0000 0000", out, 64);

	for (size_t i = 0; i < sizeof(labels); i++) {
		out[len++] = labels[i];
		memset(out + len, byte, labels[i]);
		len += labels[i];
	}
	return len + hex_bytes("00 0001 0001 c00c 0001 0001 0000003c 0004 0a000001", out + len, 64);
}

static void a_name_may_have_255_bytes_and_253_characters_escapes_included(void **state)
{
	static struct dns_answer answer;
	uint8_t bytes[512];
	size_t len = make_long(bytes, 'x');

	(void)state;
	assert_int_equal(dns_message_read(bytes, len, &answer), DNS_USED);
	assert_int_equal(strlen(answer.name), 253);
	bytes[13] = 0xff; /* in place of one character, four: \xff */
	assert_int_equal(dns_message_read(bytes, len, &answer), DNS_MALFORMED);
	len = make_long(bytes, 0xff);
	assert_int_equal(dns_message_read(bytes, len, &answer), DNS_MALFORMED);
}

/* Each begin of a long answer. */
static void no_part_of_a_message_is_read_beyond_its_end(void **state)
{
	static struct dns_answer answer;
	static uint8_t whole[16 * 40 + 64];
	const size_t len = make_answer(whole, 40);

	(void)state;
	for (size_t n = 0; n < len; n++) {
		uint8_t *part = malloc(n ? n : 1); /* its end is one for the sanitizer */

		assert_non_null(part);
		memcpy(part, whole, n);
		assert_int_equal(dns_message_read(part, n, &answer), DNS_MALFORMED);
		free(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_resolvers_say_is_taken_as_it_is),
		cmocka_unit_test(only_what_answers_the_question_counts),
		cmocka_unit_test(what_is_not_in_order_is_refused),
		cmocka_unit_test(as_many_records_are_read_as_are_promised),
		cmocka_unit_test(a_name_may_have_255_bytes_and_253_characters_escapes_included),
		cmocka_unit_test(no_part_of_a_message_is_read_beyond_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
