/* A history in a real database, and a server on a real socket that fails in every way: afterwards
 * each connection was taken by it, or is accounted for. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "answering.h"
#include "forward_parts.h"
#include "tempdb.h"

#define NODE   "0123456789abcdef0123456789abcdef"
#define DAY_US INT64_C(86400000000)
/* "two", hex; the server's clock is at 1769900000. */
#define TWIN(at_us) "74776F\tother-boot\tother-instance\t" at_us "\t1769900000\t" at_us "\n"
#define BEGIN	    INT64_C(1769817600000000) /* of a day */

struct fixture {
	struct tempdb *temp;
	sqlite3 *db;
	char state[128], bad[160], lock[160];
	struct forward_options options;
	struct forward *forward;
	struct answering *server;
	struct err err;
};

static void begin(struct fixture *f)
{
	if (forward_new(&f->options, &f->forward, &f->err))
		fail_msg("%s", f->err.msg);
}

static void end(struct fixture *f)
{
	forward_free(f->forward);
	f->forward = NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->db = tempdb_setup_writer(&f->temp);
	snprintf(f->state, sizeof(f->state), "%s.state", f->temp->path);
	snprintf(f->bad, sizeof(f->bad), "%s.bad.gz", f->state);
	snprintf(f->lock, sizeof(f->lock), "%s.lock", f->state);
	f->server = answering_clear();
	f->options = (struct forward_options){.db = f->temp->path,
					      .state = f->state,
					      .node = {NODE, "one"},
					      .batch = 10};
	assert_int_equal(server_new(ANSWERING_URL, NULL, NULL, &f->options.server, &f->err), 0);
	tempdb_run(f->db, "INSERT INTO local_address VALUES (1, 1, '10.0.0.1');"
			  "INSERT INTO run VALUES (1, 'b', '0', 1, 1, NULL, 2, 0, 0, 0, 0, 0)");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	end(f);
	server_free(f->options.server);
	db_close(f->db);
	unlink(f->state);
	unlink(f->bad);
	unlink(f->lock);
	tempdb_teardown((void **)&f->temp);
	free(f);
	return 0;
}

/* @n connections that ended from @from_us on, one each second. */
static void put(struct fixture *f, int64_t from_us, int n)
{
	char sql[512];

	snprintf(
		sql, sizeof(sql),
		"WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < %d)"
		" INSERT INTO connection(id, duration_us, direction, outcome, flags, peer_addr,"
		" peer_port, local_port, tx_bytes, rx_bytes, retransmits, local_id)"
		" SELECT %lld + n * 1000000, 5, 0, 2, 0, '10.0.0.' || n, 443, 1, 1, 1, 0, 1 FROM i",
		n - 1, (long long)from_us);
	tempdb_run(f->db, sql);
}

/* Until all is sent, or it fails; @most tries. */
static enum forward_step go(struct fixture *f, int most)
{
	enum forward_step step = FORWARD_MORE;

	for (int i = 0; i < most && step == FORWARD_MORE; i++)
		step = forward_step(f->forward, true, &f->err);
	return step;
}

/* Failures are tried again, as main() does. */
static enum forward_step insist(struct fixture *f, int most)
{
	enum forward_step step = FORWARD_MORE;

	for (int i = 0; i < most && step != FORWARD_IDLE; i++)
		step = forward_step(f->forward, true, &f->err);
	return step;
}

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

static void without_a_state_file_it_goes_on_behind_what_the_server_has(void **state)
{
	struct fixture *f = *state;
	char max_id[40];

	put(f, BEGIN, 8);
	snprintf(max_id, sizeof(max_id), "%lld\n", (long long)BEGIN + 4 * 1000000);
	f->server->max_id = max_id;
	begin(f);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 3);
}

static void what_a_clock_ahead_left_on_the_server_hides_nothing(void **state)
{
	struct fixture *f = *state;

	put(f, BEGIN, 8);
	f->server->max_id = "4000000000000000\n";
	f->server->max_at = "4000000000000001\n";
	begin(f);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 8);
	assert_non_null(strstr(forward_notice(f->forward), "newer connections of this node"));
	assert_true(forward_state(f->forward)->version_us > 4000000000000001);
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
	assert_non_null(strstr(f->err.msg, "of version 7, this program's of 1"));
	f->server->version = "1\n";
	f->server->fail_inserts = 1;
	f->server->fail_code = 60;
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	assert_non_null(strstr(f->err.msg, "connmon-forward --init"));
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 5);
}

