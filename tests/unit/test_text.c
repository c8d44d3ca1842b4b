/* A stream into memory that is not whole says so: the memory is this test's. */
#include "unit.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static int denied; /* times that memory cannot be had for a text, from now on */

void *realloc(void *old, size_t size)
{
	void *more;

	if (denied > 0) {
		denied--;
		errno = ENOMEM;
		return NULL;
	}
	more = malloc(size);
	if (more && old)
		memcpy(more, old, malloc_usable_size(old) < size ? malloc_usable_size(old) : size);
	free(old);
	return more;
}

static void what_is_written_is_the_text(void **state)
{
	char *text, *expected;
	size_t size;
	FILE *f = text_open(&text, &size);

	(void)state;
	assert_non_null(f);
	expected = calloc(1, 100001);
	assert_non_null(expected);
	for (int i = 0; i < 10000; i++) {
		fprintf(f, "%09d;", i);
		sprintf(expected + 10 * i, "%09d;", i);
	}
	assert_int_equal(fclose(f), 0);
	assert_int_equal(size, 100000);
	assert_string_equal(text, expected);
	free(text);
	free(expected);
}

static void it_can_be_read_before_its_end(void **state)
{
	char *text;
	size_t size;
	FILE *f = text_open(&text, &size);

	(void)state;
	assert_null(text);
	fputs("abc", f);
	assert_int_equal(fflush(f), 0);
	assert_string_equal(text, "abc");
	fwrite("\0d", 1, 2, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(size, 5);
	assert_memory_equal(text, "abc\0d", 6);
	free(text);
}

static void an_empty_one_is_a_text(void **state)
{
	char *text;
	size_t size;
	FILE *f = text_open(&text, &size);

	(void)state;
	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, "");
	assert_int_equal(size, 0);
	free(text);
}

/* Also when there was memory again for what came later. */
static void one_that_lacks_a_part_cannot_be_closed(void **state)
{
	(void)state;
	for (int flush = 0; flush < 2; flush++) {
		char *text;
		size_t size;
		FILE *f = text_open(&text, &size);

		fputs("WHERE a = 1", f);
		denied = 1;
		if (flush)
			assert_int_equal(fflush(f), EOF);
		fputs(" AND b = 2", f);
		assert_int_equal(fclose(f), EOF);
		assert_int_equal(denied, 0);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_the_text),
		cmocka_unit_test(it_can_be_read_before_its_end),
		cmocka_unit_test(an_empty_one_is_a_text),
		cmocka_unit_test(one_that_lacks_a_part_cannot_be_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
