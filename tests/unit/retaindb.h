/* retaindb.h - a database whose history gets old, and what keeps house in it. */
#ifndef CONNMON_RETAINDB_H
#define CONNMON_RETAINDB_H

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

static inline void begin_retention(struct fixture *f, const struct retention *retention)
{
	const struct note nobody = {0};
	struct err err = {0};

	if (dictionary_new(f->db, &f->processes, &f->containers, 1, OFFSET_NS, &f->dictionary,
			   &err) ||
	    retain_new(f->db, retention, f->dictionary, &nobody, &f->retain, &err))
		fail_msg("%s", err.msg);
	dictionary_begin(f->dictionary, OFFSET_NS);
}

/* cmocka set-up and tear-down: *state is a struct fixture. */
static inline int setup(void **state)
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

static inline int teardown(void **state)
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
static inline uint64_t below(struct fixture *f, uint64_t n)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % n;
}

/* Connections that end one second after the other, from @hour hours after the first on. */
static inline void put_rows(struct fixture *f, int64_t hour, int n)
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
static inline void put_sums(struct fixture *f, const char *table, int64_t width_us,
			    const char *until, int64_t until_us, const char *peer,
			    const char *where)
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

static inline void set_extent(struct fixture *f, const char *column, int64_t value)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "UPDATE extent SET %s = %lld", column, (long long)value);
	tempdb_run(f->db, sql);
}

/* As the store does for all hours before @hour, and by five minutes. */
static inline void total(struct fixture *f, int64_t hour)
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

static inline int64_t at(int64_t hour)
{
	return (FIRST_HOUR + hour) * HOUR_US;
}

/* Until there is nothing more to do. */
static inline void keep_house(struct fixture *f, int64_t hour)
{
	struct err err = {0};
	int ret;

	while ((ret = retain_step(f->retain, at(hour), STEP_NS, &err)) == 1)
		;
	if (ret)
		fail_msg("%s", err.msg);
}

static inline long rows(struct fixture *f)
{
	return tempdb_number(f->db, "SELECT count(*) FROM connection");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
