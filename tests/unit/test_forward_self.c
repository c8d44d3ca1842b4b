/* Which node a forwarder is, which state file is its own, and which database it reads: where two of
 * them, or an earlier one, could be mistaken for it, no row is lost and none is another node's. */
#include "forwarding.h"

#include <errno.h>
#include <sys/stat.h>

/* "two", hex; the server's clock is at 1769900000. */
#define TWIN(at_us) "74776F\tother-boot\tother-instance\t" at_us "\t1769900000\t" at_us "\n"

static const char *node_of(const char *name_hex, const char *boot_id, const char *instance,
			   int64_t at_us)
{
	static char text[700];

	snprintf(text, sizeof(text), "%s\t%s\t%s\t1769899990000000\t1769900000\t%lld\n", name_hex,
		 boot_id, instance, (long long)at_us);
	return text;
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

static void a_new_database_of_the_same_inode_is_sent_whole_hours_and_all(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	begin(f);
	put(f, BEGIN + 1000 * 1000000, 3);
	assert_int_equal(go(f, 1), FORWARD_IDLE);
	set_aside(f);
	assert_int_equal(stat(f->temp->path, &st), 0);
	f->forward->state.inode = (int64_t)st.st_ino;
	f->forward->state.device = (int64_t)st.st_dev;
	f->forward->state.hour = BEGIN / 3600000000 + 5;
	assert_int_equal(forward_keep(f->forward, &f->err), 0);
	end(f);
	tempdb_run(f->db,
		   "INSERT INTO run VALUES (1, 'b', '0', 1, 7, NULL, 8, 0, 0, 0, 0, 0);"
		   "INSERT INTO hourly (hour, direction, peer_addr, service_port, program_id,"
		   " container_id, loopback, attempts, failed, resets, tx_bytes, rx_bytes,"
		   " retransmits, connects, connect_us_sum, connect_us_max, duration_us_sum,"
		   " start_us, start_span_us) VALUES (491615, 0, '10.0.0.1', 443, 0, 0, 0, 1,"
		   " 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, 0);"
		   "UPDATE extent SET totals_until_hour = 491616");
	put(f, BEGIN, 4); /* the clock was set back meanwhile */
	begin(f);
	assert_int_equal(go(f, 10), FORWARD_IDLE);
	assert_int_equal(answering_rows("connections"), 7);
	assert_int_equal(answering_rows("hourly"), 1);
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
		TEST(another_node_of_the_same_id_is_refused_unless_the_id_was_given),
		TEST(a_twin_that_comes_later_is_refused_until_it_is_gone),
		TEST(a_copy_of_the_disk_is_another_node_and_this_one_after_a_reboot_is_not),
		TEST(a_node_of_a_long_name_that_lost_its_state_is_not_its_own_twin),
		TEST(one_that_sent_long_ago_is_this_node_itself),
		TEST(without_a_state_file_it_goes_on_behind_what_the_server_has),
		TEST(what_a_clock_ahead_left_on_the_server_hides_nothing),
		TEST(a_run_of_a_clock_that_was_ahead_keeps_nothing_back),
		TEST(a_state_file_is_used_by_one_at_a_time),
		TEST(a_database_that_was_replaced_is_sent_to_its_end_and_then_the_new_one),
		TEST(a_new_database_of_the_same_inode_is_sent_whole_hours_and_all),
		TEST(one_that_was_replaced_is_not_left_because_the_state_cannot_be_written),
#undef TEST
	};

	answering_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
