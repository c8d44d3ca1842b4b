/* What is kept and what goes: by age, and what rows refer to. */
#include "unit.h"

#include <arpa/inet.h>

#include "clock.h"
#include "dictionary.h"
#include "retain.h"
#include "tempdb.h"

#define HOUR_US	   3600000000LL
#define FIRST_HOUR 491626LL /* 2026-01-31 10:00 UTC */
#define OFFSET_NS  (FIRST_HOUR * 3600 * NS_PER_S)
#define SLOT_US	   300000000LL
#define FIRST_SLOT (FIRST_HOUR * 12)
#define HOURS	   40
#define STEP_NS	   (5 * NS_PER_MS)
#define DAY_NS	   (24 * 3600 * NS_PER_S)

struct fixture {
	struct tempdb *temp;
	struct processes processes;
	struct containers containers;
	struct dictionary *dictionary;
	struct retain *retain;
	sqlite3 *db;
	int64_t last_id;
	uint64_t random;
};

static void begin_retention(struct fixture *f, const struct retention *retention)
{
	const struct note nobody = {0};
	struct err err = {0};

	if (dictionary_new(f->db, &f->processes, &f->containers, 1, OFFSET_NS, &f->dictionary,
			   &err) ||
	    retain_new(f->db, retention, f->dictionary, &nobody, &f->retain, &err))
		fail_msg("%s", err.msg);
	dictionary_begin(f->dictionary, OFFSET_NS);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = {0};

	assert_non_null(f);
	tempdb_setup((void **)&f->temp);
	f->processes.proc = "/nowhere";
	f->containers.cgroups.mount_fd = -1;
	f->random = 1;
	if (db_open_writer(f->temp->path, false, &f->db, &err))
		fail_msg("%s", err.msg);
	tempdb_run(f->db, "INSERT INTO run(id, boot_id, version, pid, start_us, last_commit_us,"
			  " seen, recorded, lost, recursion_misses, rescued)"
			  " VALUES(1, 'this', '', 1, 0, 9e15, 0, 0, 0, 0, 0)");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	dictionary_free(f->dictionary);
	db_close(f->db);
	retain_free(f->retain);
	processes_clear(&f->processes);
	containers_clear(&f->containers);
	tempdb_teardown((void **)&f->temp);
	free(f);
	return 0;
}

/* Numbers below @n, always the same ones: splitmix64. */
static uint64_t below(struct fixture *f, uint64_t n)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % n;
}

/* Connections that end one second after the other, from @hour hours after the first on. */
static void put_rows(struct fixture *f, int64_t hour, int n)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
		 "INSERT OR IGNORE INTO local_address VALUES(1, 1, '10.0.0.1');"
		 "WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		 "INSERT INTO connection(id, duration_us, direction, outcome, flags, peer_addr,"
		 " peer_port, local_port, tx_bytes, rx_bytes, retransmits, local_id)"
		 " SELECT %lld + i * 1000000, 1, i %% 2, 2, 0, '10.0.0.' || i %% 7, 443, 1, 1, 1,"
		 " 0, 1 FROM n",
		 n - 1, (long long)((FIRST_HOUR + hour) * HOUR_US));
	tempdb_run(f->db, sql);
}

/* Sums the rows from where extent says with @until on and before @until_us into @table. */
static void put_sums(struct fixture *f, const char *table, int64_t width_us, const char *until,
		     int64_t until_us, const char *peer, const char *where)
{
	char *sql = sqlite3_mprintf(
		"INSERT INTO %s SELECT c.id / %lld, direction, %s"
		" CASE direction WHEN 0 THEN peer_port ELSE local_port END,"
		" ifnull(p.program_id, 0), ifnull(container_id, 0), (flags & 32) != 0, count(*), 0,"
		" 0, sum(tx_bytes), 0, 0, 0, 0, 0, 0, 0, 0"
		" FROM connection c LEFT JOIN process p ON p.id = c.process_id"
		" WHERE c.id >= (SELECT %s * %lld FROM extent)"
		" AND c.id < %lld AND %s GROUP BY 1, 2, 3, 4, 5, 6 %s",
		table, (long long)width_us, peer, until, (long long)width_us, (long long)until_us,
		where, *peer ? ", 7" : "");

	tempdb_run(f->db, sql);
	sqlite3_free(sql);
}

static void set_extent(struct fixture *f, const char *column, int64_t value)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "UPDATE extent SET %s = %lld", column, (long long)value);
	tempdb_run(f->db, sql);
}

/* As the store does for all hours before @hour, and by five minutes. */
static void total(struct fixture *f, int64_t hour)
{
	const int64_t until_us = (FIRST_HOUR + hour) * HOUR_US;

	put_sums(f, "recent", SLOT_US, "recent_until_slot", until_us, "peer_addr,",
		 "direction = 0");
	put_sums(f, "recent_program", SLOT_US, "recent_until_slot", until_us, "", "1");
	set_extent(f, "recent_until_slot", FIRST_SLOT + hour * 12);
	put_sums(f, "hourly", HOUR_US, "totals_until_hour", until_us, "peer_addr,", "1");
	put_sums(f, "hourly_program", HOUR_US, "totals_until_hour", until_us, "", "1");
	set_extent(f, "totals_until_hour", FIRST_HOUR + hour);
}

