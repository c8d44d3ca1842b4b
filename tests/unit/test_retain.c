/* What is kept and what goes: by age. */
#include "retaindb.h"

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

static void say_sent(const char *path, int64_t id)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fprintf(out, "connmon-forward 1\nnode_id x\nlast_id %lld\nend\n", (long long)id);
	assert_int_equal(fclose(out), 0);
}

static void connections_that_are_held_go_when_they_were_sent(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s.state", f->temp->path);
	say_sent(path, at(0) + 1799 * 1000000LL);
	begin_retention(f, &(struct retention){.rows_ns = DAY_NS, .hold_for = path});
	put_rows(f, 0, 3600);
	total(f, 1);
	keep_house(f, 1000);
	assert_int_equal(rows(f), 1800);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM gap"), 0);
	assert_int_equal(unlink(path), 0);
}

static void nothing_is_held_while_nobody_can_tell_what_was_sent(void **state)
{
	struct fixture *f = *state;

	begin_retention(f, &(struct retention){.rows_ns = DAY_NS, .hold_for = "/nowhere/state"});
	put_rows(f, 0, 3600);
	total(f, 1);
	keep_house(f, 1000);
	assert_int_equal(rows(f), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(connections_older_than_retain_go_and_extent_says_so),
		TEST(connections_of_an_hour_without_totals_stay_whatever_their_age),
		TEST(totals_stay_when_their_connections_are_gone_and_go_at_their_own_age),
		TEST(with_nothing_asked_for_nothing_goes),
		TEST(connections_that_are_held_go_when_they_were_sent),
		TEST(nothing_is_held_while_nobody_can_tell_what_was_sent),
		TEST(totals_of_five_minutes_go_after_two_hours_whatever_is_asked_for),
		TEST(totals_of_five_minutes_go_at_the_age_of_totals),
		TEST(a_step_ends_soon_and_the_next_goes_on),
		TEST(pages_that_became_free_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
