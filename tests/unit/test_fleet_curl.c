/* A libcurl that is not installed, is too old or cannot begin is told with what to do. The loader
 * is this test's. */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "fleet_curl.h"

static bool is_there, begins;
static const char *lacks = ""; /* this function */
static int open_libraries;

static CURLcode begin(long flags)
{
	assert_int_equal(flags, CURL_GLOBAL_DEFAULT);
	return begins ? CURLE_OK : CURLE_FAILED_INIT;
}

void *dlopen(const char *name, int mode)
{
	(void)mode;
	assert_string_equal(name, "libcurl.so.4");
	open_libraries += is_there;
	return is_there ? &open_libraries : NULL;
}

int dlclose(void *library)
{
	assert_ptr_equal(library, &open_libraries);
	return --open_libraries;
}

void *dlsym(void *restrict library, const char *restrict name)
{
	CURLcode (*function)(long) = begin;
	void *out;

	assert_ptr_equal(library, &open_libraries);
	memcpy(&out, &function, sizeof(out)); /* no other is called here */
	return strcmp(name, lacks) == 0 ? NULL : out;
}

static void assert_refused(void)
{
	struct err err = {0};

	assert_null(fleet_curl_load(&err));
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.msg, "--fleet needs libcurl 7.85 or newer; install libcurl4");
}

static void it_is_loaded_when_it_can_be_had_and_not_before(void **state)
{
	struct err err = {0};
	const struct fleet_curl *curl;

	(void)state;
	assert_refused();
	is_there = true;
	lacks = "curl_url_strerror"; /* since 7.80 */
	assert_refused();
	assert_int_equal(open_libraries, 0);
	lacks = "";
	assert_refused();
	begins = true;
	curl = fleet_curl_load(&err);
	assert_non_null(curl);
	assert_ptr_equal(curl->global_init, begin);
	is_there = false; /* it is loaded once */
	assert_ptr_equal(fleet_curl_load(&err), curl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_loaded_when_it_can_be_had_and_not_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
