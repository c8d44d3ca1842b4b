/* RowBinary that is none, as a broken server or another one may send it. */
#include "unit.h"

#include <string.h>

#include "fleet_binary.h"

#define BYTES(text) ((struct binary){text, sizeof(text) - 1})

static void a_cell_that_breaks_off_is_none(void **state)
{
	struct binary b;
	struct cell c;

	(void)state;
	b = BYTES("\0\3abc");
	assert_true(binary_cell(&b, true, &c));
	assert_int_equal(c.len, 3);
	assert_memory_equal(c.text, "abc", 3);
	assert_int_equal(b.n, 0);
	assert_false(binary_cell(&b, true, &c)); /* nothing is left */
	b = BYTES("\0\4abc");
	assert_false(binary_cell(&b, true, &c));
	b = BYTES("\2");
	assert_false(binary_cell(&b, true, &c));
	b = BYTES("\0");
	assert_false(binary_cell(&b, true, &c));
	b = BYTES("\0\1\2\3\4\5\6\7");
	assert_false(binary_cell(&b, false, &c));
	b = BYTES("\0\5\0\0\0\0\0\0\0");
	assert_true(binary_cell(&b, false, &c));
	assert_int_equal(c.number, 5);
	b = BYTES("\1\0");
	assert_true(binary_cell(&b, false, &c));
	assert_true(c.is_null);
	assert_int_equal(b.n, 1);
}

static void a_length_that_cannot_be_is_none(void **state)
{
	struct binary b;
	struct cell c;

	(void)state;
	b = BYTES("\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	assert_false(binary_cell(&b, true, &c));
	b = BYTES(
		"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"); /* times 8 it is more than there can be */
	assert_false(binary_list(&b, &c));
	b = BYTES("\1\1\2\3");
	assert_false(binary_list(&b, &c));
	b = BYTES("\0");
	assert_true(binary_list(&b, &c));
	assert_true(c.is_null);
	b = BYTES("\1\7\0\0\0\0\0\0\0");
	assert_true(binary_list(&b, &c));
	assert_int_equal(c.len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cell_that_breaks_off_is_none),
		cmocka_unit_test(a_length_that_cannot_be_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
