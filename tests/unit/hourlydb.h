/* hourlydb.h - a database with random connections, and whether its totals are theirs. */
#ifndef CONNMON_HOURLYDB_H
#define CONNMON_HOURLYDB_H

#include "tempdb.h"

#include "hourly.h"
#include "series.h"

#define HOUR_US	  3600000000LL
#define HOUR	  491600 /* the first hour of a test: in January 2026 */
#define MINUTE_US 60000000LL
#define SLOT	  (HOUR * 12LL) /* its first five minutes */

/* The same numbers each time. */
static inline uint32_t random_below(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*state >> 33) % n);
}

static inline sqlite3 *hourlydb_open(const struct tempdb *t)
{
	struct err err = {0};
	sqlite3 *db = NULL;

	if (db_open_writer(t->path, false, &db, &err))
		fail_msg("%s", err.msg);
	return db;
}

/* 50 processes of 7 programs, and containers. */
static inline void hourlydb_fill_dictionaries(sqlite3 *db)
{
	tempdb_run(db, "INSERT INTO run(id, boot_id, version, pid, start_us, last_commit_us, seen,"
		       " recorded, lost, recursion_misses, rescued)"
		       " VALUES(1, 'b', 'v', 1, 0, 0, 0, 0, 0, 0, 0);"
		       "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 7)"
		       " INSERT INTO program(id, comm, uid) SELECT i, 'program' || i, i FROM n;"
		       "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)"
		       " INSERT INTO process(id, boot, pid, start_us, program_id)"
		       " SELECT i, 1, 100 + i, 0, 1 + i % 7 FROM n;"
		       "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4)"
		       " INSERT INTO container(id, cgroup_id, path) SELECT i, i, '/c' || i FROM n;"
		       "INSERT INTO local_address(id, netns, addr) VALUES(1, 1, '10.0.0.1')");
}

/* @n connections, the first of which ends at @id, the next at most @apart_us later, and so on;
 * among them owners and containers that nobody knows. Returns the last key. */
static inline int64_t hourlydb_add(sqlite3 *db, uint64_t *seed, int64_t id, int64_t apart_us, int n)
{
	static const int outcomes[] = {2, 2, 2, 3, 4, 8, 16, 17};
	struct err err = {0};
	AUTO_STMT *put = NULL;
	char peer[64];

	if (db_prepare(db,
		       "INSERT INTO connection(id, duration_us, direction, outcome, flags,"
		       " peer_addr, peer_port, local_port, process_id, container_id, tx_bytes,"
		       " rx_bytes, connect_us, retransmits, local_id)"
		       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, nullif(?9, 0), nullif(?10, 0), ?11,"
		       " ?12, nullif(?13, 0), ?14, 1)",
		       &put, &err))
		fail_msg("%s", err.msg);
	tempdb_run(db, "BEGIN");
	for (int i = 0; i < n; i++) {
		if (i > 0)
			id += 1 + random_below(seed, (uint32_t)apart_us);
		if (random_below(seed, 4) == 0)
			snprintf(peer, sizeof(peer), "2001:db8:1111:2222:3333:4444:5555:%x",
				 1 + random_below(seed, 40));
		else
			snprintf(peer, sizeof(peer), "10.0.%u.%u", random_below(seed, 2),
				 random_below(seed, 30));
		sqlite3_bind_int64(put, 1, id);
		sqlite3_bind_int64(put, 2, (int64_t)random_below(seed, 1u << 31) * 40);
		sqlite3_bind_int(put, 3, (int)random_below(seed, 2));
		sqlite3_bind_int(put, 4, outcomes[random_below(seed, 8)]);
		sqlite3_bind_int(put, 5, (int)random_below(seed, 64));
		sqlite3_bind_text(put, 6, peer, -1, SQLITE_STATIC);
		sqlite3_bind_int(put, 7, 65533 + (int)random_below(seed, 3));
		sqlite3_bind_int(put, 8, 80 + (int)random_below(seed, 2));
		sqlite3_bind_int(put, 9, (int)random_below(seed, 51));
		sqlite3_bind_int(put, 10, (int)random_below(seed, 5));
		sqlite3_bind_int64(put, 11, (int64_t)random_below(seed, 1u << 31) << 16);
		sqlite3_bind_int64(put, 12, random_below(seed, 2000));
		sqlite3_bind_int64(put, 13, random_below(seed, 4) * 777);
		sqlite3_bind_int(put, 14, (int)random_below(seed, 3));
		if (db_step(db, put, "a row", &err))
			fail_msg("%s", err.msg);
	}
	tempdb_run(db, "COMMIT");
	return id;
}

