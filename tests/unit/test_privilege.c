/* Whom the collector becomes. That it does, and what it may then, is shown by tests/node. */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privilege.h"

#define NOBODY_KNOWN 54321

static void a_user_is_a_name_or_a_number(void **state)
{
	struct privilege who;
	struct err err = {0};

	(void)state;
	if (geteuid() != 0) /* who may name himself alone */
		return;
	assert_int_equal(privilege_choose("54321", &who, &err), 0);
	assert_int_equal(who.uid, NOBODY_KNOWN);
	assert_int_equal(who.gid, NOBODY_KNOWN);
	assert_true(who.change);
	assert_int_equal(privilege_choose("0", &who, &err), 0);
	assert_int_equal(who.uid, 0);
	assert_false(who.change);
	assert_int_equal(privilege_choose("root", &who, &err), 0);
	assert_false(who.change);
}

static void a_user_that_cannot_be_is_told_with_what_to_do(void **state)
{
	static const char *const users[] = {"no-such-user", "12x", "-1", "4294967295", ""};
	struct privilege who;

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		struct err err = {0};

		assert_int_equal(privilege_choose(users[i], &who, &err), -ENOENT);
		assert_non_null(strstr(err.msg, "make it with useradd"));
	}
}

/* As somebody who is not root; 0 when all is as it should be. */
static int choose_as_another(void)
{
	struct privilege who;
	struct err err = {0};

	if (geteuid() == 0 && (setgid(NOBODY_KNOWN) || setuid(NOBODY_KNOWN)))
		return 1;
	if (privilege_choose(NULL, &who, &err) || who.change || who.uid != geteuid())
		return 2;
	if (privilege_choose("root", &who, &err) != -EPERM ||
	    !strstr(err.msg, "only root can become another user"))
		return 3;
	return 0;
}

static void only_root_becomes_another(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(choose_as_another());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_is_a_name_or_a_number),
		cmocka_unit_test(a_user_that_cannot_be_is_told_with_what_to_do),
		cmocka_unit_test(only_root_becomes_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
