/* Trouble that lasts, and trouble that comes and goes: what is said of it in how much time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clock.h"
#include "complaint.h"

#define BEGIN_NS (1000 * NS_PER_S)
#define EVERY_S	 30

static void trouble_is_told_at_once_and_so_is_its_end(void **state)
{
	struct complaint p = {0};

	(void)state;
	assert_false(complaint_is_over(&p, BEGIN_NS));
	assert_true(complaint_due(&p, BEGIN_NS));
	assert_true(complaint_is_over(&p, BEGIN_NS + 1));
	assert_false(complaint_is_over(&p, BEGIN_NS + 2));
}

static void trouble_that_lasts_is_told_every_thirty_seconds(void **state)
{
	struct complaint p = {0};
	int told = 0;

	(void)state;
	for (int s = 0; s < 10 * EVERY_S; s++)
		told += complaint_due(&p, BEGIN_NS + s * NS_PER_S);
	assert_int_equal(told, 10);
}

/* Of neither two within 30 s; and at the end of it all its end is said. */
static void trouble_that_comes_and_goes_is_told_as_rarely(void **state)
{
	struct complaint p = {0};
	int64_t told_ns = 0, over_ns = 0, now_ns = BEGIN_NS;
	int told = 0, over = 0;

	(void)state;
	for (int i = 0; i < 100 * EVERY_S * 10; i++) { /* ten times a second */
		now_ns += NS_PER_S / 10;
		if (i % 2 && complaint_due(&p, now_ns)) {
			assert_true(!told || now_ns - told_ns >= EVERY_S * NS_PER_S);
			told_ns = now_ns;
			told++;
		} else if (i % 2 == 0 && complaint_is_over(&p, now_ns)) {
			assert_true(!over || now_ns - over_ns >= EVERY_S * NS_PER_S);
			over_ns = now_ns;
			over++;
		}
	}
	assert_in_range(told, 95, 100);
	assert_in_range(over, 95, 100);
	now_ns += EVERY_S * NS_PER_S;
	complaint_is_over(&p, now_ns);
	assert_false(p.active);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trouble_is_told_at_once_and_so_is_its_end),
		cmocka_unit_test(trouble_that_lasts_is_told_every_thirty_seconds),
		cmocka_unit_test(trouble_that_comes_and_goes_is_told_as_rarely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
