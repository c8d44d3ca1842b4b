/* Rows that have no room in memory: that they come back, and what can go wrong. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool.h"

#define CHUNK (1 << 20)

/* More than is held in memory, each MiB of another letter; returns how much. */
static uint64_t fill(struct spool *s, char *chunk)
{
	struct err err = {0};

	while (s->in_file == 0) {
		memset(chunk, 'a' + (int)(spool_size(s) / CHUNK % 26), CHUNK);
		if (spool_add(s, chunk, CHUNK, &err))
			fail_msg("%s", err.msg);
	}
	return spool_size(s);
}

static void what_is_in_the_file_and_in_memory_comes_back(void **state)
{
	struct spool s = SPOOL_EMPTY;
	char *chunk = malloc(CHUNK);
	struct err err = {0};
	uint64_t size;

	(void)state;
	setenv("TMPDIR", "", 1);
	assert_non_null(chunk);
	size = fill(&s, chunk);
	assert_true(size > s.in_file);
	for (uint64_t at = CHUNK / 2; at + CHUNK <= size; at += CHUNK) {
		if (spool_read(&s, at, chunk, CHUNK, &err))
			fail_msg("%s", err.msg);
		assert_int_equal(chunk[0], 'a' + (int)(at / CHUNK % 26));
		assert_int_equal(chunk[CHUNK - 1], 'a' + (int)((at / CHUNK + 1) % 26));
	}
	spool_release(&s);
	free(chunk);
}

/* By somebody who may, through /proc. */
static void a_file_that_was_cut_is_an_error_and_no_rows(void **state)
{
	struct spool s = SPOOL_EMPTY;
	char *chunk = malloc(CHUNK);
	struct err err = {0};

	(void)state;
	setenv("TMPDIR", "", 1);
	assert_non_null(chunk);
	fill(&s, chunk);
	assert_int_equal(ftruncate(s.fd, 10), 0);
	assert_int_equal(spool_read(&s, 0, chunk, CHUNK, &err), -EIO);
	assert_non_null(strstr(err.msg, "reading a temporary file in /var/tmp"));
	spool_release(&s);
	free(chunk);
}

/* /proc has neither files without a name nor any that can be made. */
static void a_folder_that_takes_no_file_is_named(void **state)
{
	struct spool s = SPOOL_EMPTY;
	char *chunk = calloc(1, CHUNK);
	struct err err = {0};

	(void)state;
	setenv("TMPDIR", "/proc", 1);
	assert_non_null(chunk);
	while (!spool_add(&s, chunk, CHUNK, &err))
		assert_true(spool_size(&s) < 1ull << 32);
	assert_non_null(strstr(err.msg, "opening a temporary file in /proc"));
	assert_non_null(strstr(err.msg, "let $TMPDIR name another folder"));
	spool_release(&s);
	free(chunk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_the_file_and_in_memory_comes_back),
		cmocka_unit_test(a_file_that_was_cut_is_an_error_and_no_rows),
		cmocka_unit_test(a_folder_that_takes_no_file_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
