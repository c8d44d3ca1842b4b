/* Whom the collector becomes. That it does, and what it may then, is shown by tests/node. */
#include "unit.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "kernel.h"
#include "privilege.h"

#define NOBODY_KNOWN 54321

static bool old_kernel;	     /* one that asks for CAP_BPF each time */
static unsigned int no_caps; /* times that capabilities cannot be set, from now on */

bool kernel_is_since(int major, int minor)
{
	(void)major, (void)minor;
	return !old_kernel;
}

int cap_set_proc(cap_t caps)
{
	cap_user_header_t header =
		&(struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {0};
	cap_flag_value_t value = CAP_CLEAR;

	if (no_caps > 0) {
		no_caps--;
		errno = EPERM;
		return -1;
	}
	/* The collector keeps one, or none. */
	assert_int_equal(cap_get_flag(caps, CAP_BPF, CAP_EFFECTIVE, &value), 0);
	if (value == CAP_SET)
		data[1].effective = data[1].permitted = 1u << (CAP_BPF - 32);
	return (int)syscall(SYS_capset, header, data);
}

int prctl(int option, ...)
{
	va_list ap;
	long arguments[4];

	if (option == PR_SET_NO_NEW_PRIVS && fails("no_new_privs"))
		return -1;
	va_start(ap, option);
	for (int i = 0; i < 4; i++)
		arguments[i] = va_arg(ap, long);
	va_end(ap);
	return (int)syscall(SYS_prctl, option, arguments[0], arguments[1], arguments[2],
			    arguments[3]);
}

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

/* ---- the drop, each in a process of its own ---- */

static const struct privilege other = {.change = true,
				       .uid = NOBODY_KNOWN,
				       .gid = NOBODY_KNOWN,
				       .name = "somebody"};

static void in_a_process(int (*part)(void))
{
	int status;
	pid_t pid;

	if (geteuid() != 0) /* who has nothing to drop */
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(part());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Whether CAP_BPF, and nothing else, is left (@bpf), or nothing at all; in no other set. */
static bool has_only(bool bpf)
{
	const cap_value_t which = CAP_BPF;
	cap_t have = cap_get_proc(), want = cap_init();
	bool same;

	if (bpf) {
		cap_set_flag(want, CAP_PERMITTED, 1, &which, CAP_SET);
		cap_set_flag(want, CAP_EFFECTIVE, 1, &which, CAP_SET);
	}
	same = cap_compare(have, want) == 0;
	cap_free(have);
	cap_free(want);
	for (cap_value_t c = 0; c < cap_max_bits(); c++)
		same &= cap_get_bound(c) == 0;
	return same;
}

static int drop_to_another(void)
{
	struct err err = {0};
	gid_t groups[2];

	if (privilege_drop(&other, &err) != 0)
		return 1;
	if (getuid() != NOBODY_KNOWN || getegid() != NOBODY_KNOWN || getgroups(2, groups) != 0)
		return 2;
	if (!has_only(old_kernel))
		return 3;
	if (setresuid(0, 0, 0) == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 4;
	return 0;
}

static void nothing_is_left_after_the_drop(void **state)
{
	(void)state;
	in_a_process(drop_to_another);
}

static void on_an_old_kernel_cap_bpf_alone_is_left(void **state)
{
	(void)state;
	old_kernel = true;
	assert_true(privilege_keeps_bpf());
	in_a_process(drop_to_another);
	old_kernel = false;
	assert_false(privilege_keeps_bpf());
}

static int drop_and_stay_root(void)
{
	const struct privilege same = {.uid = 0};
	struct err err = {0};

	return privilege_drop(&same, &err) != 0 || getuid() != 0 || !has_only(false);
}

static void root_that_stays_root_has_no_capability_either(void **state)
{
	(void)state;
	in_a_process(drop_and_stay_root);
}

/* One that never had CAP_BPF keeps nothing, and that is no failure. */
static int drop_where_it_cannot_be_kept(void)
{
	struct err err = {0};

	old_kernel = true;
	no_caps = 1;
	return privilege_drop(&other, &err) != 0 || !has_only(false);
}

static void what_cannot_be_kept_is_given_up(void **state)
{
	(void)state;
	in_a_process(drop_where_it_cannot_be_kept);
}

static int fails_with(int code, const char *words)
{
	struct err err = {0};

	if (privilege_drop(&other, &err) != code)
		return 1;
	return strstr(err.msg, words) ? 0 : 2;
}

static int drop_without_setgroups(void)
{
	fail_call("setgroups", 1, EPERM);
	return fails_with(-EPERM, "becoming user somebody: Operation not permitted; see --user");
}

static int drop_without_setresuid(void)
{
	fail_call("setresuid", 1, EAGAIN);
	return fails_with(-EAGAIN, "becoming user somebody: Resource temporarily unavailable");
}

static int drop_without_capset(void)
{
	no_caps = 2;
	return fails_with(-EPERM, "giving up all capabilities: Operation not permitted");
}

static int drop_without_no_new_privs(void)
{
	fail_call("no_new_privs", 1, EINVAL);
	return fails_with(-EINVAL, "giving up new privileges: Invalid argument");
}

static void a_drop_that_fails_says_at_what(void **state)
{
	(void)state;
	in_a_process(drop_without_setgroups);
	in_a_process(drop_without_setresuid);
	in_a_process(drop_without_capset);
	in_a_process(drop_without_no_new_privs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_is_a_name_or_a_number),
		cmocka_unit_test(a_user_that_cannot_be_is_told_with_what_to_do),
		cmocka_unit_test(only_root_becomes_another),
		cmocka_unit_test(nothing_is_left_after_the_drop),
		cmocka_unit_test(on_an_old_kernel_cap_bpf_alone_is_left),
		cmocka_unit_test(root_that_stays_root_has_no_capability_either),
		cmocka_unit_test(what_cannot_be_kept_is_given_up),
		cmocka_unit_test(a_drop_that_fails_says_at_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
