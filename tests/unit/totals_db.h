/*
 * totals_db.h - made-up histories for the tests of totals, with their hours summed by
 * plain SQL. The clock stands at NOW_US (fixed_clock.c), the begin of an hour.
 */
#ifndef CONNMON_TOTALS_DB_H
#define CONNMON_TOTALS_DB_H

#include "unit.h"

#include "functions.h"
#include "tempdb.h"
#include "totals_plan.h"

#define NOW_US	 INT64_C(1769860800000000)
#define NOW_HOUR (NOW_US / US_PER_HOUR)

static inline void run_f(sqlite3 *db, const char *format, ...)
{
	va_list args;
	char *sql;

	va_start(args, format);
	sql = sqlite3_vmprintf(format, args);
	va_end(args);
	tempdb_run(db, sql);
	sqlite3_free(sql);
}

/* Programs 1 and 2 differ only in their container, 1 and 3 in their file. */
static inline void add_names(sqlite3 *db)
{
	tempdb_run(
		db,
		"INSERT INTO run VALUES (1, 'b', '0', 9, 0, NULL, 0, 0, 0, 0, 0, 0);"
		"INSERT INTO container (id, cgroup_id, path, name, container_id, pod) VALUES"
		" (1, 1, '/a', 'web', 'c0ffee', 'shop/web'), (2, 2, '/b', 'web', 'beef', NULL),"
		" (3, 3, '/c', NULL, NULL, NULL);"
		"INSERT INTO program VALUES (1, 'curl', '/bin/curl', 0, NULL),"
		" (2, 'curl', '/bin/curl', 0, 1), (3, 'curl', NULL, 0, NULL),"
		" (4, 'nginx', '/sbin/nginx', 33, 1), (5, '', '', 7, 2);"
		"INSERT INTO process (id, boot, pid, start_us, program_id) VALUES (1, 1, 11, 1, 3),"
		" (2, 1, 12, 1, 1), (3, 1, 13, 1, 5), (4, 1, 14, 1, 2), (5, 1, 15, 1, 4),"
		" (6, 1, 16, 1, 1), (65537, 1, 17, 1, 4);"
		"INSERT INTO local_address VALUES (1, 4026531840, '10.0.0.1'),"
		" (2, 4026531999, '::1');");
}

static inline void add_ended(sqlite3 *db, int64_t id, int64_t duration_us, int direction,
			     const char *peer, int port, const char *process)
{
	run_f(db,
	      "INSERT INTO connection (id, duration_us, direction, outcome, flags, peer_addr,"
	      " peer_port, local_port, process_id, tx_bytes, rx_bytes, retransmits, local_id)"
	      " VALUES (%lld, %lld, %d, 2, 0, %Q, %d, %d, %s, 10, 20, 0, 1)",
	      (long long)id, (long long)duration_us, direction, peer, port, port, process);
}

#define US_PER_SLOT  (US_PER_HOUR / 12)
#define NOW_SLOT     (NOW_US / US_PER_SLOT)
#define SERVICE_PORT "CASE direction WHEN 0 THEN peer_port ELSE local_port END"

/* Sums all rows where @where into @table; @peer: "peer_addr, ", or "" for those without it. */
static inline void add_sums(sqlite3 *db, const char *table, int64_t width_us, const char *peer,
			    const char *where)
{
	run_f(db,
	      "INSERT INTO %s SELECT c.id / %lld, direction, %s " SERVICE_PORT ","
	      " ifnull(program_id, 0), ifnull(container_id, 0), (flags & 32) != 0, count(*),"
	      " sum(outcome >= 16), sum(outcome IN (3, 4)), sum(tx_bytes), sum(rx_bytes),"
	      " sum(retransmits), count(connect_us), ifnull(sum(connect_us), 0),"
	      " ifnull(max(connect_us), 0), sum(duration_us), min(c.id - duration_us)"
	      " - c.id / %lld * %lld, max(c.id - duration_us) - min(c.id - duration_us)"
	      " FROM connection c LEFT JOIN process p ON p.id = process_id"
	      " WHERE %s GROUP BY 1, 2, 3, 4, 5, 6%s",
	      table, (long long)width_us, peer, (long long)width_us, (long long)width_us, where,
	      *peer ? ", 7" : "");
}

/* Sums all hours, and says that those before @until_hour are. */
static inline void add_totals(sqlite3 *db, int64_t until_hour)
{
	add_sums(db, "hourly", US_PER_HOUR, "peer_addr,", "1");
	add_sums(db, "hourly_program", US_PER_HOUR, "", "1");
	run_f(db, "UPDATE extent SET totals_until_hour = %lld", (long long)until_hour);
}

/* Likewise of five minutes, from one slot to before the other. */
static inline void add_recent(sqlite3 *db, int64_t from_slot, int64_t until_slot)
{
	add_sums(db, "recent", US_PER_SLOT, "peer_addr,", "direction = 0");
	add_sums(db, "recent_program", US_PER_SLOT, "", "1");
	run_f(db, "UPDATE extent SET recent_from_slot = %lld, recent_until_slot = %lld",
	      (long long)from_slot, (long long)until_slot);
}

/* cmocka set-up and tear-down: *state is a struct totals_db with an empty history. */
struct totals_db {
	struct tempdb *temp;
	sqlite3 *db;
};

static inline int totals_db_open(void **state)
{
	struct totals_db *t = calloc(1, sizeof(*t));
	struct err err = {0};

	assert_non_null(t);
	tempdb_setup((void **)&t->temp);
	if (db_open_writer(t->temp->path, false, &t->db, &err) || functions_register(t->db, &err))
		fail_msg("%s", err.msg);
	add_names(t->db);
	*state = t;
	return 0;
}

static inline int totals_db_close(void **state)
{
	struct totals_db *t = *state;

	db_close(t->db);
	tempdb_teardown((void **)&t->temp);
	free(t);
	return 0;
}

static inline sqlite3 *db_of(void **state)
{
	return ((struct totals_db *)*state)->db;
}

/* Two whole hours, and half of the one that the clock stands at the end of. */
static inline void add_history(sqlite3 *db)
{
	add_ended(db, NOW_US - 3 * US_PER_HOUR, 1000, 0, "10.0.0.2", 443, "1");
	add_ended(db, NOW_US - 3 * US_PER_HOUR + 5, 1000, 1, "10.0.0.3", 22, "4");
	add_ended(db, NOW_US - 2 * US_PER_HOUR + 7, 1000, 0, "10.0.0.2", 443, "1");
	add_ended(db, NOW_US - 1000000, 1000, 0, "10.0.0.9", 80, "1");
	add_totals(db, NOW_HOUR - 1);
}

#endif
