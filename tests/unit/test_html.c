#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "html.h"

/* What a file gets of @len bytes of text; the caller frees it. */
static char *written(const char *text, size_t len)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	html_text(f, text, len);
	assert_int_equal(fclose(f), 0);
	return out;
}

static void check(const char *text, size_t len, const char *want)
{
	char *got = written(text, len);

	assert_string_equal(got, want);
	free(got);
}

#define CHECK(text, want) check(text, sizeof(text) - 1, want)

static void what_html_means_something_by_is_text(void **state)
{
	(void)state;
	CHECK("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
	CHECK("\"'&amp;", "&quot;&#39;&amp;amp;");
	CHECK("gr\xc3\xbc\xc3\x9f \xd7\x9e", "gr\xc3\xbc\xc3\x9f \xd7\x9e");
}

static void what_is_unsafe_becomes_visible(void **state)
{
	(void)state;
	CHECK("a\0b\n\x1b", "a\\x00b\\x0a\\x1b");
	CHECK("\xe2\x80\xae", "\\xe2\\x80\\xae"); /* right-to-left override */
	CHECK("\xff\xed\xa0\x80", "\\xff\\xed\\xa0\\x80");
}

static void text_that_is_escaped_already_stays_as_it_is(void **state)
{
	(void)state;
	CHECK("a\\x0ab\\\\", "a\\x0ab\\\\");
}

/* Nothing of any bytes ends a text or an attribute. */
static void no_byte_gets_out_of_an_attribute(void **state)
{
	char text[3];

	(void)state;
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			char *got;

			memcpy(text, (char[]){(char)a, (char)b, '<'}, 3);
			got = written(text, 3);
			assert_null(strpbrk(got, "<>\"'\n\r\t"));
			free(got);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_html_means_something_by_is_text),
		cmocka_unit_test(what_is_unsafe_becomes_visible),
		cmocka_unit_test(text_that_is_escaped_already_stays_as_it_is),
		cmocka_unit_test(no_byte_gets_out_of_an_attribute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
