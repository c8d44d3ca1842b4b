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

/* At 0: the scan. */
static void exec_at(struct processes *ps, const struct owner *owner, const char *path,
		    int64_t at_boot_ns)
{
	struct event e = {.kind = KIND_EXEC, .owner = *owner, .time_boot_ns = at_boot_ns};

	strcpy(e.path, path);
	processes_exec(ps, &e);
}

static void a_program_told_at_exec_is_known_when_the_process_is_long_gone(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner curl = {.pid = 7, .start_boot_ns = 5, .exec_id = 3, .comm = "curl"};
	struct owner other = curl, before = curl;

	(void)state;
	exec_at(&ps, &curl, "/usr/bin/cu\nrl", 6);
	processes_exit(&ps, &curl, 7);
	assert_string_equal(processes_get(&ps, &curl)->exe, "/usr/bin/cu\\x0arl");
	other.start_boot_ns = 6; /* the same pid, used again */
	assert_string_equal(processes_get(&ps, &other)->exe, "");
	before.exec_id = 2;
	assert_string_equal(processes_get(&ps, &before)->exe, "");
	processes_clear(&ps);
}

static void a_new_name_hides_no_program_told_at_exec(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner o = {.pid = 7, .start_boot_ns = 5, .exec_id = 3, .comm = "python3"};

	(void)state;
	exec_at(&ps, &o, "/usr/bin/python3.11", 6);
	strcpy(o.comm, "my-service");
	assert_string_equal(processes_get(&ps, &o)->exe, "/usr/bin/python3.11");
	assert_string_equal(processes_get(&ps, &o)->comm, "my-service");
	processes_clear(&ps);
}

static void each_exec_under_the_same_name_is_another_program(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner v1 = {.pid = 7, .start_boot_ns = 5, .exec_id = 3, .comm = "app"};
	struct owner v2 = v1, v3 = v1;

	(void)state;
	v2.exec_id = 4;
	v3.exec_id = 5;
	exec_at(&ps, &v2, "/opt/v2/app", 20);
	exec_at(&ps, &v1, "/opt/v1/app", 10); /* told late, as by the scan before it */
	exec_at(&ps, &v3, "", 30);	      /* a path too long to be told */
	processes_get(&ps, &v1)->row = 9;
	assert_string_equal(processes_get(&ps, &v1)->exe, "/opt/v1/app");
	assert_string_equal(processes_get(&ps, &v2)->exe, "/opt/v2/app");
	assert_int_equal(processes_get(&ps, &v2)->row, 0);
	assert_string_equal(processes_get(&ps, &v3)->exe, "");
	processes_clear(&ps);
}

static void a_fork_runs_what_its_parent_ran_even_when_both_are_gone(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner master = {.pid = 7, .start_boot_ns = 5, .exec_id = 3, .comm = "app"};
	struct owner worker = {.pid = 8,
			       .start_boot_ns = 15,
			       .ppid = 7,
			       .parent_start_boot_ns = 5,
			       .exec_id = 3,
			       .comm = "app"};
	struct owner next = master, stranger = worker, renamed = worker;

	(void)state;
	exec_at(&ps, &master, "/opt/v1/app", 10);
	next.exec_id = 4;
	exec_at(&ps, &next, "/opt/v2/app", 20); /* after the fork */
	processes_exit(&ps, &master, 30);
	processes_exit(&ps, &worker, 30);
	assert_string_equal(processes_get(&ps, &worker)->exe, "/opt/v1/app");

	/* Its own parent is gone, and this one happens to count the same. */
	stranger.pid = 9;
	strcpy(stranger.comm, "daemon");
	assert_string_equal(processes_get(&ps, &stranger)->exe, "");
	stranger.pid = 10;
	stranger.exec_id = 4;
	strcpy(stranger.comm, "app"); /* the parent was not yet this when the fork was made */
	assert_string_equal(processes_get(&ps, &stranger)->exe, "");

	/* Whatever it calls itself after it was known. */
	strcpy(renamed.comm, "app: worker");
	assert_string_equal(processes_get(&ps, &renamed)->exe, "/opt/v1/app");
	processes_clear(&ps);
}

static void the_scan_tells_what_runs_already_and_the_next_exec_replaces_it(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner o = {.pid = 7, .start_boot_ns = 5, .exec_id = 3, .comm = "sh"};
	struct owner next = o;

	(void)state;
	exec_at(&ps, &o, "/bin/sh", 0);
	next.exec_id = 4;
	exec_at(&ps, &next, "/bin/nc", 10);
	assert_string_equal(processes_get(&ps, &o)->exe, "/bin/sh");
	assert_string_equal(processes_get(&ps, &next)->exe, "/bin/nc");
	processes_clear(&ps);
}

