/* A history in a real database, and a server on a real socket that fails in every way: afterwards
 * each connection was taken by it, or is accounted for. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "forwarding.h"

static void all_rows_are_sent_once_and_no_batch_reaches_into_two_days(void **state)
{
	struct fixture *f = *state;

	put(f, BEGIN + DAY_US - 4 * 1000000, 25);
	begin(f);
	assert_int_equal(go(f, 10), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 25);
	assert_int_equal(answering_insert("connections", 0)->rows, 4);
	assert_int_equal(answering_insert("connections", 1)->rows, 10);
	assert_int_equal(answering_insert("connections", 2)->rows, 10);
	assert_int_equal(answering_insert("connections", 3)->rows, 1);
	assert_int_equal(forward_state(f->forward)->rows_sent, 25);
	assert_int_equal(forward_state(f->forward)->rows_resent, 0);
	assert_true(answering_rows("nodes") > 0);
	assert_true(answering_rows("runs") > 0);
}

static void a_batch_whose_answer_is_lost_is_sent_again_byte_for_byte(void **state)
{
	struct fixture *f = *state;

	put(f, BEGIN, 5);
	f->server->lose_answers = 2;
	begin(f);
	assert_int_equal(insist(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_requests("connections"), 3);
	assert_int_equal(answering_insert("connections", 0)->hash,
			 answering_insert("connections", 1)->hash);
	assert_int_equal(answering_insert("connections", 0)->hash,
			 answering_insert("connections", 2)->hash);
	assert_int_equal(forward_state(f->forward)->rows_resent, 5);
}

static void a_connection_that_the_server_closes_under_a_request_costs_no_try(void **state)
{
	struct fixture *f = *state;

	put(f, BEGIN, 25);
	f->server->hangs_up = true;
	begin(f);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 25);
	assert_int_equal(forward_state(f->forward)->rows_resent, 0);
}

static void also_by_the_next_process_when_more_has_come_since(void **state)
{
	struct fixture *f = *state;

	put(f, BEGIN, 5);
	f->server->lose_answers = 1;
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_LATER);
	end(f); /* as a kill would */
	put(f, BEGIN + 60 * 1000000, 3);
	begin(f);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_insert("connections", 0)->hash,
			 answering_insert("connections", 1)->hash);
	assert_int_equal(answering_insert("connections", 2)->rows, 3);
	assert_int_equal(forward_state(f->forward)->rows_sent, 8);
}

static void a_server_that_is_full_is_tried_again_and_nothing_is_lost(void **state)
{
	struct fixture *f = *state;

	put(f, BEGIN, 5);
	f->server->fail_inserts = 3;
	f->server->fail_code = 243;
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_LATER);
	assert_non_null(strstr(f->err.msg, "its disk is full"));
	assert_int_equal(insist(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 5);
	assert_int_equal(forward_state(f->forward)->bad_rows, 0);
}

static void how_far_a_node_is_it_says_once_a_minute_and_keeps_at_once(void **state)
{
	struct fixture *f = *state;
	struct state kept;

	begin(f);
	for (int i = 0; i < 3; i++) {
		put(f, BEGIN + i * 100 * 1000000, 5);
		assert_int_equal(forward_step(f->forward, false, &f->err), FORWARD_IDLE);
		assert_int_equal(state_read(f->state, &kept, &f->err), 0);
		assert_int_equal(kept.rows_sent, 5 * (i + 1));
		assert_int_equal(kept.batch_to, 0);
	}
	assert_int_equal(answering_requests("connections"), 3);
	assert_int_equal(answering_requests("nodes"),
			 2); /* before its first rows, and behind them */
	f->forward->node_at_us -= 59 * US_PER_S;
	assert_int_equal(forward_step(f->forward, false, &f->err), FORWARD_IDLE);
	assert_int_equal(answering_requests("nodes"), 2);
	f->forward->node_at_us -= 2 * US_PER_S;
	assert_int_equal(forward_step(f->forward, false, &f->err), FORWARD_IDLE);
	assert_int_equal(answering_requests("nodes"), 3);
	assert_int_equal(answering_requests("connections"), 3);
}

