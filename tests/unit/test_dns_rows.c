/* Names in a real database: rows are put together over answers and runs, their number and their
 * age are bounded, and the account says what became of the packets. */
#include "unit.h"

#include <arpa/inet.h>

#include "clock.h"
#include "dns_rows.h"
#include "storedb.h"

#define OFFSET_NS (1769853600LL * NS_PER_S)
#define SECOND_US (NS_PER_S / NS_PER_US)

static int setup(void **state)
{
	return storedb_setup(state, OFFSET_NS);
}

static struct dns_name name_of(const char *address, const char *name, int64_t first_s,
			       int64_t last_s, uint64_t answers)
{
	struct dns_name n = {.name = name,
			     .first_boot_ns = first_s * NS_PER_S,
			     .last_boot_ns = last_s * NS_PER_S,
			     .answers = answers};

	n.address.family = inet_pton(AF_INET, address, &n.address.addr) == 1 ? 4 : 6;
	if (n.address.family == 6)
		assert_int_equal(inet_pton(AF_INET6, address, &n.address.addr), 1);
	n.server.family = 4;
	inet_pton(AF_INET, "10.0.0.53", &n.server.addr);
	return n;
}

static void write_names(struct storedb *f, const struct dns_name *const *names, size_t n,
			const struct dns_counters *counters)
{
	const struct flush flush = {.names = names,
				    .n_names = n,
				    .has_dns = true,
				    .dns = *counters,
				    .now_boot_ns = 20 * NS_PER_S,
				    .offset_ns = OFFSET_NS};
	struct err err = {0};

	if (store_write(f->store, &flush, &err))
		fail_msg("%s", err.msg);
}

static void write_name(struct storedb *f, struct dns_name name)
{
	const struct dns_name *one = &name;

	write_names(f, &one, 1, &(struct dns_counters){0});
}

static void upkeep(struct storedb *f, int64_t now_ns)
{
	struct err err = {0};
	int ret;

	while ((ret = store_upkeep(f->store, now_ns, OFFSET_NS, &err)) > 0) {
	}
	if (ret)
		fail_msg("%s", err.msg);
}

static void answers_for_one_name_are_one_row(void **state)
{
	struct storedb *f = *state;

	write_name(f, name_of("192.0.2.1", "a.test", 5, 6, 2));
	write_name(f, name_of("192.0.2.1", "a.test", 4, 4, 1));
	write_name(f, name_of("192.0.2.1", "a.test", 9, 9, 3));
	write_name(f, name_of("2001:db8::1", "a.test", 9, 9, 1));
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM dns_name"), 2);
	assert_int_equal(
		tempdb_number(f->db,
			      "SELECT count(*) FROM dns_name WHERE address = '192.0.2.1'"
			      " AND name = 'a.test' AND server = '10.0.0.53' AND answers = 6"
			      " AND first_us = 1769853604000000 AND last_us = 1769853609000000"),
		1);
	assert_int_equal(
		tempdb_number(f->db, "SELECT count(*) FROM dns_names WHERE address = '2001:db8::1'"
				     " AND first_seen_at = '2026-01-31T10:00:09.000Z'"),
		1);
}

static void the_account_holds_each_packet(void **state)
{
	struct storedb *f = *state;
	struct dns_counters c = {.verdict = {[DNS_USED] = 1,
					     [DNS_PASSED] = 2,
					     [DNS_COPY] = 4,
					     [DNS_MALFORMED] = 8,
					     [DNS_FRAGMENT] = 16,
					     [DNS_CUT] = 32},
				 .dropped = 64,
				 .overflow = 128};

	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM dns_account"), 0);
	write_names(f, NULL, 0, &c);
	c.verdict[DNS_PASSED]++;
	write_names(f, NULL, 0, &c);
	assert_int_equal(
		tempdb_number(f->db,
			      "SELECT count(*) FROM dns_account WHERE run_id = 1 AND seen = 64 AND"
			      " used = 1 AND passed = 3 AND copies = 4 AND malformed = 8 AND"
			      " fragments = 16 AND cut = 32 AND dropped = 64 AND overflow = 128"),
		1);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM dns_account"), 1);
}

static void a_run_without_names_has_no_account_of_them(void **state)
{
	struct storedb *f = *state;
	const struct flush flush = {.now_boot_ns = 20 * NS_PER_S, .offset_ns = OFFSET_NS};
	struct err err = {0};

	assert_int_equal(store_write(f->store, &flush, &err), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM dns_account"), 0);
}

/* Names n0, n1 ... , each answered a second after the one before it, from @from_s on. */
static void write_many(struct storedb *f, int n, int64_t from_s)
{
	static struct dns_name names[1000];
	static const struct dns_name *list[1000];
	static char text[1000][16];

	for (int i = 0; i < n;) {
		size_t k = 0;

		for (; k < 1000 && i < n; k++, i++) {
			snprintf(text[k], sizeof(text[k]), "n%d", i);
			names[k] = name_of("192.0.2.1", text[k], from_s + i, from_s + i, 1);
			list[k] = &names[k];
		}
		write_names(f, list, k, &(struct dns_counters){0});
	}
}

static void begin_again(struct storedb *f, struct retention retention)
{
	struct store_config config = {.path = f->temp->path,
				      .now_boot_ns = 30 * NS_PER_S,
				      .offset_ns = OFFSET_NS,
				      .retention = retention};
	struct err err = {0};

	store_free(f->store);
	if (store_open(&config, &f->processes, &f->containers, &f->store, &err))
		fail_msg("%s", err.msg);
}

static void of_too_many_the_oldest_go_and_that_is_told(void **state)
{
	struct storedb *f = *state;
	const int max = (64 << 20) / 16 / 1200; /* a sixteenth of 64 MiB, if all were long */

	begin_again(f, (struct retention){.max_bytes = 64 << 20});
	write_many(f, max + 2000, 0);
	upkeep(f, 40 * NS_PER_S);
	assert_in_range(tempdb_number(f->db, "SELECT count(*) FROM dns_name"), max - max / 64, max);
	assert_int_equal(tempdb_number(f->db, "SELECT pruned + (SELECT count(*) FROM dns_name)"
					      " FROM dns_account"),
			 max + 2000);
	/* Those that are left are the newest. */
	assert_int_equal(tempdb_number(f->db, "SELECT max(last_us) - min(last_us) FROM dns_name"),
			 (tempdb_number(f->db, "SELECT count(*) FROM dns_name") - 1) * SECOND_US);
	write_name(f, name_of("192.0.2.1", "n0", 100000, 100000, 1));
	upkeep(f, 50 * NS_PER_S);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM dns_name WHERE name = 'n0'"),
			 1);
}

static void names_go_when_they_were_not_answered_for_as_long_as_rows_are_kept(void **state)
{
	struct storedb *f = *state;

	begin_again(f, (struct retention){.rows_ns = 3600 * NS_PER_S});
	write_many(f, 2000, 0);
	upkeep(f, (3600 + 1500) * NS_PER_S);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM dns_name"), 500);
	assert_int_equal(tempdb_number(f->db, "SELECT pruned FROM dns_account"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, storedb_teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers_for_one_name_are_one_row),
		TEST(the_account_holds_each_packet),
		TEST(a_run_without_names_has_no_account_of_them),
		TEST(of_too_many_the_oldest_go_and_that_is_told),
		TEST(names_go_when_they_were_not_answered_for_as_long_as_rows_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