static void a_parent_is_what_it_was_when_the_child_began(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner shell = {.pid = 7, .start_boot_ns = 5, .exec_id = 3, .comm = "sh"};
	struct owner next = {.pid = 7, .start_boot_ns = 5, .exec_id = 4, .comm = "sleep"};
	struct owner child = {.pid = 8,
			      .start_boot_ns = 15,
			      .ppid = 7,
			      .parent_start_boot_ns = 5,
			      .exec_id = 4,
			      .comm = "curl"};
	struct owner orphan = child, parent;
	struct event e = {.kind = KIND_EXEC, .owner = child, .parent = shell, .time_boot_ns = 16};

	(void)state;
	exec_at(&ps, &shell, "/bin/sh", 10);
	exec_at(&ps, &next, "/bin/sleep", 20);
	assert_true(processes_parent(&ps, processes_get(&ps, &child), &parent));
	assert_string_equal(parent.comm, "sh");
	assert_string_equal(processes_get(&ps, &parent)->exe, "/bin/sh");
	orphan.parent_start_boot_ns = 4; /* an earlier process 7 */
	orphan.pid = 9;
	assert_false(processes_parent(&ps, processes_get(&ps, &orphan), &parent));

	/* One that never made an exec is told of by its child's. */
	e.owner.pid = 10;
	e.owner.ppid = e.parent.pid = 11;
	e.owner.parent_start_boot_ns = e.parent.start_boot_ns = 12;
	e.parent.ppid = 7;
	e.parent.parent_start_boot_ns = 5;
	processes_exec(&ps, &e);
	assert_true(processes_parent(&ps, processes_get(&ps, &e.owner), &parent));
	assert_int_equal(parent.pid, 11);
	assert_string_equal(processes_get(&ps, &parent)->exe, "/bin/sh");
	processes_clear(&ps);
}

static void a_parent_that_nobody_told_of_is_looked_up_while_it_lives(void **state)
{
	struct processes ps = {.proc = "/proc"};
	struct owner us = ourselves(), parent;
	struct owner child = {.pid = 4194305,
			      .start_boot_ns = us.start_boot_ns + NS_PER_S,
			      .ppid = us.pid,
			      .parent_start_boot_ns = us.start_boot_ns,
			      .comm = "x"};
	char exe[512] = "";

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_true(processes_parent(&ps, processes_get(&ps, &child), &parent));
	assert_int_equal(parent.pid, us.pid);
	assert_int_equal(parent.ppid, us.ppid);
	assert_int_equal(parent.uid, us.uid);
	assert_string_equal(parent.comm, us.comm);
	assert_string_equal(processes_get(&ps, &parent)->exe, exe);
	processes_clear(&ps);
}

static void only_the_end_of_a_process_with_a_row_is_told_and_only_once(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner o = {.pid = 7, .start_boot_ns = 5, .exec_id = 3, .comm = "app"};
	struct owner other = {.pid = 8, .start_boot_ns = 6, .exec_id = 3, .comm = "app"};
	struct owner old = {.pid = 9, .start_boot_ns = 6, .exec_id = 3, .comm = "app"};

	(void)state;
	processes_has_row(&ps, processes_get(&ps, &o), 1);
	processes_get(&ps, &other);
	assert_int_equal(processes_exit_boot_ns(&ps, processes_get(&ps, &o)), 0);
	processes_exit(&ps, &other, 10);
	processes_exit(&ps, &o, 11);
	processes_exit(&ps, &o, 12); /* two threads that ended in the same moment */
	assert_int_equal(ps.n_exited, 1);
	assert_int_equal(ps.exited[0].pid, 7);
	assert_int_equal(ps.exited[0].at_boot_ns, 11);
	assert_int_equal(processes_exit_boot_ns(&ps, processes_get(&ps, &other)), 10);
	processes_exits_written(&ps);
	exec_at(&ps, &old, "/bin/app", 0); /* an earlier run may have given it one */
	processes_exit(&ps, &old, 13);
	assert_int_equal(ps.n_exited, 1);
	processes_clear(&ps);
}

static void ends_are_full_when_no_more_find_room_and_not_when_they_are_written(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner o = {.pid = 7, .exec_id = 3, .comm = "app"};

	(void)state;
	for (uint64_t i = 1; i <= MAX_EXITED; i++) {
		assert_false(processes_exits_full(&ps));
		o.start_boot_ns = i;
		processes_has_row(&ps, processes_get(&ps, &o), 1);
		processes_exit(&ps, &o, (int64_t)i);
	}
	assert_true(processes_exits_full(&ps));
	processes_exits_written(&ps);
	assert_false(processes_exits_full(&ps));
	processes_clear(&ps);
}