static void a_row_that_no_server_takes_is_set_aside_and_all_others_arrive(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	put(f, BEGIN, 25);
	f->server->poison = "\t10.0.0.13\t";
	begin(f);
	assert_int_equal(insist(f, 60), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 24);
	assert_int_equal(forward_state(f->forward)->bad_rows, 1);
	assert_int_equal(stat(f->bad, &st), 0);
	assert_true(st.st_size > 0);
	assert_non_null(strstr(answering_insert("gaps", 0)->text, "rejected\t1\t"));
	/* Ten rows, halved until it is alone, then three tries. */
	assert_true(answering_requests("connections") <= 25 + 3);
	assert_non_null(strstr(forward_notice(f->forward), ".bad.gz"));
}

static void a_row_that_cannot_be_set_aside_waits_and_leaves_no_half_behind(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, limit;
	struct stat st;
	int fd = open(f->bad, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(ftruncate(fd, 10000), 0);
	close(fd);
	put(f, BEGIN, 1);
	f->server->poison = "\t10.0.0.0\t";
	begin(f);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 10020; /* the disk is full */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(insist(f, 4), FORWARD_LOST);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(stat(f->bad, &st), 0);
	assert_int_equal(st.st_size, 10000);
	assert_int_equal(forward_state(f->forward)->bad_rows, 0);
	assert_int_equal(insist(f, 3), FORWARD_IDLE);
	assert_int_equal(forward_state(f->forward)->bad_rows, 1);
}

static void a_row_is_not_set_aside_for_what_an_outage_did(void **state)
{
	struct fixture *f = *state;

	put(f, BEGIN, 1);
	f->server->poison = "\t10.0.0.0\t";
	f->server->fail_inserts = 5;
	f->server->fail_code = 243;
	begin(f);
	assert_int_not_equal(insist(f, 5 + 2), FORWARD_IDLE);
	assert_int_equal(forward_state(f->forward)->bad_rows, 0);
	assert_int_equal(forward_keep(f->forward, &f->err), 0);
	end(f);
	begin(f);
	assert_int_equal(insist(f, 2), FORWARD_IDLE); /* its third refusal */
	assert_int_equal(forward_state(f->forward)->bad_rows, 1);
}

static void one_row_beside_connections_that_no_server_takes_costs_no_other(void **state)
{
	struct fixture *f = *state;
	struct stat st, after;
	int requests;

	tempdb_run(f->db,
		   "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 40)"
		   " INSERT INTO listener(id, netns, addr, port, from_us, to_us)"
		   " SELECT n, 1, '10.0.0.' || n, 80, 3, NULL FROM i");
	f->server->poison = "\t10.0.0.13\t";
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	assert_int_equal(answering_rows("listeners"), 39);
	assert_int_equal(forward_state(f->forward)->bad_rows, 1);
	assert_non_null(strstr(forward_notice(f->forward), "1 row beside connections set aside"));
	assert_int_equal(stat(f->bad, &st), 0);
	assert_true(st.st_size > 0);

	/* It is not asked for again while nothing has changed, nor set aside once more when
	 * something has. */
	requests = answering_requests("listeners");
	f->forward->fresh_at_us = 0; /* as if five minutes had gone by */
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	assert_int_equal(answering_requests("listeners"), requests);
	tempdb_run(f->db, "INSERT INTO listener(id, netns, addr, port, from_us, to_us)"
			  " VALUES (50, 1, '10.0.0.50', 80, 3, NULL)");
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	assert_true(answering_requests("listeners") > requests);
	assert_int_equal(forward_state(f->forward)->bad_rows, 1);
	assert_int_equal(stat(f->bad, &after), 0);
	assert_int_equal(after.st_size, st.st_size);
}

static void rows_beside_connections_wait_for_a_server_that_takes_none(void **state)
{
	struct fixture *f = *state;

	tempdb_run(f->db,
		   "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 200)"
		   " INSERT INTO listener(id, netns, addr, port, from_us, to_us)"
		   " SELECT n, 1, '10.0.0.' || n, 80, 3, NULL FROM i");
	f->server->poison = "\t10.0.0.";
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	assert_int_equal(forward_state(f->forward)->bad_rows, 0);
	f->server->poison = NULL;
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	assert_int_equal(answering_rows("listeners"), 200);
}

static void a_server_that_takes_no_row_at_all_does_not_empty_the_history(void **state)
{
	struct fixture *f = *state;

	f->options.batch = 1;
	put(f, BEGIN, 150);
	f->server->poison = "\t10.0.0.";
	begin(f);
	assert_int_not_equal(insist(f, 500), FORWARD_IDLE);
	assert_int_equal(forward_state(f->forward)->bad_rows, 100);
	assert_non_null(strstr(f->err.msg, "one row after the other"));
	end(f);
	begin(f); /* that does not help */
	assert_int_not_equal(insist(f, 100), FORWARD_IDLE);
	assert_int_equal(forward_state(f->forward)->bad_rows, 100);
	f->server->poison = NULL;
	assert_int_equal(insist(f, 100), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 50);
}

static void what_somebody_must_mend_is_told_and_then_it_goes_on(void **state)
{
	struct fixture *f = *state;

	put(f, BEGIN, 5);
	f->server->version = "7\n";
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	assert_non_null(strstr(f->err.msg, "of version 7, this program's of 2; install a newer"));
	f->server->version = "1\n";
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	assert_non_null(strstr(f->err.msg, "of version 1, this program's of 2; run connmon-forward "
					   "--init"));
	f->server->version = "2\n";
	f->server->fail_inserts = 1;
	f->server->fail_code = 60;
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	assert_non_null(strstr(f->err.msg, "connmon-forward --init"));
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 5);
}

