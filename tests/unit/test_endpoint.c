/* ADDR, PORT, :PORT or ADDR:PORT, and nothing else. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "endpoint.h"

static void an_endpoint_is_an_address_a_port_or_both(void **state)
{
	static const struct {
		const char *text, *addr, *port;
	} cases[] = {
		{"10.0.1.10", "10.0.1.10", ""},
		{"10.0.1.10:443", "10.0.1.10", "443"},
		{":443", "", "443"},
		{"443", "", "443"},
		{":1", "", "1"},
		{":65535", "", "65535"},
		{"10.0.0.0/8", "10.0.0.0/8", ""},
		{"10.0.0.0/8:22", "10.0.0.0/8", "22"},
		{"::1", "::1", ""},
		{"2001:db8::1:443", "2001:db8::1:443", ""},
		{"[2001:db8::1]:443", "2001:db8::1", "443"},
		{"[2001:db8::1]", "2001:db8::1", ""},
		{"[2001:db8::/32]:443", "2001:db8::/32", "443"},
		{"::ffff:10.0.0.1", "::ffff:10.0.0.1", ""},
		{"example.com", "example.com", ""},
		{"example.com:443", "example.com", "443"},
		{"*.example.com:443", "*.example.com", "443"},
		{".example.com.", ".example.com.", ""},
		{"nginx", "nginx", ""},
		{"nginx:443", "nginx", "443"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint e;
		struct err err = {0};

		if (endpoint_parse(cases[i].text, &e, &err))
			fail_msg("%s", err.msg);
		assert_string_equal(e.addr, cases[i].addr);
		assert_string_equal(e.port, cases[i].port);
	}
}

static void what_is_neither_is_refused_by_its_name(void **state)
{
	static const char *const words[] = {
		"",
		":",
		":0",
		":65536",
		":044",
		":-1",
		": 80",
		"0",
		"65536",
		"044",
		"nginx:",
		"nginx:0",
		"a:b:443",
		"*:443",
		".",
		"10.0.1.10:",
		"10.0.1",
		"10.0.1.256",
		"10.0.0.0/33",
		"[::1",
		"[::1]443",
		"[::1]:",
		"[]:80",
		"[:80",
		"::1]:80",
		"10.0.1.1:80:90",
		"10.0.1.1 ",
		"%s%n",
		"0x7f000001",
		":80 ",
		"10.0.0.1:8o",
		"1111111111111111111111111111111111111111111111111111111111111111111111111:80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct endpoint e;
		struct err err = {0};

		if (!endpoint_parse(words[i], &e, &err))
			fail_msg("%s is %s and %s", words[i], e.addr, e.port);
		assert_int_equal(err.code, -EINVAL);
		assert_non_null(strstr(err.msg, words[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_is_an_address_a_port_or_both),
		cmocka_unit_test(what_is_neither_is_refused_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