#define FINISHED "< (SELECT totals_until_hour FROM extent)"

static inline long hourlydb_number(sqlite3 *db, const char *format, ...)
{
	va_list args;
	char *sql;
	long n;

	va_start(args, format);
	sql = sqlite3_vmprintf(format, args);
	va_end(args);
	n = tempdb_number(db, sql);
	sqlite3_free(sql);
	return n;
}

/* What @table holds where @interval meets @finished is what GROUP BY says of the rows where
 * @rows, no more and no less. @peer: "peer_addr, ", or "" for sums without it. */
static inline void hourlydb_check_table(sqlite3 *db, const char *table, int64_t width_us,
					const char *interval, const char *finished,
					const char *peer, const char *rows)
{
	char *sums = sqlite3_mprintf(
		"SELECT c.id / %lld AS %s, direction, %s CASE direction WHEN 0 THEN peer_port ELSE"
		" local_port END AS service_port, ifnull(program_id, 0), ifnull(container_id, 0),"
		" flags & 32 <> 0, count(*), sum(outcome >= 16), sum(outcome IN (3, 4)),"
		" sum(tx_bytes), sum(rx_bytes), sum(retransmits), count(connect_us),"
		" ifnull(sum(connect_us), 0), ifnull(max(connect_us), 0), sum(duration_us),"
		" min(c.id - duration_us) - c.id / %lld * %lld,"
		" max(c.id - duration_us) - min(c.id - duration_us)"
		" FROM connection c LEFT JOIN process p ON p.id = c.process_id"
		" WHERE c.id / %lld %s AND %s GROUP BY 1, 2, 3, 4, 5, 6%s",
		width_us, interval, peer, width_us, width_us, width_us, finished, rows,
		*peer ? ", 7" : "");

	assert_int_equal(hourlydb_number(db,
					 "SELECT (SELECT count(*) FROM %s WHERE %s %s)"
					 " - (SELECT count(*) FROM (%s))",
					 table, interval, finished, sums),
			 0);
	assert_int_equal(hourlydb_number(db,
					 "SELECT count(*) FROM (SELECT * FROM (%s) EXCEPT"
					 " SELECT * FROM %s)",
					 sums, table),
			 0);
	sqlite3_free(sums);
}

/* The totals of finished hours, and of five minutes as far as they go, are those of the rows. */
static inline void hourlydb_check(sqlite3 *db)
{
	static const char recent[] = "BETWEEN (SELECT recent_from_slot FROM extent) AND"
				     " (SELECT recent_until_slot FROM extent) - 1";

	hourlydb_check_table(db, "hourly", HOUR_US, "hour", FINISHED, "peer_addr,", "1");
	hourlydb_check_table(db, "hourly_program", HOUR_US, "hour", FINISHED, "", "1");
	hourlydb_check_table(db, "recent", RECENT_US, "slot", recent, "peer_addr,",
			     "direction = 0");
	hourlydb_check_table(db, "recent_program", RECENT_US, "slot", recent, "", "1");
}

/* Up to which five minutes there are totals. */
static inline long hourlydb_recent(sqlite3 *db)
{
	return tempdb_number(db, "SELECT recent_until_slot FROM extent");
}

static inline long hourlydb_watermark(sqlite3 *db)
{
	return tempdb_number(db, "SELECT totals_until_hour FROM extent");
}

static inline struct hourly *hourlydb_begin(sqlite3 *db, size_t room)
{
	struct hourly *h = NULL;
	struct err err = {0};

	if (hourly_new(db, &h, &err))
		fail_msg("%s", err.msg);
	if (room)
		hourly_set_room(h, room);
	return h;
}

/* One step, the smallest there is. */
static inline int hourlydb_step(struct hourly *h, int64_t now_us)
{
	struct err err = {0};
	int ret = hourly_step(h, now_us, 0, &err);

	if (ret < 0)
		fail_msg("%s", err.msg);
	return ret;
}

/* For sqlite3_trace_v2(): counts rows in *(int *)@ctx. */
static inline int hourlydb_count_row(unsigned what, void *ctx, void *stmt, void *text)
{
	(void)what, (void)stmt, (void)text;
	++*(int *)ctx;
	return 0;
}

static inline int hourlydb_finish(struct hourly *h, int64_t now_us)
{
	int n = 0;

	while (hourlydb_step(h, now_us))
		n++;
	return n;
}

#endif
