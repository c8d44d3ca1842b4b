/* What rows refer to is kept, and goes with the last of them. */
#include "retaindb.h"

static struct connection connection(struct fixture *f, uint32_t pid)
{
	struct connection c = {
		.netns = 1,
		.cgroup_id = 100 + pid % 50,
		.family = 4,
		.owner = {.pid = pid,
			  .start_boot_ns = pid * NS_PER_S,
			  .ppid = pid / 2,
			  .parent_start_boot_ns = pid / 2 * NS_PER_S,
			  .cgroup_id = 100 + pid % 50},
	};

	snprintf(c.owner.comm, sizeof(c.owner.comm), "p%u", pid % 300);
	c.local_addr.s6_addr[3] = (uint8_t)(pid % 200);
	if (below(f, 4) == 0)
		c.closer = c.owner;
	return c;
}

static void put_connection(struct fixture *f, const struct connection *c, int64_t id, bool open)
{
	int64_t process = 0, closer = 0, container = 0, local = 0;
	struct err err = {0};
	char sql[512];

	if (dictionary_process(f->dictionary, &c->owner, &process, &err) ||
	    dictionary_process(f->dictionary, &c->closer, &closer, &err) ||
	    dictionary_container(f->dictionary, c->cgroup_id, &container, &err) ||
	    dictionary_local_address(f->dictionary, c, &local, &err))
		fail_msg("%s", err.msg);
	snprintf(sql, sizeof(sql),
		 open ? "INSERT OR REPLACE INTO open_row(id, start_us, seen_us, direction,"
			" outcome, local_addr, local_port, peer_addr, peer_port, process_id,"
			" closer_id, container_id, netns, tx_bytes, rx_bytes, retransmits, flags)"
			" VALUES(%lld, 1, 1, 0, 1, '', 1, 'x', 1, %lld, nullif(%lld, 0),"
			" nullif(%lld, 0), 1, 0, 0, 0, 0)"
		      : "INSERT INTO connection(id, duration_us, direction, outcome, flags,"
			" peer_addr, peer_port, local_port, process_id, closer_id, container_id,"
			" tx_bytes, rx_bytes, retransmits, local_id)"
			" VALUES(%lld, 1, 0, 2, 0, 'x', 1, 1, %lld, nullif(%lld, 0),"
			" nullif(%lld, 0), 0, 0, 0, %lld)",
		 (long long)id, (long long)process, (long long)closer, (long long)container,
		 (long long)local);
	tempdb_run(f->db, sql);
}

/* One flush in @hour: some ended, some open, some moved, perhaps rolled back. */
static void flush(struct fixture *f, int64_t hour, int n)
{
	bool committed = below(f, 50) != 0;
	int64_t id = f->last_id > at(hour) ? f->last_id : at(hour);

	tempdb_run(f->db, "BEGIN IMMEDIATE");
	for (int i = 0; i < n; i++) {
		/* Mostly new processes, now and then an old one. */
		uint32_t pid = (uint32_t)(below(f, 8) ? 1000 + (uint64_t)hour * 100 + below(f, 200)
						      : 2 + below(f, 1000));
		struct connection c = connection(f, pid);

		put_connection(f, &c, ++id, false);
		if (below(f, 20) == 0)
			put_connection(f, &c, 1 + (int64_t)below(f, 300), true);
	}
	tempdb_run(f->db,
		   "INSERT INTO listener(netns, addr, port, program_id, from_us, to_us)"
		   " SELECT 1, '', 1, program_id, 1, 2 FROM process ORDER BY id DESC LIMIT 1");
	if (below(f, 3) == 0)
		tempdb_run(f->db, "DELETE FROM open_row WHERE id % 3 = 0");
	tempdb_run(f->db, committed ? "COMMIT" : "ROLLBACK");
	if (committed) {
		dictionary_committed(f->dictionary);
		f->last_id = id;
	} else {
		dictionary_forget(f->dictionary);
	}
}

static void expect_that_every_id_resolves(struct fixture *f)
{
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_int_equal(
		tempdb_number(
			f->db,
			"SELECT count(*) FROM (SELECT hour, program_id, container_id FROM"
			" hourly UNION ALL SELECT hour, program_id, container_id FROM"
			" hourly_program UNION ALL SELECT slot / 12, program_id, container_id FROM"
			" recent WHERE slot >= (SELECT recent_from_slot FROM extent))"
			" WHERE hour >= (SELECT totals_from_hour FROM extent)"
			" AND (program_id AND program_id NOT IN (SELECT id FROM program)"
			" OR container_id AND container_id NOT IN (SELECT id FROM container))"),
		0);
}