static void arguments_are_kept_only_when_asked_for(void **state)
{
	struct processes ps = {.proc = "/nowhere"}, asked = {.proc = "/proc", .cmdline = true};
	struct event e = {
		.kind = KIND_EXEC,
		.owner = {.pid = 7, .start_boot_ns = 5, .exec_id = 3, .comm = "curl"},
		.time_boot_ns = 6,
		.path = "/usr/bin/curl",
		.args = "curl\0-u\0me:pa ss",
		.args_len = sizeof("curl\0-u\0me:pa ss"),
	};
	struct owner us = ourselves();

	(void)state;
	processes_exec(&ps, &e);
	assert_null(processes_get(&ps, &e.owner)->cmdline);
	processes_exec(&asked, &e);
	assert_string_equal(processes_get(&asked, &e.owner)->cmdline, "curl -u 'me:pa ss'");
	us.exec_id = 1;
	exec_at(&asked, &us, "/x", 0); /* found by the scan: /proc knows */
	assert_non_null(strstr(processes_get(&asked, &us)->cmdline, "test_process"));
	processes_clear(&ps);
	processes_clear(&asked);
}

static void what_is_kept_of_processes_is_bounded_and_the_oldest_go_first(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner o = {.pid = 1, .start_boot_ns = 5, .comm = "x"}, first = o;

	(void)state;
	for (o.exec_id = 1; o.exec_id <= 10; o.exec_id++)
		exec_at(&ps, &o, "/bin/x", o.exec_id);
	first.exec_id = 1;
	assert_string_equal(processes_get(&ps, &first)->exe, "");
	first.exec_id = 10;
	assert_string_equal(processes_get(&ps, &first)->exe, "/bin/x");

	o.exec_id = 1;
	for (o.pid = 2; o.pid <= LIFE_LIVING + 100; o.pid++)
		exec_at(&ps, &o, "/bin/x", 20);
	assert_int_equal(HASH_COUNT(ps.lives.living), LIFE_LIVING);
	for (o.pid = 200; o.pid <= LIFE_GONE + 300; o.pid++)
		processes_exit(&ps, &o, 30);
	assert_int_equal(HASH_COUNT(ps.lives.gone), LIFE_GONE);
	o.pid = LIFE_GONE + 300; /* forgotten a minute after its end, at the next one */
	processes_exit(&ps, &(struct owner){.pid = LIFE_LIVING, .start_boot_ns = 5},
		       30 + LIFE_KEEP_NS + 1);
	assert_int_equal(HASH_COUNT(ps.lives.gone), 1);
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
	child.start_boot_ns++;
	strcpy(child.comm, "other"); /* nobody knows why: its parent may be another by now */
	assert_string_equal(processes_get(&ps, &child)->exe, "");
	processes_clear(&ps);
}

static void the_cache_is_bounded_and_forgets_who_is_not_asked_for(void **state)
{
	struct processes ps = {.proc = "/nowhere"};
	struct owner busy = {.pid = 1, .comm = "busy"}, o = {.comm = "x"};
	struct process *p = processes_get(&ps, &busy);

	(void)state;
	assert_non_null(p);
	p->row = 7;
	for (o.pid = 2; o.pid <= 100000; o.pid++) {
		assert_non_null(processes_get(&ps, &o));
		if (o.pid % 1000 == 0)
			assert_int_equal(processes_get(&ps, &busy)->row, 7);
	}
	assert_true(HASH_COUNT(ps.table) <= 16384);
	o.pid = 90000;
	processes_get(&ps, &o)->row = 8;
	o.pid = 2;
	assert_int_equal(processes_get(&ps, &o)->row, 0);
	o.pid = 90000;
	assert_int_equal(processes_get(&ps, &o)->row, 8);
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
		cmocka_unit_test(a_new_name_hides_no_program_told_at_exec),
		cmocka_unit_test(each_exec_under_the_same_name_is_another_program),
		cmocka_unit_test(a_fork_runs_what_its_parent_ran_even_when_both_are_gone),
		cmocka_unit_test(the_scan_tells_what_runs_already_and_the_next_exec_replaces_it),
		cmocka_unit_test(a_parent_is_what_it_was_when_the_child_began),
		cmocka_unit_test(a_parent_that_nobody_told_of_is_looked_up_while_it_lives),
		cmocka_unit_test(only_the_end_of_a_process_with_a_row_is_told_and_only_once),
		cmocka_unit_test(
			ends_are_full_when_no_more_find_room_and_not_when_they_are_written),
		cmocka_unit_test(arguments_are_kept_only_when_asked_for),
		cmocka_unit_test(what_is_kept_of_processes_is_bounded_and_the_oldest_go_first),
		cmocka_unit_test(a_child_without_an_exec_runs_what_its_parent_runs),
		cmocka_unit_test(the_cache_is_bounded_and_forgets_who_is_not_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