static void rows_deleted_before_they_were_sent_are_a_gap(void **state)
{
	struct fixture *f = *state;
	char sql[200], want[100];

	put(f, BEGIN, 10);
	begin(f);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	put(f, BEGIN + 100 * 1000000, 10);
	snprintf(sql, sizeof(sql),
		 "DELETE FROM connection WHERE id < %lld; UPDATE extent SET rows_from_us = %lld",
		 (long long)BEGIN + 105 * 1000000, (long long)BEGIN + 105 * 1000000);
	tempdb_run(f->db, sql);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	snprintf(want, sizeof(want), "\t-1\t%lld\t%lld\tpruned\t",
		 (long long)BEGIN + 9 * 1000000 + 1, (long long)BEGIN + 105 * 1000000 - 1);
	assert_non_null(strstr(answering_insert("gaps", 0)->text, want));
	assert_int_equal(answering_rows("connections"), 15);
	assert_true(forward_state(f->forward)->unsent_rows > 0);
}

static void a_hole_that_grew_is_sent_again_when_the_next_one_began_too(void **state)
{
	struct fixture *f = *state;

	tempdb_run(f->db,
		   "INSERT INTO gap(id, from_us, to_us, reason, count, uid, uid_count) VALUES"
		   " (1, 5, 10, 'pruned', 8, 1000, 7)");
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	tempdb_run(f->db,
		   "UPDATE gap SET to_us = 20 WHERE id = 1;"
		   "INSERT INTO gap(id, from_us, to_us, reason) VALUES (2, 30, 40, 'pruned')");
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	assert_non_null(
		strstr(answering_insert("gaps", 1)->text, "\t1\t5\t20\tpruned\t8\t1000\t7\t"));
	assert_non_null(strstr(answering_insert("gaps", 1)->text, "\t2\t30\t40\tpruned\t"));
}

static void rows_deleted_after_they_were_sent_are_none(void **state)
{
	struct fixture *f = *state;
	char sql[200];

	put(f, BEGIN, 10);
	begin(f);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	snprintf(sql, sizeof(sql), "DELETE FROM connection; UPDATE extent SET rows_from_us = %lld",
		 (long long)BEGIN + 9 * 1000000 + 1);
	tempdb_run(f->db, sql);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_requests("gaps"), 0);
	assert_int_equal(forward_state(f->forward)->unsent_rows, 0);
}

static void an_open_connection_whose_answer_was_lost_is_told_over_too(void **state)
{
	struct fixture *f = *state;

	tempdb_run(
		f->db,
		"INSERT INTO open_row(id, start_us, seen_us, direction, outcome, local_addr,"
		" local_port, peer_addr, peer_port, netns, tx_bytes, rx_bytes, retransmits,"
		" flags) VALUES (77, 1, 1769817600000000, 0, 1, '10.0.0.1', 1, '10.0.0.2', 443, 1,"
		" 0, 0, 0, 0), (78, 1, 1769817600000000, 0, 1, '10.0.0.1', 2, '10.0.0.2', 443, 1,"
		" 0, 0, 0, 0)");
	f->server->lose_open = 1;
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_LATER);
	tempdb_run(f->db, "INSERT INTO open_over VALUES (77)"); /* before it is tried again */
	put(f, BEGIN, 1);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_requests("open_connections"), 3);
	assert_int_equal(answering_insert("open_connections", 0)->rows, 2);
	assert_int_equal(answering_insert("open_connections", 1)->rows, 1);
	assert_non_null(strstr(answering_insert("open_connections", 1)->text, "\t77\t1\t"));
	assert_non_null(strstr(answering_insert("open_connections", 2)->text,
			       "\t78\t1\t1769817600000000\t"));
}