static void after_any_step_every_id_resolves(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	int64_t totalled = 0;
	long most = 0;

	begin_retention(f, &(struct retention){.rows_ns = 2 * 3600 * NS_PER_S,
					       .totals_ns = 12 * 3600 * NS_PER_S});
	for (int64_t hour = 0; hour < HOURS; hour++) {
		for (int i = 0; i < 12; i++) {
			long n;

			flush(f, hour, 60);
			if (below(f, 6) == 0 && totalled < hour) {
				totalled = hour;
				total(f, totalled);
			}
			for (uint64_t steps = below(f, 6); steps > 0; steps--) {
				if (retain_step(f->retain, at(hour), 0, &err) < 0)
					fail_msg("%s", err.msg);
				expect_that_every_id_resolves(f);
			}
			n = tempdb_number(f->db, "SELECT count(*) FROM process");
			if (n > most)
				most = n;
		}
	}
	/* And it was not for nothing. */
	tempdb_run(f->db, "DELETE FROM open_row");
	put_rows(f, HOURS + 1, 3600);
	total(f, HOURS + 2);
	keep_house(f, 100);
	expect_that_every_id_resolves(f);
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM process"), 0, most / 4);
}

static void what_recent_totals_refer_to_stays_until_they_go(void **state)
{
	struct fixture *f = *state;
	long programs;

	begin_retention(f, &(struct retention){.rows_ns = 3600 * NS_PER_S});
	for (int i = 0; i < 5; i++)
		flush(f, 0, 1000);
	total(f, 1);
	tempdb_run(f->db, "DELETE FROM open_row; DELETE FROM listener;"
			  "DELETE FROM hourly; DELETE FROM hourly_program");
	programs = tempdb_number(f->db, "SELECT count(DISTINCT program_id) FROM recent");
	assert_true(programs > 50);
	keep_house(f, 10);
	assert_int_equal(rows(f), 0);
	expect_that_every_id_resolves(f);
	assert_true(tempdb_number(f->db, "SELECT count(*) FROM program") >= programs);
	/* Other rows come, and go. */
	put_rows(f, 11, 3600);
	total(f, 12);
	keep_house(f, 20);
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM program"), 1, MAX_ANCESTORS);
}

static void what_nothing_refers_to_any_more_goes_but_for_the_last_row(void **state)
{
	struct fixture *f = *state;

	begin_retention(f, &(struct retention){.rows_ns = 3600 * NS_PER_S,
					       .totals_ns = 3600 * NS_PER_S});
	tempdb_run(
		f->db,
		"INSERT INTO run SELECT 0, 'old', version, pid, 0, 0, 1, 0, 0, 0, 0, 0 FROM run;"
		"INSERT INTO clock VALUES(1, 0, 0), (2, 1, 0);"
		"INSERT INTO account VALUES(0, 'end', 0, 0, 0, 0), (1, 'end', 0, 0, 0, 0);"
		"INSERT INTO gap(id, from_us, to_us, reason, count) VALUES(1, 1, 2, 'stopped', NULL)");
	for (int i = 0; i < 5; i++)
		flush(f, 0, 1000);
	tempdb_run(f->db, "DELETE FROM open_row");
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM process"), 300, 10000);
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM listener"), 1, 5);
	total(f, 1);
	keep_house(f, 10);
	assert_string_equal(tempdb_text(f->db, "SELECT (SELECT count(*) FROM connection) || ' ' ||"
					       " (SELECT count(*) FROM hourly) || ' ' ||"
					       " (SELECT count(*) FROM local_address) || ' ' ||"
					       " (SELECT count(*) FROM listener) || ' ' ||"
					       " (SELECT count(*) FROM gap)"),
			    "0 0 1 0 0");
	/* The last of them, for an id is never given again, and what that one refers to. */
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM process"), 1, MAX_ANCESTORS);
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM program"), 1, MAX_ANCESTORS);
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM container"), 1, MAX_ANCESTORS);
	assert_string_equal(tempdb_text(f->db, "SELECT (SELECT group_concat(id) FROM run) || ' ' ||"
					       " (SELECT group_concat(run_id) FROM clock) || ' ' ||"
					       " (SELECT group_concat(run_id) FROM account)"),
			    "1 1 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(after_any_step_every_id_resolves),
		TEST(what_recent_totals_refer_to_stays_until_they_go),
		TEST(what_nothing_refers_to_any_more_goes_but_for_the_last_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