static void another_node_of_the_same_id_is_refused_unless_the_id_was_given(void **state)
{
	struct fixture *f = *state;

	put(f, BEGIN, 5);
	f->server->nodes = TWIN("1769899990000000");
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	assert_non_null(strstr(f->err.msg, "another node, 'two', sends under this one's id " NODE));
	assert_int_equal(answering_rows("connections"), 0);
	end(f);
	f->options.is_named = true;
	begin(f);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_non_null(strstr(forward_notice(f->forward), "another node"));
	assert_int_equal(answering_rows("connections"), 5);
}

static void a_twin_that_comes_later_is_refused_until_it_is_gone(void **state)
{
	struct fixture *f = *state;

	put(f, BEGIN, 5);
	begin(f);
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	f->server->nodes = TWIN("1769899990000000");
	f->forward->twice_at_us = 0; /* as if a minute had gone by */
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	put(f, BEGIN + 100 * 1000000, 5);
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	assert_int_equal(answering_rows("connections"), 5);
	f->server->nodes = "";
	assert_int_equal(go(f, 5), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 10);
}

static const char *node_of(const char *name_hex, const char *boot_id, const char *instance,
			   int64_t at_us)
{
	static char text[700];

	snprintf(text, sizeof(text), "%s\t%s\t%s\t1769899990000000\t1769900000\t%lld\n", name_hex,
		 boot_id, instance, (long long)at_us);
	return text;
}

static void a_copy_of_the_disk_is_another_node_and_this_one_after_a_reboot_is_not(void **state)
{
	struct fixture *f = *state;
	char instance[STATE_ID_BYTES];
	int64_t version_us;

	begin(f);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	strcpy(instance, forward_state(f->forward)->instance);
	f->server->nodes = node_of("6F6E65", "other-boot", instance, forward_now_us());
	f->forward->twice_at_us = 0;
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	version_us = forward_state(f->forward)->version_us;
	assert_int_equal(forward_keep(f->forward, &f->err), 0);
	end(f);
	f->server->nodes = node_of("6F6E65", "other-boot", instance, version_us + 600000000);
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_WRONG);
	end(f);
	f->server->nodes = node_of("6F6E65", "other-boot", instance, version_us - 10);
	begin(f);
	assert_int_equal(forward_greet(f->forward, &f->err), FORWARD_IDLE);
}

static void a_node_of_a_long_name_that_lost_its_state_is_not_its_own_twin(void **state)
{
	struct fixture *f = *state;
	char name[101], hex[201];

	for (int i = 0; i < 100; i++) {
		name[i] = i % 2 ? '\t' : '\\';
		strcpy(hex + 2 * i, i % 2 ? "09" : "5C");
	}
	name[100] = '\0';
	f->options.node.name = name;
	begin(f);
	f->server->nodes = node_of(hex, f->forward->boot_id, "other-instance", 5);
	assert_int_equal(forward_greet(f->forward, &f->err), FORWARD_IDLE);
	hex[199] = 'A'; /* its last byte */
	f->server->nodes = node_of(hex, f->forward->boot_id, "other-instance", 5);
	assert_int_equal(forward_greet(f->forward, &f->err), FORWARD_WRONG);
}

static void one_that_sent_long_ago_is_this_node_itself(void **state)
{
	struct fixture *f = *state;

	f->server->nodes = TWIN("1769800000000000");
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
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
		   "INSERT INTO gap(id, from_us, to_us, reason) VALUES (1, 5, 10, 'pruned')");
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	tempdb_run(f->db,
		   "UPDATE gap SET to_us = 20 WHERE id = 1;"
		   "INSERT INTO gap(id, from_us, to_us, reason) VALUES (2, 30, 40, 'pruned')");
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	assert_non_null(strstr(answering_insert("gaps", 1)->text, "\t1\t5\t20\tpruned\t"));
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

static void a_run_of_a_clock_that_was_ahead_keeps_nothing_back(void **state)
{
	struct fixture *f = *state;

	tempdb_run(f->db, "UPDATE run SET last_commit_us = 9000000000000000;"
			  "INSERT INTO run VALUES (2, 'b', '0', 1, 1000000000000, NULL,"
			  " 1001000000000, 0, 0, 0, 0, 0)");
	begin(f);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	assert_int_equal(forward_state(f->forward)->listeners_us, 1001000000000 - 10000000);
	assert_int_equal(forward_state(f->forward)->names_us, 1001000000000 - 130000000);
}

