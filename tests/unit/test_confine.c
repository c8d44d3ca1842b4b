/* What the collector may still open, and what is said where a kernel cannot keep it from the rest.
 * The kernel's side is this test's; that it does keep it: unit.sandbox and tests/node. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine.h"
#include "container_name.h"
#include "landlock.h"
#include "privilege.h"
#include "sandbox.h"
#include "tempdir.h"

static struct {
	int drop, landlock, sandbox; /* -errno */
	bool keeps_bpf;
	int order;	  /* of the three */
	char paths[8192]; /* "MAY PATH\n" each */
	char notes[4096]; /* a line each */
} k;

int privilege_drop(const struct privilege *p, struct err *err)
{
	(void)p;
	assert_int_equal(k.order++, 0);
	return k.drop ? err_set(err, k.drop, "becoming it") : 0;
}

bool privilege_keeps_bpf(void)
{
	return k.keeps_bpf;
}

int landlock_enter(const struct landlock_path *paths, size_t n, struct err *err)
{
	static const char *const may[] = {"read", "write", "make"};

	assert_int_equal(k.order++, 1);
	for (size_t i = 0; i < n; i++)
		sprintf(k.paths + strlen(k.paths), "%s %s\n", may[paths[i].may], paths[i].path);
	return k.landlock ? err_set(err, k.landlock, "no Landlock") : 0;
}

int sandbox_enter(struct err *err)
{
	assert_int_equal(k.order++, 2);
	return k.sandbox ? err_set(err, k.sandbox, "no seccomp") : 0;
}

static bool read_only;

int faccessat(int folder, const char *path, int mode, int flags)
{
	(void)flags;
	errno = EROFS;
	return read_only ? -1 : (int)syscall(SYS_faccessat, folder, path, mode);
}

static void keep_note(void *ctx, const char *text)
{
	(void)ctx;
	sprintf(k.notes + strlen(k.notes), "%s\n", text);
}

static int confine_it(const struct options *o, struct err *err)
{
	const struct note n = {.say = keep_note};

	k.order = 0;
	k.paths[0] = k.notes[0] = '\0';
	*err = (struct err){0};
	return confine(o, &n, err);
}

static void confined(const struct options *o)
{
	struct err err;

	if (confine_it(o, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(k.order, 3);
}

static void assert_may(const char *may, const char *path)
{
	char line[256];

	snprintf(line, sizeof(line), "%s %s\n", may, path);
	if (!strstr(k.paths, line))
		fail_msg("no \"%s\" in %s", line, k.paths);
}

static void assert_noted(const char *words)
{
	if (!strstr(k.notes, words))
		fail_msg("no \"%s\" in \"%s\"", words, k.notes);
}

static void a_folder_of_its_own_may_be_written_and_nothing_else(void **state)
{
	char db[128];
	const struct options o = {.db = db};

	memset(&k, 0, sizeof(k));
	snprintf(db, sizeof(db), "%s/connmon.db", (char *)*state);
	confined(&o);
	assert_may("read", "/proc");
	for (int i = 0; name_reader_place(i); i++)
		assert_may("read", name_reader_place(i));
	assert_may("make", *state);
	assert_null(strstr(k.paths, "write "));
	assert_null(strstr(strstr(k.paths, "make ") + 1, "make "));
	assert_string_equal(k.notes, "");
}

static void of_a_folder_with_others_in_it_only_the_three_files_may_be_written(void **state)
{
	char db[128], path[160];
	const struct options o = {.db = db};

	memset(&k, 0, sizeof(k));
	snprintf(db, sizeof(db), "%s/connmon.db", (char *)*state);
	snprintf(path, sizeof(path), "%s/other/", (char *)*state);
	tempdir_make(path);
	confined(&o);
	assert_null(strstr(k.paths, "make "));
	assert_may("write", db);
	snprintf(path, sizeof(path), "%s-wal", db);
	assert_may("write", path);
	snprintf(path, sizeof(path), "%s-shm", db);
	assert_may("write", path);
	assert_noted("other folders are in ");
	assert_noted("start again, which sets it aside");
}

static void a_folder_that_may_not_be_written_is_told(void **state)
{
	char db[128];
	const struct options o = {.db = db, .who = {.name = "connmon"}};

	memset(&k, 0, sizeof(k));
	snprintf(db, sizeof(db), "%s/connmon.db", (char *)*state);
	read_only = true;
	confined(&o);
	read_only = false;
	assert_null(strstr(k.paths, "make "));
	assert_may("write", db);
	assert_noted("user connmon may make no file in ");
}

static void what_else_it_writes_and_reads_is_in_reach(void **state)
{
	const struct options o = {.metrics = "/run/metrics/connmon.prom",
				  .retention.hold_for = "/var/lib/forward/state"};

	(void)state;
	memset(&k, 0, sizeof(k));
	confined(&o);
	assert_may("make", "/run/metrics/");
	assert_may("read", "/var/lib/forward/");
}

static void what_a_kernel_cannot_do_is_noted_and_the_rest_is_done(void **state)
{
	const struct options o = {.who.fallback = true};

	(void)state;
	memset(&k, 0, sizeof(k));
	k.keeps_bpf = true;
	k.landlock = k.sandbox = -ENOTSUP;
	confined(&o);
	assert_noted("there is no user connmon, so this stays root");
	assert_noted("this kernel (before 5.19) asks for CAP_BPF each time");
	assert_noted("no Landlock: files are limited by user and capabilities alone");
	assert_noted("no seccomp: it can make any system call");
}

static void what_fails_otherwise_ends_it(void **state)
{
	const struct options o = {0};
	struct err err;

	(void)state;
	memset(&k, 0, sizeof(k));
	k.sandbox = -EINVAL;
	assert_int_equal(confine_it(&o, &err), -EINVAL);
	assert_string_equal(err.msg, "no seccomp");
	k.landlock = -EPERM;
	assert_int_equal(confine_it(&o, &err), -EPERM);
	assert_string_equal(err.msg, "no Landlock");
	assert_int_equal(k.order, 2);
	k.drop = -EAGAIN;
	assert_int_equal(confine_it(&o, &err), -EAGAIN);
	assert_int_equal(k.order, 1);
	assert_string_equal(k.notes, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tempdir_setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_folder_of_its_own_may_be_written_and_nothing_else),
		TEST(of_a_folder_with_others_in_it_only_the_three_files_may_be_written),
		TEST(a_folder_that_may_not_be_written_is_told),
		TEST(what_else_it_writes_and_reads_is_in_reach),
		TEST(what_a_kernel_cannot_do_is_noted_and_the_rest_is_done),
		TEST(what_fails_otherwise_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
