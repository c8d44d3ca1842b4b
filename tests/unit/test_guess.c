/* What was probably meant. */
#include <string.h>

#include "unit.h"

#include "functions.h"
#include "guess.h"
#include "suggest.h"
#include "timespec.h"

struct guess_case {
	const char *text, *meant; /* NULL: nobody knows */
};

static void check(const struct guess_case *cases, size_t n,
		  bool (*guess)(const char *text, char out[GUESS_SIZE]))
{
	for (size_t i = 0; i < n; i++) {
		char out[GUESS_SIZE] = "";
		bool known = guess(cases[i].text, out);

		if (known != (cases[i].meant != NULL) ||
		    (known && strcmp(out, cases[i].meant) != 0))
			fail_msg("\"%s\": \"%s\"", cases[i].text, out);
	}
}

#define CHECK(cases, guess) check(cases, sizeof(cases) / sizeof(cases[0]), guess)

static const struct guess_case networks[] = {
	{"10", "10.0.0.0/8"},
	{"10.1", "10.1.0.0/16"},
	{"10.1.2", "10.1.2.0/24"},
	{"10.1.2.", "10.1.2.0/24"},
	{"10.1.2.*", "10.1.2.0/24"},
	{"10.*.*.*", "10.0.0.0/8"},
	{"10.1/16", "10.1.0.0/16"},
	{"10.0.0.0/33", "10.0.0.0/32"},
	{"10.0.0.1:443", "10.0.0.1"},
	{"010.001.000.009", "10.1.0.9"},
	{"[2001:db8::1]", "2001:db8::1"},
	{"[::1]:80", "::1"},
	{"fe80::1%eth0", "fe80::1"},
	{"256.0.0.1", NULL},
	{"1.2.3.4.5", NULL},
	{"1.2.3.4x", NULL},
	{"1.2.3.4:", NULL},
	{"example.org", NULL},
	{"[example]", NULL},
	{"[", NULL},
	{"%", NULL},
	{"*", NULL},
	{"", NULL},
};

static void a_part_of_an_address_is_a_network(void **state)
{
	struct network net;

	(void)state;
	CHECK(networks, guess_network);
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		if (networks[i].meant)
			assert_true(network_parse(networks[i].meant, &net));
}

static const struct guess_case durations[] = {
	{"1 hour", "1h"},
	{"1H", "1h"},
	{"90 minutes ago", "90m"},
	{"1h30m", "90m"},
	{"1h 30min 10 secs", "5410s"},
	{"7 days", "1w"},
	{"99999 weeks", "99999w"},
	{"5", NULL},
	{"0h", NULL},
	{"hour", NULL},
	{"1 fortnight", NULL},
	{"1h from now", NULL},
	{"999999999999h", NULL},
	{"ago", NULL},
	{"", NULL},
};

static void a_duration_in_other_words_is_understood(void **state)
{
	struct err err = {0};
	int64_t us;

	(void)state;
	CHECK(durations, guess_duration);
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
		if (durations[i].meant)
			assert_int_equal(timespec_parse_duration(durations[i].meant, &us, &err), 0);
}

static void a_service_without_a_name_is_not_guessed(void **state)
{
	static const struct guess_case ports[] = {
		{"no-such-service", NULL},
		{"", NULL},
		{"a-name-that-is-longer-than-any-of-them", NULL},
	};

	(void)state;
	CHECK(ports, guess_port);
}

static void what_others_call_so_is_near_where_we_have_it(void **state)
{
	struct suggestion s = {.word = "Host"};

	(void)state;
	suggest_try(&s, "port");
	suggest_try(&s, "peer");
	suggest_try(&s, "list");
	assert_string_equal(s.best, "peer");

	s = (struct suggestion){.word = "host"};
	suggest_try(&s, "schema");
	assert_null(s.best);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_of_an_address_is_a_network),
		cmocka_unit_test(a_duration_in_other_words_is_understood),
		cmocka_unit_test(a_service_without_a_name_is_not_guessed),
		cmocka_unit_test(what_others_call_so_is_near_where_we_have_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
