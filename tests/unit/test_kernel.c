/* What is concluded from what the kernel says of itself: uname(), access() and /proc/kallsyms are
 * this test's. */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel.h"

static const char *release, *machine, *symbols; /* NULL: cannot be had */
static bool btf, kprobes;

int uname(struct utsname *out)
{
	if (!release) {
		errno = EFAULT;
		return -1;
	}
	*out = (struct utsname){0};
	strcpy(out->release, release);
	strcpy(out->machine, machine);
	return 0;
}

int access(const char *path, int mode)
{
	(void)mode;
	if ((btf && strstr(path, "btf/vmlinux")) || (kprobes && strstr(path, "devices/kprobe")))
		return 0;
	errno = ENOENT;
	return -1;
}

FILE *fopen(const char *path, const char *mode)
{
	if (strcmp(path, "/proc/kallsyms") == 0) {
		errno = ENOENT;
		return symbols ? fmemopen((char *)symbols, strlen(symbols), "r") : NULL;
	}
	return ((__typeof__(&fopen))dlsym(RTLD_NEXT, "fopen"))(path, mode);
}

static void is(const char *its_release, const char *its_machine)
{
	release = its_release;
	machine = its_machine;
	symbols = NULL;
	btf = kprobes = true;
}

/* "" when it can be used, else what is said. */
static const char *said(int *code)
{
	static struct err err;

	err = (struct err){0};
	*code = kernel_check(&err);
	return err.msg;
}

static void a_kernel_that_is_too_old_is_told_with_the_version_it_needs(void **state)
{
	int code;

	(void)state;
	is("5.11.0-49-generic", "x86_64");
	assert_string_equal(said(&code),
			    "this kernel (5.11.0-49-generic) is too old; connmon needs "
			    "Linux 5.12 on x86_64");
	assert_int_equal(code, -ENOTSUP);
	is("4.19.0", "x86_64");
	said(&code);
	assert_int_equal(code, -ENOTSUP);
	/* Atomics came later there. */
	is("5.17.3", "aarch64");
	assert_non_null(strstr(said(&code), "needs Linux 5.18 on aarch64"));
	assert_int_equal(code, -ENOTSUP);
	is("5.18", "aarch64");
	assert_string_equal(said(&code), "");
	assert_int_equal(code, 0);
	is("5.12.0", "x86_64");
	said(&code);
	assert_int_equal(code, 0);
}

static void a_release_that_is_no_number_counts_as_none_too_old(void **state)
{
	int code;

	(void)state;
	is("custom", "x86_64");
	said(&code);
	assert_int_equal(code, 0);
	assert_false(kernel_is_since(2, 6));
}

static void a_kernel_without_btf_is_told_with_what_to_do(void **state)
{
	int code;

	(void)state;
	is("6.1.0", "x86_64");
	btf = false;
	assert_non_null(strstr(said(&code), "CONFIG_DEBUG_INFO_BTF"));
	assert_int_equal(code, -ENOTSUP);
}

static void a_kernel_that_says_nothing_is_an_error(void **state)
{
	int code;

	(void)state;
	is(NULL, "x86_64");
	assert_non_null(strstr(said(&code), "asking for the kernel's version: "));
	assert_int_equal(code, -EFAULT);
	assert_false(kernel_is_since(2, 6));
}

static void versions_are_compared_as_numbers(void **state)
{
	(void)state;
	is("6.10.4", "x86_64");
	assert_true(kernel_is_since(6, 9));
	assert_true(kernel_is_since(6, 10));
	assert_true(kernel_is_since(5, 19));
	assert_false(kernel_is_since(6, 11));
	assert_false(kernel_is_since(7, 0));
}

static void kprobes_are_there_or_not(void **state)
{
	(void)state;
	is("6.1.0", "x86_64");
	assert_true(kernel_has_kprobes());
	kprobes = false;
	assert_false(kernel_has_kprobes());
}

/* The symbol went with what made it unsafe, which was repaired in older kernels, too. */
static void the_end_of_a_function_is_safe_where_the_lock_is_gone(void **state)
{
	(void)state;
	is("6.9.0", "x86_64");
	assert_true(kernel_is_safe_for_fexit()); /* whatever it has */
	is("6.8.12", "x86_64");
	symbols = "0000000000000000 T _text\n"
		  "ffffffff81000000 d tasks_rcu_exit_srcu\n"
		  "ffffffffc0000000 t nft_init\t[nf_tables]\n";
	assert_false(kernel_is_safe_for_fexit());
	symbols = "0000000000000000 T _text\n"
		  "ffffffff81000000 d tasks_rcu_exit_srcu_stall_timer\n"
		  "ffffffffc0000000 t tasks_rcu_exit\t[tasks_rcu_exit_srcu]\n";
	assert_true(kernel_is_safe_for_fexit());
	symbols = NULL; /* it cannot be told */
	assert_false(kernel_is_safe_for_fexit());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_that_is_too_old_is_told_with_the_version_it_needs),
		cmocka_unit_test(a_release_that_is_no_number_counts_as_none_too_old),
		cmocka_unit_test(a_kernel_without_btf_is_told_with_what_to_do),
		cmocka_unit_test(a_kernel_that_says_nothing_is_an_error),
		cmocka_unit_test(versions_are_compared_as_numbers),
		cmocka_unit_test(kprobes_are_there_or_not),
		cmocka_unit_test(the_end_of_a_function_is_safe_where_the_lock_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
