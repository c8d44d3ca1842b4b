/* --cursor-file: a report asked for again and again shows every connection that ended, once,
 * whatever happens between two runs. The real program is what main.c does with it: apply,
 * read, deliver, save. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cursor.h"
#include "tempdb.h"

#define NOW INT64_C(1769860800000000)

static struct report report;

static int setup(void **state)
{
	struct err err = {0};

	assert_int_equal(report_parse(&(struct embed){.name = "list",
						      .text = "-- title: T\n-- help: H\n"
							      "-- example: E\nSELECT 1 FROM scope"},
				      &report, &err),
			 0);
	return tempdb_setup(state);
}

static const char *file(struct tempdb *t)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/cursor", t->folder);
	return path;
}

static int teardown(void **state)
{
	unlink(file(*state));
	return tempdb_teardown(state);
}

static sqlite3 *history(struct tempdb *t)
{
	sqlite3 *db = NULL;
	struct err err = {0};

	assert_int_equal(db_open_writer(t->path, false, &db, &err), 0);
	tempdb_run(db, "INSERT INTO run VALUES (1, 'b', '1', 1, 1769600000000000, NULL, 1, 0, 0, 0,"
		       " 0, 0); INSERT INTO local_address VALUES (1, 1, '10.0.0.1');"
		       " CREATE TEMP TABLE shown (id INTEGER PRIMARY KEY, n INTEGER)");
	return db;
}

/* @n that ended @step microseconds after each other, the first so long after the newest. */
static void end(sqlite3 *db, int n, int64_t step)
{
	char sql[512];

	for (int i = 0; i < n; i++) {
		snprintf(sql, sizeof(sql),
			 "INSERT INTO connection (id, duration_us, direction, outcome, flags,"
			 " peer_addr, peer_port, local_port, tx_bytes, rx_bytes, retransmits,"
			 " local_id) SELECT ifnull(max(id), %lld) + %lld, 1, 0, 2, 0, '10.0.0.2',"
			 " 80, 4000, 0, 0, 0, 1 FROM connection",
			 (long long)NOW, (long long)step);
		tempdb_run(db, sql);
	}
}

enum kill { KILLED_NEVER, KILLED_BEFORE_OUTPUT, KILLED_BEFORE_SAVE };

/* One run. What it shows is counted in the table shown. */
static void ask(struct tempdb *t, sqlite3 *db, enum kill kill)
{
	struct cursor c;
	struct report_args args = {.since_us = NOW, .until_us = NOW};
	struct err err = {0};
	char sql[256];

	if (cursor_load(file(t), "list", &c, &err) || cursor_apply(&c, &report, &args, db, &err))
		fail_msg("%s", err.msg);
	if (kill == KILLED_BEFORE_OUTPUT)
		return;
	snprintf(sql, sizeof(sql),
		 "INSERT INTO shown SELECT id, 1 FROM connection WHERE id >= %lld AND id < %lld"
		 " ON CONFLICT DO UPDATE SET n = n + 1",
		 (long long)args.since_us, (long long)args.until_us);
	tempdb_run(db, sql);
	if (kill == KILLED_NEVER && cursor_save(&c, &err))
		fail_msg("%s", err.msg);
}

static void each_row_is_shown_once_over_many_runs(void **state)
{
	AUTO_DB *db = history(*state);

	srandom(1);
	for (int i = 0; i < 200; i++) {
		/* Steps of 1: as when the clock was set back. */
		end(db, (int)(random() % 4), random() % 2 ? 1 : random() % 100000000 + 1);
		ask(*state, db, random() % 4 ? KILLED_NEVER : KILLED_BEFORE_OUTPUT);
	}
	ask(*state, db, KILLED_NEVER);
	assert_true(tempdb_number(db, "SELECT count(*) FROM connection") > 200);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection WHERE id NOT IN"
					   " (SELECT id FROM shown WHERE n = 1)"),
			 0);
}

static void a_run_that_was_killed_before_it_remembered_is_shown_again(void **state)
{
	AUTO_DB *db = history(*state);
	char sql[128];
	long shown_again = 0;

	srandom(2);
	for (int i = 0; i < 200; i++) {
		const bool dies = random() % 4 == 0;

		end(db, (int)(random() % 4), random() % 1000 + 1);
		if (dies)
			shown_again +=
				tempdb_number(db, "SELECT count(*) FROM connection WHERE id >"
						  " (SELECT ifnull(max(id), 0) FROM shown)");
		ask(*state, db, dies ? KILLED_BEFORE_SAVE : KILLED_NEVER);
	}
	ask(*state, db, KILLED_NEVER);
	assert_true(shown_again > 0);
	snprintf(sql, sizeof(sql), "SELECT sum(n) - count(*) >= %ld FROM shown", shown_again);
	assert_int_equal(tempdb_number(db, sql), 1);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection WHERE id NOT IN"
					   " (SELECT id FROM shown)"),
			 0);
}

static void what_ended_before_the_first_runs_since_is_never_shown(void **state)
{
	AUTO_DB *db = history(*state);

	tempdb_run(db, "INSERT INTO connection (id, duration_us, direction, outcome, flags,"
		       " peer_addr, peer_port, local_port, tx_bytes, rx_bytes, retransmits,"
		       " local_id) VALUES (1769860799999999, 1, 0, 2, 0, '10.0.0.2', 80, 4000, 0,"
		       " 0, 0, 1)");
	ask(*state, db, KILLED_NEVER);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM shown"), 0);
	end(db, 3, 1);
	ask(*state, db, KILLED_NEVER);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM shown"), 3);
}

