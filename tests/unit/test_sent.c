/* How far connmon-forward has sent, as its file of state says: what is not whole says nothing. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "sent.h"
#include "tempdir.h"

#define HEAD "connmon-forward 1\nserver http://127.0.0.1:8123\n"

static char path[128];

static int answer_to(const char *folder, const char *text, int64_t *id)
{
	snprintf(path, sizeof(path), "%s/state", folder);
	if (text)
		tempdir_write(path, text);
	*id = -1;
	return sent_read(path, id);
}

static void the_last_id_is_read(void **state)
{
	int64_t id;

	assert_int_equal(answer_to(*state, HEAD "last_id 1769860800000001\nnode a\nend\n", &id), 0);
	assert_true(id == 1769860800000001);
	assert_int_equal(answer_to(*state, HEAD "last_id 0\nend\n", &id), 0);
	assert_true(id == 0);
}

static void a_file_that_is_not_whole_says_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		HEAD,
		HEAD "last_id 5\n",		       /* cut off */
		HEAD "end\n",			       /* without the number */
		HEAD "last_id 5x\nend\n",	       /* is none */
		HEAD "last_id 5",		       /* ends in it */
		"connmon-forward 2\nlast_id 5\nend\n", /* of a version to come */
		"\nlast_id 5\nend\n",
	};
	int64_t id;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (answer_to(*state, texts[i], &id) != -EINVAL || id > 5)
			fail_msg("\"%s\" says %lld", texts[i], (long long)id);
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
	int64_t id;

	assert_int_equal(answer_to(*state, NULL, &id), -ENOENT);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(sent_read(path, &id), -EISDIR);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0); /* somebody else's */
	assert_int_equal(sent_read(path, &id), -ELOOP);
	assert_int_equal(unlink(path), 0);
	/* A pipe that nobody writes to holds up nobody. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(sent_read(path, &id), -EINVAL);
	assert_true(id == -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tempdir_setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_last_id_is_read),
		TEST(a_file_that_is_not_whole_says_nothing),
		TEST(a_file_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