static int64_t at(int64_t hour)
{
	return (FIRST_HOUR + hour) * HOUR_US;
}

/* Until there is nothing more to do. */
static void keep_house(struct fixture *f, int64_t hour)
{
	struct err err = {0};
	int ret;

	while ((ret = retain_step(f->retain, at(hour), STEP_NS, &err)) == 1)
		;
	if (ret)
		fail_msg("%s", err.msg);
}

static long rows(struct fixture *f)
{
	return tempdb_number(f->db, "SELECT count(*) FROM connection");
}

static void connections_older_than_retain_go_and_extent_says_so(void **state)
{
	struct fixture *f = *state;

	begin_retention(f, &(struct retention){.rows_ns = DAY_NS});
	put_rows(f, 0, 3600);
	put_rows(f, 2, 3600);
	total(f, 3);
	keep_house(f, 24);
	assert_int_equal(rows(f), 7200);
	assert_int_equal(tempdb_number(f->db, "SELECT rows_from_us FROM extent"), 0);
	keep_house(f, 25);
	assert_int_equal(rows(f), 3600);
	assert_int_equal(tempdb_number(f->db, "SELECT rows_from_us FROM extent"),
			 at(1) - 1000000 + 1);
	assert_int_equal(tempdb_number(f->db, "SELECT min(id) FROM connection"), at(2));
}

static void connections_of_an_hour_without_totals_stay_whatever_their_age(void **state)
{
	struct fixture *f = *state;

	begin_retention(f, &(struct retention){.rows_ns = DAY_NS});
	put_rows(f, 0, 3600);
	put_rows(f, 1, 3600);
	total(f, 1);
	keep_house(f, 1000);
	assert_int_equal(rows(f), 3600);
	assert_int_equal(tempdb_number(f->db, "SELECT min(id) FROM connection"), at(1));
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM gap"), 0);
}

static void totals_stay_when_their_connections_are_gone_and_go_at_their_own_age(void **state)
{
	struct fixture *f = *state;

	begin_retention(f, &(struct retention){.rows_ns = DAY_NS, .totals_ns = 10 * DAY_NS});
	put_rows(f, 0, 3600);
	put_rows(f, 1, 3600);
	total(f, 2);
	keep_house(f, 100);
	assert_int_equal(rows(f), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT sum(attempts) FROM hourly"), 7200);
	assert_int_equal(tempdb_number(f->db, "SELECT sum(attempts) FROM hourly_program"), 7200);
	assert_int_equal(tempdb_number(f->db, "SELECT totals_from_hour FROM extent"), 0);
	keep_house(f, 241);
	assert_int_equal(tempdb_number(f->db, "SELECT min(hour) FROM hourly"), FIRST_HOUR + 1);
	assert_int_equal(tempdb_number(f->db, "SELECT sum(attempts) FROM hourly"), 3600);
	assert_int_equal(tempdb_number(f->db, "SELECT sum(attempts) FROM hourly_program"), 3600);
	assert_int_equal(tempdb_number(f->db, "SELECT totals_from_hour FROM extent"),
			 FIRST_HOUR + 1);
}

static void with_nothing_asked_for_nothing_goes(void **state)
{
	struct fixture *f = *state;

	begin_retention(f, &(struct retention){0});
	put_rows(f, 0, 3600);
	total(f, 1);
	keep_house(f, 1000000);
	assert_int_equal(rows(f), 3600);
	assert_int_equal(tempdb_number(f->db, "SELECT sum(attempts) FROM hourly"), 3600);
	assert_int_equal(tempdb_number(f->db, "SELECT sum(attempts) FROM recent"), 1800);
}

/* Out of what is to be read at any moment nothing is missing. */
static void expect_whole_slots(struct fixture *f)
{
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM extent, (SELECT slot,"
					      " sum(attempts) AS n FROM recent_program GROUP BY 1)"
					      " WHERE slot >= recent_from_slot AND n <> 300"),
			 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM extent, (SELECT slot,"
					      " sum(attempts) AS n FROM recent GROUP BY 1)"
					      " WHERE slot >= recent_from_slot AND n <> 150"),
			 0);
	assert_int_equal(tempdb_number(f->db,
				       "SELECT (SELECT count(DISTINCT slot) FROM recent, extent"
				       " WHERE slot >= recent_from_slot) - recent_until_slot"
				       " + max(recent_from_slot, 491626 * 12) FROM extent"),
			 0);
}

