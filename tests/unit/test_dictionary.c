/* The rows that connections refer to: processes with their parents, ends and arguments. */
#include "unit.h"

#include "clock.h"
#include "dictionary.h"
#include "tempdb.h"

#define BOOT_OFFSET_NS (1769853600LL * NS_PER_S)
#define OFFSET_NS      (BOOT_OFFSET_NS + 5 * NS_PER_S) /* the clock was set since */
#define OFFSET_US      (OFFSET_NS / NS_PER_US)

struct fixture {
	struct tempdb *temp;
	struct processes processes;
	struct containers containers;
	struct dictionary *dictionary;
	sqlite3 *db;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = {0};

	assert_non_null(f);
	tempdb_setup((void **)&f->temp);
	f->processes.proc = "/nowhere";
	f->containers.cgroups.mount_fd = -1;
	if (db_open_writer(f->temp->path, false, &f->db, &err) ||
	    dictionary_new(f->db, &f->processes, &f->containers, 1, BOOT_OFFSET_NS, &f->dictionary,
			   &err))
		fail_msg("%s", err.msg);
	dictionary_begin(f->dictionary, OFFSET_NS);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	dictionary_free(f->dictionary);
	db_close(f->db);
	processes_clear(&f->processes);
	containers_clear(&f->containers);
	tempdb_teardown((void **)&f->temp);
	free(f);
	return 0;
}

/* The process @pid, child of the one before it, which runs /bin/p@pid. */
static struct owner runs(struct fixture *f, uint32_t pid)
{
	struct event e = {
		.kind = KIND_EXEC,
		.owner = {.pid = pid,
			  .start_boot_ns = pid * NS_PER_S,
			  .ppid = pid - 1,
			  .parent_start_boot_ns = (pid - 1) * NS_PER_S,
			  .exec_id = pid},
		.time_boot_ns = pid * NS_PER_S + 1,
	};

	snprintf(e.owner.comm, sizeof(e.owner.comm), "p%u", pid);
	snprintf(e.path, sizeof(e.path), "/bin/p%u", pid);
	if (f->processes.cmdline)
		e.args_len = (size_t)sprintf(e.args, "p%u", pid) + 1;
	processes_exec(&f->processes, &e);
	return e.owner;
}

static int64_t row_of(struct fixture *f, const struct owner *owner)
{
	struct err err = {0};
	int64_t row;

	if (dictionary_process(f->dictionary, owner, &row, &err))
		fail_msg("%s", err.msg);
	return row;
}

static void a_process_gets_its_row_with_those_of_its_parents(void **state)
{
	struct fixture *f = *state;
	struct owner child;

	runs(f, 2);
	runs(f, 3);
	child = runs(f, 4);
	assert_true(row_of(f, &child) > 0);
	assert_string_equal(tempdb_text(f->db,
					"SELECT group_concat(pid || ' ' || comm || ' ' || exe ||"
					" ' of ' || ifnull(parent_exe, '?'), '; ')"
					" FROM (SELECT * FROM processes ORDER BY pid)"),
			    "2 p2 /bin/p2 of ?; 3 p3 /bin/p3 of /bin/p2; 4 p4 /bin/p4 of /bin/p3");
	assert_true(row_of(f, &child) > 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM process"), 3);
}

static void a_long_line_of_parents_is_followed_only_so_far(void **state)
{
	struct fixture *f = *state;
	struct owner last;

	for (uint32_t pid = 2; pid <= 30; pid++)
		last = runs(f, pid);
	row_of(f, &last);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM process"), 1 + MAX_ANCESTORS);
	assert_int_equal(tempdb_number(f->db, "SELECT min(pid) FROM process WHERE parent_id"
					      " IS NULL"),
			 30 - MAX_ANCESTORS);
}

static void a_parent_known_by_its_pid_alone_gets_no_row(void **state)
{
	struct fixture *f = *state;
	struct owner child = runs(f, 4);

	row_of(f, &child);
	assert_string_equal(tempdb_text(f->db, "SELECT ppid || ' ' || ifnull(parent_id, '-')"
					       " FROM process"),
			    "3 -");
}

static void an_end_is_stored_whether_it_comes_before_the_row_or_after(void **state)
{
	struct fixture *f = *state;
	struct owner before = runs(f, 4), after = runs(f, 14), next = after;
	struct err err = {0};

	processes_exit(&f->processes, &before, 20 * NS_PER_S);
	row_of(f, &before);
	row_of(f, &after);
	next.exec_id++;
	strcpy(next.comm, "next");
	row_of(f, &next); /* the same process as another program */
	assert_int_equal(tempdb_number(f->db, "SELECT exit_us FROM process WHERE pid = 4"),
			 OFFSET_US + 20000000);
	assert_int_equal(tempdb_number(f->db, "SELECT count(exit_us) FROM process WHERE pid = 14"),
			 0);
	processes_exit(&f->processes, &after, 21 * NS_PER_S);
	assert_int_equal(dictionary_exits(f->dictionary, &err), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM process WHERE pid = 14"
					      " AND exit_us = 1769853626000000"),
			 2);
	dictionary_committed(f->dictionary);
	assert_int_equal(f->processes.n_exited, 0);
	assert_string_equal(tempdb_text(f->db, "SELECT ended_at FROM processes WHERE pid = 4"),
			    "2026-01-31T10:00:25.000Z");
}

static void a_row_that_was_rolled_back_is_made_again_with_its_end(void **state)
{
	struct fixture *f = *state;
	struct owner o = runs(f, 4);
	struct err err = {0};

	tempdb_run(f->db, "BEGIN");
	row_of(f, &o);
	tempdb_run(f->db, "ROLLBACK");
	dictionary_forget(f->dictionary);
	processes_exit(&f->processes, &o, 20 * NS_PER_S);
	dictionary_begin(f->dictionary, OFFSET_NS);
	row_of(f, &o);
	assert_int_equal(dictionary_exits(f->dictionary, &err), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(exit_us) FROM process"), 1);
}

static void arguments_are_stored_when_they_are_kept(void **state)
{
	struct fixture *f = *state;
	struct owner without = runs(f, 4), with;

	f->processes.cmdline = true;
	with = runs(f, 14);
	row_of(f, &without);
	row_of(f, &with);
	assert_string_equal(tempdb_text(f->db, "SELECT group_concat(ifnull(cmdline, '-'))"
					       " FROM (SELECT * FROM process ORDER BY pid)"),
			    "-,p14");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_process_gets_its_row_with_those_of_its_parents),
		T(a_long_line_of_parents_is_followed_only_so_far),
		T(a_parent_known_by_its_pid_alone_gets_no_row),
		T(an_end_is_stored_whether_it_comes_before_the_row_or_after),
		T(a_row_that_was_rolled_back_is_made_again_with_its_end),
		T(arguments_are_stored_when_they_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
