/* Wherever memory runs short, once or for a while: the collector says so, goes on, and
 * afterwards each connection is there exactly once. */
#include "rig.h"

#include <stdio.h>

#include "memory.h"

/* Places in the course of a play; not all of them in each test run. */
#define STRIDE	397
#define A_WHILE 40

static struct rig rig = {.mend = memory_mend};

/* Denies the 1st, 2nd, ... piece of memory, one in each play, until a play is over before. */
static void deny_each(unsigned int times)
{
	struct rig_places at = rig_places(STRIDE);
	unsigned int played = 0, failures = 0;
	char words[128];

	for (;; at.next += at.stride) {
		rig_setup(&rig);
		memory_break(at.next, times);
		rig_play(&rig);
		memory_mend();
		snprintf(words, sizeof(words), "no memory %u times from place %u on", times,
			 at.next);
		rig_assert_whole(&rig, words);
		if (!memory_broke())
			break;
		played++;
		failures += rig.failures;
	}
	assert_true(played > 0 && failures > 0);
	print_message("%u times: %u places up to %u, %u messages\n", times, played, at.next,
		      failures);
}

static void memory_that_is_denied_once_loses_nothing(void **state)
{
	(void)state;
	deny_each(1);
}

static void memory_that_is_denied_for_a_while_loses_nothing(void **state)
{
	(void)state;
	deny_each(A_WHILE);
}

static int clean(void **state)
{
	(void)state;
	rig_teardown(&rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_that_is_denied_once_loses_nothing),
		cmocka_unit_test(memory_that_is_denied_for_a_while_loses_nothing),
	};

	memory_install();
	return cmocka_run_group_tests(tests, NULL, clean);
}
