#include "unit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "print.h"

#define AT_NS (1769853600LL * NS_PER_S + 94 * NS_PER_MS) /* 2026-01-31 10:00:00.094 UTC */

static const char *line(const struct connection *c)
{
	static char buf[512];
	FILE *f;

	memset(buf, 0, sizeof(buf));
	setenv("TZ", "UTC", 1);
	tzset();
	f = fmemopen(buf, sizeof(buf) - 1, "w");
	assert_non_null(f);
	if (c)
		print_connection(&(struct print){.out = f}, c, AT_NS - 5, 5);
	else
		print_header(&(struct print){.out = f});
	fclose(f);
	return buf;
}

static struct connection connection(const char *local, const char *peer, uint8_t family)
{
	struct connection c = {.family = family,
			       .peer_port = 6443,
			       .owner = {.pid = 7812, .comm = "curl"}};

	assert_int_equal(inet_pton(family == 6 ? AF_INET6 : AF_INET, local, &c.local_addr), 1);
	assert_int_equal(inet_pton(family == 6 ? AF_INET6 : AF_INET, peer, &c.peer_addr), 1);
	return c;
}

static void an_attempt_is_one_line_in_the_columns_of_the_header(void **state)
{
	struct connection c = connection("10.0.1.20", "10.0.1.10", 4);

	(void)state;
	assert_string_equal(
		line(NULL),
		"TIME         COMM             PID     SADDR           -> DADDR:PORT\n");
	assert_string_equal(
		line(&c),
		"10:00:00.094 curl             7812    10.0.1.20       -> 10.0.1.10:6443\n");
}

static void an_accepted_one_points_inwards_and_names_the_service(void **state)
{
	struct connection c = connection("10.0.1.20", "10.0.1.10", 4);

	(void)state;
	c.direction = DIRECTION_IN;
	c.local_port = 80;
	assert_string_equal(
		line(&c),
		"10:00:00.094 curl             7812    10.0.1.20:80    <- 10.0.1.10:6443\n");
}

static void ipv6_addresses_stand_in_brackets_before_a_port(void **state)
{
	struct connection c = connection("2001:db8::1", "::1", 6);

	(void)state;
	assert_string_equal(
		line(&c), "10:00:00.094 curl             7812    2001:db8::1     -> [::1]:6443\n");
}

static void an_unknown_owner_is_a_question_mark_and_a_hostile_name_is_escaped(void **state)
{
	struct connection c = connection("10.0.1.20", "10.0.1.10", 4);

	(void)state;
	strcpy(c.owner.comm, "a\x1b[2J\n");
	assert_non_null(strstr(line(&c), " a\\x1b[2J\\x0a "));
	c.owner.pid = 0;
	assert_non_null(strstr(line(&c), " ?                ?       10.0.1.20"));
}

static void a_reader_that_is_too_slow_misses_lines_and_is_told_how_many(void **state)
{
	struct connection c = connection("10.0.1.20", "10.0.1.10", 4);
	struct print p = {0};
	char buf[65536];
	uint64_t skipped;
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	p.out = fdopen(fds[1], "w");
	assert_non_null(p.out);
	while (p.skipped < 3)
		print_connection(&p, &c, AT_NS, 0);
	skipped = p.skipped;
	n = read(fds[0], buf, sizeof(buf));
	assert_true(n > 4096);
	print_connection(&p, &c, AT_NS, 0);
	assert_int_equal(p.skipped, 0);
	n = read(fds[0], buf, sizeof(buf) - 1);
	assert_true(n > 0);
	buf[n] = '\0';
	assert_int_equal(skipped, 3);
	assert_non_null(strstr(buf, "(3 lines skipped: they were not read in time)\n10:00:00.094"));
	fclose(p.out);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attempt_is_one_line_in_the_columns_of_the_header),
		cmocka_unit_test(an_accepted_one_points_inwards_and_names_the_service),
		cmocka_unit_test(ipv6_addresses_stand_in_brackets_before_a_port),
		cmocka_unit_test(a_reader_that_is_too_slow_misses_lines_and_is_told_how_many),
		cmocka_unit_test(an_unknown_owner_is_a_question_mark_and_a_hostile_name_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