static void a_history_without_rows_is_no_error_before_or_after(void **state)
{
	AUTO_DB *db = history(*state);

	ask(*state, db, KILLED_NEVER);
	end(db, 2, 1);
	ask(*state, db, KILLED_NEVER);
	tempdb_run(db, "DELETE FROM connection"); /* --retain */
	ask(*state, db, KILLED_NEVER);
	tempdb_run(db, "INSERT INTO connection (id, duration_us, direction, outcome, flags,"
		       " peer_addr, peer_port, local_port, tx_bytes, rx_bytes, retransmits,"
		       " local_id) VALUES (1769960800000000, 1, 0, 2, 0, '10.0.0.2', 80, 4000, 0,"
		       " 0, 0, 1)");
	ask(*state, db, KILLED_NEVER);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM shown WHERE n = 1"), 3);
}

static void a_new_run_of_the_collector_is_the_same_history(void **state)
{
	AUTO_DB *db = history(*state);

	end(db, 2, 1);
	ask(*state, db, KILLED_NEVER);
	tempdb_run(db, "INSERT INTO run VALUES (2, 'c', '1', 1, 1769700000000000, NULL, 1, 0, 0, 0,"
		       " 0, 0)");
	end(db, 2, 1);
	ask(*state, db, KILLED_NEVER);
	ask(*state, db, KILLED_NEVER);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM shown WHERE n = 1"), 4);
}

static void the_cursor_of_another_history_is_refused(void **state)
{
	AUTO_DB *db = history(*state);
	struct report_args args = {.since_us = NOW, .until_us = NOW};
	struct cursor c;
	struct err err = {0};

	end(db, 2, 1);
	ask(*state, db, KILLED_NEVER);
	assert_int_equal(cursor_load(file(*state), "failures", &c, &err), -EINVAL);
	assert_int_equal(cursor_load(file(*state), "list", &c, &err), 0);
	tempdb_run(db, "DELETE FROM connection WHERE id = (SELECT max(id) FROM connection)");
	assert_int_equal(cursor_apply(&c, &report, &args, db, &err), -ESTALE);
	tempdb_run(db, "UPDATE run SET start_us = 5");
	assert_int_equal(cursor_apply(&c, &report, &args, db, &err), -ESTALE);
	tempdb_run(db, "DELETE FROM run");
	assert_int_equal(cursor_apply(&c, &report, &args, db, &err), -ESTALE);
}

static void a_damaged_file_is_refused_and_left_as_it_is(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"connmon-query cursor 1: list up to 1 of run 1",
		"connmon-query cursor 1: list up to 1 of run 1 1",
		"connmon-query cursor 1: list up to 1 of run 1 1\n\n",
		"connmon-query cursor 1: list up to +1 of run 1 1\n",
		"connmon-query cursor 1: list up to -1 of run 1 1\n",
		"connmon-query cursor 1: list up to 99999999999999999999 of run 1 1\n",
		"connmon-query cursor 1: list up to 9223372036854775807 of run 1 1\n",
		"connmon-query cursor 2: list up to 1 of run 1 1\n",
		"connmon-query cursor 1:  list up to 1 of run 1 1\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct cursor c = {.id = 77};
		struct err err = {0};
		FILE *f = fopen(file(*state), "w");

		assert_non_null(f);
		fputs(texts[i], f);
		fclose(f);
		if (cursor_load(file(*state), "list", &c, &err) != -EBADMSG)
			fail_msg("taken: %s", texts[i]);
		assert_int_equal(c.id, 77);
	}
}

static void a_file_that_cannot_be_replaced_stays_whole(void **state)
{
	AUTO_DB *db = history(*state);
	struct report_args args = {.since_us = NOW, .until_us = NOW};
	struct tempdb *t = *state;
	char missing[160];
	struct cursor c;
	struct err err = {0};

	end(db, 1, 1);
	ask(t, db, KILLED_NEVER);
	snprintf(missing, sizeof(missing), "%s/no/cursor", t->folder);
	assert_int_equal(cursor_load(missing, "list", &c, &err), -ENOENT);
	assert_int_equal(cursor_load(file(t), "list", &c, &err), 0);
	assert_int_equal(cursor_apply(&c, &report, &args, db, &err), 0);
	/* Its folder is gone when the output was delivered. */
	c.path = missing;
	assert_int_equal(cursor_save(&c, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "the next run will show the same again"));
	assert_int_equal(cursor_load(file(t), "list", &c, &err), 0);
	assert_int_equal(c.id, NOW + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_row_is_shown_once_over_many_runs),
		TEST(a_run_that_was_killed_before_it_remembered_is_shown_again),
		TEST(what_ended_before_the_first_runs_since_is_never_shown),
		TEST(a_history_without_rows_is_no_error_before_or_after),
		TEST(a_new_run_of_the_collector_is_the_same_history),
		TEST(the_cursor_of_another_history_is_refused),
		TEST(a_damaged_file_is_refused_and_left_as_it_is),
		TEST(a_file_that_cannot_be_replaced_stays_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