static void a_state_file_is_used_by_one_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct forward *second = NULL;

	begin(f);
	assert_int_equal(forward_new(&f->options, &second, &f->err), -EWOULDBLOCK);
	assert_null(second);
	assert_non_null(strstr(f->err.msg, "another connmon-forward uses it"));
	end(f);
	begin(f);
}

/* As the collector sets a database aside. */
static void set_aside(struct fixture *f)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	struct err err = {0};

	db_close(f->db);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char from[160], to[160];

		snprintf(from, sizeof(from), "%s%s", f->temp->path, ends[i]);
		snprintf(to, sizeof(to), "%s.aside%s", f->temp->path, ends[i]);
		if (rename(from, to) != 0)
			assert_int_equal(errno, ENOENT);
	}
	assert_int_equal(db_open_writer(f->temp->path, false, &f->db, &err), 0);
	tempdb_run(f->db, "INSERT INTO local_address VALUES (1, 1, '10.0.0.1')");
}

static void remove_aside(struct fixture *f)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -f %s.aside*", f->temp->path);
	assert_int_equal(system(command), 0);
}

static void a_database_that_was_replaced_is_sent_to_its_end_and_then_the_new_one(void **state)
{
	struct fixture *f = *state;

	begin(f);
	put(f, BEGIN + 1000 * 1000000, 3);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	put(f, BEGIN + 2000 * 1000000, 3);
	set_aside(f);
	put(f, BEGIN, 4); /* the clock was set back meanwhile */
	assert_int_equal(go(f, 10), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 10);
	remove_aside(f);
}

static void one_that_was_replaced_is_not_left_because_the_state_cannot_be_written(void **state)
{
	struct fixture *f = *state;
	char new_path[160];

	begin(f);
	put(f, BEGIN + 1000 * 1000000, 3);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	put(f, BEGIN + 2000 * 1000000, 3);
	set_aside(f);
	snprintf(new_path, sizeof(new_path), "%s.new", f->state);
	assert_int_equal(mkdir(new_path, 0700), 0); /* in the way, as a full disk would be */
	assert_int_equal(go(f, 1), FORWARD_LOST);
	assert_int_equal(go(f, 1), FORWARD_LOST);
	assert_int_equal(rmdir(new_path), 0);
	assert_int_equal(go(f, 10), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 6);
	remove_aside(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(all_rows_are_sent_once_and_no_batch_reaches_into_two_days),
		TEST(a_batch_whose_answer_is_lost_is_sent_again_byte_for_byte),
		TEST(also_by_the_next_process_when_more_has_come_since),
		TEST(without_a_state_file_it_goes_on_behind_what_the_server_has),
		TEST(what_a_clock_ahead_left_on_the_server_hides_nothing),
		TEST(a_server_that_is_full_is_tried_again_and_nothing_is_lost),
		TEST(a_row_that_no_server_takes_is_set_aside_and_all_others_arrive),
		TEST(a_row_that_cannot_be_set_aside_waits_and_leaves_no_half_behind),
		TEST(a_row_is_not_set_aside_for_what_an_outage_did),
		TEST(a_server_that_takes_no_row_at_all_does_not_empty_the_history),
		TEST(what_somebody_must_mend_is_told_and_then_it_goes_on),
		TEST(another_node_of_the_same_id_is_refused_unless_the_id_was_given),
		TEST(a_twin_that_comes_later_is_refused_until_it_is_gone),
		TEST(a_copy_of_the_disk_is_another_node_and_this_one_after_a_reboot_is_not),
		TEST(a_node_of_a_long_name_that_lost_its_state_is_not_its_own_twin),
		TEST(one_that_sent_long_ago_is_this_node_itself),
		TEST(rows_deleted_before_they_were_sent_are_a_gap),
		TEST(a_hole_that_grew_is_sent_again_when_the_next_one_began_too),
		TEST(rows_deleted_after_they_were_sent_are_none),
		TEST(an_open_connection_whose_answer_was_lost_is_told_over_too),
		TEST(an_open_connection_is_over_before_its_row_is_sent),
		TEST(a_listener_that_the_next_run_ends_in_the_past_ends_on_the_server_too),
		TEST(all_that_the_server_holds_open_is_known_however_much_it_is),
		TEST(a_run_of_a_clock_that_was_ahead_keeps_nothing_back),
		TEST(a_state_file_is_used_by_one_at_a_time),
		TEST(a_database_that_was_replaced_is_sent_to_its_end_and_then_the_new_one),
		TEST(one_that_was_replaced_is_not_left_because_the_state_cannot_be_written),
#undef TEST
	};

	answering_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
