/* What the service manager hears of a collector that gets on, and of one that does not: the
 * collector and the clock are this test's. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "heard.h"
#include "service.h"

#define DB	    "/var/lib/connmon.db"
#define WATCHDOG_NS (40 * NS_PER_S)

static int64_t now_ns;
static char nobody; /* stands for a collector, into which nothing here looks */
#define COLLECTOR ((const struct collector *)&nobody)
static struct progress shown;

int64_t clock_boot_ns(void)
{
	return now_ns;
}

void collector_progress(const struct collector *c, struct progress *out)
{
	(void)c;
	*out = shown;
}

/* A service that has said that it is ready, which was heard. */
static struct service ready(int heard, const char *db)
{
	struct service s = {0};
	struct err err = {0};

	now_ns = 100 * NS_PER_S;
	shown = (struct progress){.committed_ns = 1, .recorded = 5, .missed = 2};
	assert_int_equal(manager_open(&s.manager, &err), 0);
	s.manager.watchdog_ns = WATCHDOG_NS;
	service_ready(&s, COLLECTOR, db);
	assert_heard(heard, "READY=1");
	assert_heard(heard, db ? "STATUS=recording to " DB ": 5 connections in this run, 2 lost"
			       : "STATUS=watching only");
	assert_nothing_heard(heard);
	return s;
}

static void turn(struct service *s, const char *db, const struct err *trouble)
{
	service_turn(s, COLLECTOR, db, trouble);
}

static void how_it_goes_is_told_every_10_s(void **state)
{
	const int heard = *(int *)*state;
	struct service s = ready(heard, DB);

	shown.recorded = 7;
	now_ns += 10 * NS_PER_S - 1;
	s.pinged_ns = now_ns; /* not of that here */
	turn(&s, DB, NULL);
	assert_nothing_heard(heard);
	now_ns++;
	turn(&s, DB, NULL);
	assert_heard(heard, "STATUS=recording to " DB ": 7 connections in this run, 2 lost");
	assert_nothing_heard(heard);
	manager_close(&s.manager);
}

static void a_trouble_is_told_at_once_and_so_is_its_end(void **state)
{
	const int heard = *(int *)*state;
	const struct err trouble = {.code = -ENOSPC, .msg = "the disk is full"};
	struct service s = ready(heard, DB);

	shown.ring_bytes = 3 << 20;
	turn(&s, DB, &trouble);
	assert_heard(heard, "STATUS=the disk is full; 3072 KiB wait in the ring");
	turn(&s, DB, &trouble);
	assert_nothing_heard(heard); /* it is known */
	turn(&s, DB, NULL);
	assert_heard(heard, "STATUS=recording to " DB ": 5 connections in this run, 2 lost");
	assert_nothing_heard(heard);
	manager_close(&s.manager);
}

/* A turn a fourth of the watchdog's time later; the status, which is due too, is passed over. */
static void assert_pinged(struct service *s, int heard, const char *db, const struct err *trouble,
			  bool expected)
{
	char text[512];
	int given;

	now_ns += WATCHDOG_NS / 4;
	turn(s, db, trouble);
	assert_int_equal(heard_next(heard, text, &given), 0);
	assert_int_equal(strncmp(text, "STATUS=", 7), 0);
	if (expected)
		assert_heard(heard, "WATCHDOG=1");
	assert_nothing_heard(heard);
}

static void the_watchdog_hears_nothing_of_one_that_turns_round_and_commits_nothing(void **state)
{
	const int heard = *(int *)*state;
	struct service s = ready(heard, DB);

	assert_pinged(&s, heard, DB, NULL, true); /* it had committed */
	assert_pinged(&s, heard, DB, NULL, false);
	shown.committed_ns++;
	assert_pinged(&s, heard, DB, NULL, true);
	assert_pinged(&s, heard, DB, NULL, false);
	manager_close(&s.manager);
}

static void the_watchdog_hears_of_one_with_nothing_to_do_or_a_known_trouble(void **state)
{
	const int heard = *(int *)*state;
	const struct err trouble = {.code = -ENOSPC, .msg = "the disk is full"};
	struct service s = ready(heard, DB);

	s.committed_ns = shown.committed_ns;
	assert_pinged(&s, heard, DB, NULL, false);
	shown.idle = true;
	assert_pinged(&s, heard, DB, NULL, true);
	shown.idle = false;
	assert_pinged(&s, heard, DB, &trouble, true);
	now_ns += WATCHDOG_NS / 4 - 1; /* not more often than that */
	s.told_ns = now_ns;
	turn(&s, DB, &trouble);
	assert_nothing_heard(heard);
	manager_close(&s.manager);
}

static void one_without_a_database_is_alive_as_long_as_it_turns(void **state)
{
	const int heard = *(int *)*state;
	struct service s = ready(heard, NULL);

	s.committed_ns = shown.committed_ns;
	assert_pinged(&s, heard, NULL, NULL, true);
	assert_pinged(&s, heard, NULL, NULL, true);
	manager_close(&s.manager);
}

static void without_a_watchdog_it_is_told_how_it_goes_and_no_more(void **state)
{
	const int heard = *(int *)*state;
	struct service s = ready(heard, DB);

	s.manager.watchdog_ns = 0;
	assert_pinged(&s, heard, DB, NULL, false);
	manager_close(&s.manager);
}

static void without_a_manager_nothing_is_said(void **state)
{
	const int heard = *(int *)*state;
	struct service s = {.manager.fd = -1};

	service_ready(&s, COLLECTOR, DB);
	turn(&s, DB, &(struct err){.msg = "a trouble"});
	assert_nothing_heard(heard);
	assert_int_equal(s.told_ns, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, heard_setup, heard_teardown)
	const struct CMUnitTest tests[] = {
		TEST(how_it_goes_is_told_every_10_s),
		TEST(a_trouble_is_told_at_once_and_so_is_its_end),
		TEST(the_watchdog_hears_nothing_of_one_that_turns_round_and_commits_nothing),
		TEST(the_watchdog_hears_of_one_with_nothing_to_do_or_a_known_trouble),
		TEST(one_without_a_database_is_alive_as_long_as_it_turns),
		TEST(without_a_watchdog_it_is_told_how_it_goes_and_no_more),
		TEST(without_a_manager_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