static void an_open_connection_is_over_before_its_row_is_sent(void **state)
{
	struct fixture *f = *state;
	int over = -1, row = -1;

	tempdb_run(
		f->db,
		"INSERT INTO open_row(id, start_us, seen_us, direction, outcome, local_addr,"
		" local_port, peer_addr, peer_port, netns, tx_bytes, rx_bytes, retransmits,"
		" flags) VALUES (77, 1, 2, 0, 1, '10.0.0.1', 1, '10.0.0.2', 443, 1, 0, 0, 0, 0)");
	begin(f);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_non_null(strstr(answering_insert("open_connections", 0)->text, "\t77\t1\t2\t"));
	tempdb_run(f->db, "INSERT INTO open_over VALUES (77)");
	put(f, BEGIN, 1);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	for (int i = 0; i < f->server->n; i++) {
		if (strcmp(f->server->inserts[i].table, "connections") == 0)
			row = i;
		else if (strcmp(f->server->inserts[i].table, "open_connections") == 0)
			over = i;
	}
	if (over < 0 || row <= over)
		fail_msg("it was over as request %d, its row came as %d", over, row);
	assert_int_equal(answering_requests("open_connections"), 2);
	assert_non_null(strstr(f->server->inserts[over].text, "\t77\t1\t"));
}

static void a_listener_that_the_next_run_ends_in_the_past_ends_on_the_server_too(void **state)
{
	struct fixture *f = *state;

	tempdb_run(f->db, "UPDATE run SET last_commit_us = 1000000000000;"
			  "INSERT INTO listener(id, netns, addr, port, from_us, to_us) VALUES"
			  " (7, 1, '10.0.0.1', 80, 3, NULL), (8, 1, '10.0.0.1', 81, 3, 4)");
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	tempdb_run(f->db, "INSERT INTO run VALUES (2, 'b', '0', 1, 1000000000001, NULL,"
			  " 1000000000002, 0, 0, 0, 0, 0);"
			  "UPDATE listener SET to_us = 5 WHERE id = 7");
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	assert_non_null(strstr(answering_insert("listeners", 1)->text, "\t3\t5\t"));
}

static void all_that_the_server_holds_open_is_known_however_much_it_is(void **state)
{
	struct fixture *f = *state;

	f->server->open = 60000;
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	assert_int_equal(answering_rows("open_connections"), 60000); /* all are over */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(all_rows_are_sent_once_and_no_batch_reaches_into_two_days),
		TEST(a_batch_whose_answer_is_lost_is_sent_again_byte_for_byte),
		TEST(a_connection_that_the_server_closes_under_a_request_costs_no_try),
		TEST(also_by_the_next_process_when_more_has_come_since),
		TEST(a_server_that_is_full_is_tried_again_and_nothing_is_lost),
		TEST(how_far_a_node_is_it_says_once_a_minute_and_keeps_at_once),
		TEST(a_row_that_no_server_takes_is_set_aside_and_all_others_arrive),
		TEST(a_row_that_cannot_be_set_aside_waits_and_leaves_no_half_behind),
		TEST(a_row_is_not_set_aside_for_what_an_outage_did),
		TEST(one_row_beside_connections_that_no_server_takes_costs_no_other),
		TEST(rows_beside_connections_wait_for_a_server_that_takes_none),
		TEST(a_server_that_takes_no_row_at_all_does_not_empty_the_history),
		TEST(what_somebody_must_mend_is_told_and_then_it_goes_on),
		TEST(rows_deleted_before_they_were_sent_are_a_gap),
		TEST(a_hole_that_grew_is_sent_again_when_the_next_one_began_too),
		TEST(rows_deleted_after_they_were_sent_are_none),
		TEST(an_open_connection_whose_answer_was_lost_is_told_over_too),
		TEST(an_open_connection_is_over_before_its_row_is_sent),
		TEST(a_listener_that_the_next_run_ends_in_the_past_ends_on_the_server_too),
		TEST(all_that_the_server_holds_open_is_known_however_much_it_is),
#undef TEST
	};

	answering_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
