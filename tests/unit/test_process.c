/* Real processes, and a made-up /proc for what real ones do too seldom. */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

/* This process as the kernel side would describe it. */
static struct owner ourselves(void)
{
	struct owner o = {.pid = (uint32_t)getpid(), .uid = getuid(), .ppid = (uint32_t)getppid()};
	uint64_t ticks = 0;
	char buf[1024], *at;
	FILE *f = fopen("/proc/self/stat", "r");

	assert_non_null(f);
	assert_non_null(fgets(buf, sizeof(buf), f));
	fclose(f);
	at = strrchr(buf, ')') + 1;
	for (int field = 0; field < 19; field++)
		at = strchr(at + 1, ' ');
	assert_int_equal(sscanf(at, "%" SCNu64, &ticks), 1);
	o.start_boot_ns = ticks * (uint64_t)(NS_PER_S / sysconf(_SC_CLK_TCK)) + 12345;
	prctl(PR_GET_NAME, o.comm);
	return o;
}

static void the_path_of_a_living_process_is_read_once(void **state)
{
	struct processes ps = {.proc = "/proc"};
	struct owner o = ourselves();
	char exe[512] = "";
	struct process *p = processes_get(&ps, &o);

	(void)state;
	assert_non_null(p);
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_string_equal(p->exe, exe);
	assert_string_equal(p->comm, o.comm);
	assert_int_equal(p->ppid, getppid());
	p->row = 5;
	assert_ptr_equal(processes_get(&ps, &o), p);
	processes_forget_rows(&ps);
	assert_int_equal(p->row, 0);
	processes_clear(&ps);
}

static void a_pid_that_was_used_again_gets_no_path(void **state)
{
	struct processes ps = {.proc = "/proc"};
	struct owner o = ourselves();

	(void)state;
	o.start_boot_ns -= 10 * NS_PER_S; /* an earlier process of this pid */
	assert_string_equal(processes_get(&ps, &o)->exe, "");
	processes_clear(&ps);
}

static void a_process_that_became_another_program_gets_no_path(void **state)
{
	struct processes ps = {.proc = "/proc"};
	struct owner o = ourselves();

	(void)state;
	strcpy(o.comm, "sh"); /* as it was called before exec */
	assert_string_equal(processes_get(&ps, &o)->exe, "");
	processes_clear(&ps);
}

static void a_process_that_is_gone_gets_no_path_and_an_unknown_one_no_entry(void **state)
{
	struct processes ps = {.proc = "/proc"};
	struct owner gone = {.pid = 4194305, .comm = "curl"}; /* past the kernel's greatest */
	struct owner unknown = {.pid = 0};

	(void)state;
	assert_string_equal(processes_get(&ps, &gone)->exe, "");
	assert_null(processes_get(&ps, &unknown));
	processes_clear(&ps);
}

static void a_name_with_brackets_and_escapes_is_read_right_and_kept_escaped(void **state)
{
	char folder[] = "/tmp/connmon-proc-XXXXXX", path[128];
	struct processes ps = {.proc = folder};
	struct owner o = {.pid = 7, .start_boot_ns = 5000 * NS_PER_S, .comm = "a) S 1\x1b("};
	struct process *p;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/7", folder);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/7/stat", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "7 (%s) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %ld 0 0\n", o.comm,
		5000 * sysconf(_SC_CLK_TCK));
	fclose(f);
	snprintf(path, sizeof(path), "%s/7/exe", folder);
	assert_int_equal(symlink("/bin/ev\nil", path), 0);

	p = processes_get(&ps, &o);
	assert_string_equal(p->comm, "a) S 1\\x1b(");
	assert_string_equal(p->exe, "/bin/ev\\x0ail");
	processes_clear(&ps);

	unlink(path);
	snprintf(path, sizeof(path), "%s/7/stat", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/7", folder);
	rmdir(path);
	rmdir(folder);
}

static void exec_program(struct processes *ps, const struct owner *owner, const char *path)
{
	struct event e = {.kind = KIND_EXEC, .owner = *owner};

	strcpy(e.path, path);
	processes_exec(ps, &e);
}

static void a_program_told_at_exec_is_known_when_the_process_is_long_gone(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner curl = {.pid = 7, .start_boot_ns = 5, .uid = 1, .comm = "curl"};
	struct owner other = curl, renamed = curl;

	(void)state;
	exec_program(&ps, &curl, "/usr/bin/cu\nrl");
	assert_string_equal(processes_get(&ps, &curl)->exe, "/usr/bin/cu\\x0arl");
	other.start_boot_ns = 6; /* the same pid, used again */
	assert_string_equal(processes_get(&ps, &other)->exe, "");
	strcpy(renamed.comm, "sh"); /* before that exec */
	assert_string_equal(processes_get(&ps, &renamed)->exe, "");
	processes_clear(&ps);
}

static void another_exec_under_the_same_name_is_another_program(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner o = {.pid = 7, .start_boot_ns = 5, .comm = "app"};

	(void)state;
	exec_program(&ps, &o, "/opt/v1/app");
	processes_get(&ps, &o)->row = 9;
	exec_program(&ps, &o, "/opt/v2/app");
	assert_string_equal(processes_get(&ps, &o)->exe, "/opt/v2/app");
	assert_int_equal(processes_get(&ps, &o)->row, 0);
	exec_program(&ps, &o, ""); /* a path too long to be told */
	assert_string_equal(processes_get(&ps, &o)->exe, "");
	processes_clear(&ps);
}

static void a_child_without_an_exec_runs_what_its_parent_runs(void **state)
{
	struct processes ps = {.proc = "/proc"};
	struct owner parent = ourselves(), child = parent;
	char exe[512] = "";

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	child.pid = 4194305; /* gone */
	child.ppid = parent.pid;
	child.start_boot_ns += NS_PER_S;
	assert_string_equal(processes_get(&ps, &child)->exe, exe);
	strcpy(child.comm, "other");
	assert_string_equal(processes_get(&ps, &child)->exe, "");
	processes_clear(&ps);
}

static void the_cache_is_bounded_and_forgets_the_oldest(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner o = {.comm = "x"};

	(void)state;
	for (uint32_t pid = 1; pid <= 10000; pid++) {
		o.pid = pid;
		assert_non_null(processes_get(&ps, &o));
	}
	assert_true(HASH_COUNT(ps.table) <= 4096);
	assert_int_equal(ps.table->key.pid, 10000 - HASH_COUNT(ps.table) + 1);
	processes_clear(&ps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_of_a_living_process_is_read_once),
		cmocka_unit_test(a_pid_that_was_used_again_gets_no_path),
		cmocka_unit_test(a_process_that_became_another_program_gets_no_path),
		cmocka_unit_test(a_process_that_is_gone_gets_no_path_and_an_unknown_one_no_entry),
		cmocka_unit_test(a_name_with_brackets_and_escapes_is_read_right_and_kept_escaped),
		cmocka_unit_test(a_program_told_at_exec_is_known_when_the_process_is_long_gone),
		cmocka_unit_test(another_exec_under_the_same_name_is_another_program),
		cmocka_unit_test(a_child_without_an_exec_runs_what_its_parent_runs),
		cmocka_unit_test(the_cache_is_bounded_and_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
