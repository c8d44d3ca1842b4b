/* Whom connmon-forward sends to: URLs that it cannot take, and servers that do not answer. */
#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

static volatile bool stop;

static int setup(void **state)
{
	(void)state;
	stop = false;
	unsetenv("CLICKHOUSE_USER");
	unsetenv("CLICKHOUSE_PASSWORD");
	return 0;
}

static void assert_refused(const char *url, const char *words)
{
	struct server *s = NULL;
	struct err err = {0};

	assert_int_equal(server_new(url, NULL, &stop, &s, &err), -EINVAL);
	assert_null(s);
	if (!strstr(err.msg, words) || strstr(err.msg, "secret"))
		fail_msg("%s: %s", url, err.msg);
}

static void what_is_no_url_of_a_server_is_told(void **state)
{
	(void)state;
	assert_refused("ftp://h/", "this is no URL of a server; write for example http://");
	assert_refused("", "this is no URL of a server");
	assert_refused("http://", "this is no URL of a server");
	assert_refused("http://h/?password=secret", "password= would stand in the server's logs");
}

static void a_name_that_is_no_header_is_told_without_the_password(void **state)
{
	char url[1024];

	(void)state;
	snprintf(url, sizeof(url), "http://%0600d:secret@h/", 7);
	assert_refused(url, "the name or the password of the user is too long");
	setenv("CLICKHOUSE_USER", "a\nX-Other: b", 1);
	assert_refused("http://h/", "has a line break");
	unsetenv("CLICKHOUSE_USER");
	setenv("CLICKHOUSE_PASSWORD", "secret\r\n", 1);
	assert_refused("http://h/", "has a line break");
}

static void what_is_shown_has_neither_user_nor_settings(void **state)
{
	struct server *s = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(server_new("http://u:secret@h:8123/?database=d&max_threads=2#x", NULL,
				    &stop, &s, &err),
			 0);
	assert_string_equal(server_url(s), "http://h:8123/");
	assert_string_equal(server_database(s), "d");
	assert_int_equal(server_sent_bytes(s), 0);
	server_free(s);
	assert_int_equal(server_new("http://h/?database=", NULL, &stop, &s, &err), 0);
	assert_string_equal(server_database(s), "default");
	server_free(s);
	server_free(NULL);
}

/* In a network where nobody is, so that nobody answers. */
static void who_does_not_answer_is_told_and_asked_again(void **state)
{
	struct server *s = NULL;
	struct err err = {0};
	char *text = NULL;

	(void)state;
	if (unshare(CLONE_NEWNET) != 0)
		skip();
	assert_int_equal(server_new("http://127.0.0.1:8123/", NULL, &stop, &s, &err), 0);
	assert_int_equal(server_ask(s, "SELECT 1", false, &text, &err), ANSWER_LATER);
	assert_non_null(strstr(err.msg, "http://127.0.0.1:8123/"));
	assert_int_equal(server_insert(s, "INSERT INTO t FORMAT TabSeparated", "token",
				       (const unsigned char *)"x", 1, &err),
			 ANSWER_LATER);
	assert_int_equal(server_sent_bytes(s), 0);
	server_free(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_url_of_a_server_is_told),
		TEST(a_name_that_is_no_header_is_told_without_the_password),
		TEST(what_is_shown_has_neither_user_nor_settings),
		TEST(who_does_not_answer_is_told_and_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