static void totals_of_five_minutes_go_after_two_hours_whatever_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	int steps = 0;

	begin_retention(f, &(struct retention){0});
	for (int hour = 0; hour < 5; hour++)
		put_rows(f, hour, 3600);
	tempdb_run(f->db, "UPDATE connection SET peer_addr = id");
	total(f, 2);
	keep_house(f, 2);
	expect_whole_slots(f);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM recent"), 3600);
	assert_int_equal(tempdb_number(f->db, "SELECT recent_from_slot FROM extent"), 0);
	total(f, 5);
	expect_whole_slots(f);
	while (retain_step(f->retain, at(5), 0, &err) == 1) {
		expect_whole_slots(f);
		steps++;
	}
	assert_true(steps > 5);
	assert_int_equal(tempdb_number(f->db, "SELECT recent_from_slot FROM extent"),
			 FIRST_SLOT + 36);
	assert_int_equal(tempdb_number(f->db, "SELECT min(slot) FROM recent"), FIRST_SLOT + 36);
	assert_int_equal(tempdb_number(f->db, "SELECT min(slot) FROM recent_program"),
			 FIRST_SLOT + 36);
	expect_whole_slots(f);
	assert_int_equal(rows(f), 5 * 3600);
}

static void totals_of_five_minutes_go_at_the_age_of_totals(void **state)
{
	struct fixture *f = *state;

	begin_retention(f, &(struct retention){.totals_ns = 10 * 3600 * NS_PER_S});
	put_rows(f, 0, 3600);
	put_rows(f, 1, 3600);
	total(f, 2);
	keep_house(f, 11);
	expect_whole_slots(f);
	assert_int_equal(tempdb_number(f->db, "SELECT min(slot) FROM recent"), FIRST_SLOT + 12);
	assert_int_equal(tempdb_number(f->db, "SELECT count(DISTINCT slot) FROM recent"), 12);
	/* Also those of an hour that is not totalled. */
	set_extent(f, "totals_until_hour", FIRST_HOUR + 1);
	keep_house(f, 13);
	assert_int_equal(tempdb_number(f->db, "SELECT (SELECT count(*) FROM recent) +"
					      " (SELECT count(*) FROM recent_program)"),
			 0);
	assert_int_equal(tempdb_number(f->db, "SELECT recent_from_slot FROM extent"),
			 FIRST_SLOT + 24);
}

static void a_step_ends_soon_and_the_next_goes_on(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	begin_retention(f, &(struct retention){.rows_ns = DAY_NS});
	put_rows(f, 0, 3600);
	total(f, 1);
	assert_int_equal(retain_step(f->retain, at(100), 0, &err), 1);
	assert_in_range(rows(f), 1, 3599);
	assert_int_equal(tempdb_number(f->db, "SELECT min(connection.id) >= rows_from_us"
					      " FROM connection, extent"),
			 1);
	keep_house(f, 100);
	assert_int_equal(rows(f), 0);
}

static void pages_that_became_free_are_used_again(void **state)
{
	struct fixture *f = *state;
	long pages = 0;

	begin_retention(f, &(struct retention){.rows_ns = DAY_NS, .totals_ns = DAY_NS});
	for (int day = 0; day < 12; day++) {
		for (int hour = 0; hour < 24; hour++)
			put_rows(f, 24 * day + hour, 400);
		total(f, 24 * (day + 1));
		keep_house(f, 24 * (day + 1));
		if (day == 3)
			pages = tempdb_number(f->db, "PRAGMA page_count");
	}
	assert_in_range(tempdb_number(f->db, "PRAGMA page_count"), pages / 2, pages + pages / 10);
	assert_in_range(rows(f), 9600, 9600 + 400);
}

/* ---- what rows refer to ---- */

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
	tempdb_run(f->db,
		   "INSERT INTO run SELECT 0, 'old', version, pid, 0, 0, 1, 0, 0, 0, 0, 0 FROM run;"
		   "INSERT INTO clock VALUES(1, 0, 0), (2, 1, 0);"
		   "INSERT INTO account VALUES(0, 'end', 0, 0, 0, 0), (1, 'end', 0, 0, 0, 0);"
		   "INSERT INTO gap VALUES(1, 1, 2, 'stopped', NULL)");
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(connections_older_than_retain_go_and_extent_says_so),
		TEST(connections_of_an_hour_without_totals_stay_whatever_their_age),
		TEST(totals_stay_when_their_connections_are_gone_and_go_at_their_own_age),
		TEST(with_nothing_asked_for_nothing_goes),
		TEST(totals_of_five_minutes_go_after_two_hours_whatever_is_asked_for),
		TEST(totals_of_five_minutes_go_at_the_age_of_totals),
		TEST(a_step_ends_soon_and_the_next_goes_on),
		TEST(pages_that_became_free_are_used_again),
		TEST(after_any_step_every_id_resolves),
		TEST(what_recent_totals_refer_to_stays_until_they_go),
		TEST(what_nothing_refers_to_any_more_goes_but_for_the_last_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
