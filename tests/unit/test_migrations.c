/* A history that an older version wrote reads the same after this one has opened it. */
#include "unit.h"

#include "embed.h"
#include "tempdb.h"

extern const struct embed schema_migrations[];

/* What every version's connections has. */
#define COLUMNS                                                                                    \
	"id, started_at, ended_at, direction, outcome, error, comm, exe, pid, uid, container,"     \
	" netns, family, local_addr, local_port, peer_addr, peer_port, service_port, connect_us,"  \
	" duration_us, tx_bytes, rx_bytes, retransmits, srtt_us, min_rtt_us, owner_source,"        \
	" closed_by, failed"

/* Rows as versions 1 and 2 keep them. */
static const char history[] =
	"INSERT INTO run(id, boot_id, version, pid, start_us, last_commit_us, seen, recorded, lost,"
	" recursion_misses, rescued) VALUES(1, 'b', '0', 1, 1, 2, 3, 3, 0, 0, 0);"
	"INSERT INTO program VALUES(1, 'curl', '/usr/bin/curl', 1000, NULL);"
	"INSERT INTO process(id, boot, pid, start_us, ppid, program_id)"
	" VALUES(1, 1, 100, 5, 1, 1), (2, 1, 200, 6, 1, 1);"
	"INSERT INTO connection(id, duration_us, direction, outcome, error, local_addr, local_port,"
	" peer_addr, peer_port, process_id, closer_id, container_id, netns, connect_us,"
	" accept_wait_us, tx_bytes, rx_bytes, retransmits, srtt_us, min_rtt_us, cookie,"
	" owner_source, flags) VALUES"
	" (1700000000000001, 5, 0, 2, NULL, '10.0.0.1', 40000, '10.0.0.2', 443, 1, 2, NULL,"
	"  4026531840, 7, NULL, 10, 20, 1, 30, 40, 50, 1, 8),"
	" (1700000000000002, 6, 1, 3, 104, '10.0.0.1', 80, '10.0.0.1', 40001, 2, NULL, NULL,"
	"  4026531840, NULL, 9, 11, 21, 0, NULL, NULL, 51, 2, 0),"
	" (1700000000000003, 7, 0, 16, 111, '127.0.0.1', 40002, '127.0.0.9', 81, NULL, NULL, NULL,"
	"  4026532000, NULL, NULL, 0, 0, 0, NULL, NULL, 52, NULL, 1),"
	" (1700000000000004, 8, 0, 2, NULL, '::1', 40003, '::1', 82, 1, 1, NULL,"
	"  4026532000, 3, NULL, 12, 22, 0, 1, 2, 53, 1, 0);"
	"INSERT INTO open_connection(id, start_us, seen_us, direction, outcome, local_addr,"
	" local_port, peer_addr, peer_port, process_id, netns, tx_bytes, rx_bytes, retransmits,"
	" cookie, flags) VALUES"
	" (9, 1700000000000000, 1700000000000001, 0, 1, '10.0.0.1', 40004, '10.0.0.3', 443, 1,"
	"  4026531840, 13, 23, 2, 54, 0);"
	"INSERT INTO gap(from_us, to_us, reason, count) VALUES(1, 2, 'ring_full', 3);";

static struct tempdb *temp;

static int setup(void **state)
{
	(void)state;
	return tempdb_setup((void **)&temp);
}

static int teardown(void **state)
{
	(void)state;
	return tempdb_teardown((void **)&temp);
}

/* As version @version of the schema left it. */
static void make_old(int version)
{
	sqlite3 *db = NULL;
	char stamp[96];

	assert_int_equal(sqlite3_open(temp->path, &db), SQLITE_OK);
	for (int i = 0; i < version; i++)
		tempdb_run(db, schema_migrations[i].text);
	tempdb_run(db, history);
	snprintf(stamp, sizeof(stamp), "PRAGMA application_id=%d; PRAGMA user_version=%d",
		 DB_APPLICATION_ID, version);
	tempdb_run(db, stamp);
	sqlite3_close(db);
}

/* All rows of connections, to be freed. */
static char *read_all(sqlite3 *db)
{
	sqlite3_str *all = sqlite3_str_new(db);
	sqlite3_stmt *stmt = NULL;

	assert_int_equal(sqlite3_prepare_v2(db,
					    "SELECT " COLUMNS " FROM connections"
					    " WHERE outcome <> 'open' ORDER BY id",
					    -1, &stmt, NULL),
			 SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(stmt); i++)
			sqlite3_str_appendf(all, "%s=%s\n", sqlite3_column_name(stmt, i),
					    sqlite3_column_text(stmt, i));
	sqlite3_finalize(stmt);
	return sqlite3_str_finish(all);
}

static void check_version(int version)
{
	struct err err = {0};
	sqlite3 *db = NULL;
	char *before, *after;

	make_old(version);
	assert_int_equal(sqlite3_open(temp->path, &db), SQLITE_OK);
	before = read_all(db);
	sqlite3_close(db);
	if (db_open_writer(temp->path, false, &db, &err))
		fail_msg("%s", err.msg);
	after = read_all(db);
	assert_string_equal(before, after);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connections WHERE loopback"), 3);
	assert_string_equal(tempdb_text(db, "SELECT id || peer_addr || cookie || tx_bytes"
					    " FROM open_connection"),
			    "910.0.0.35413");
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM open_connections"), 1);
	assert_string_equal(tempdb_text(db, "SELECT reason || count FROM gaps"), "ring_full3");
	assert_string_equal(tempdb_text(db, "PRAGMA integrity_check"), "ok");
	assert_string_equal(tempdb_text(db, "SELECT count(*) FROM pragma_foreign_key_check"), "0");
	sqlite3_free(before);
	sqlite3_free(after);
	db_close(db);
}

static void what_version_1_recorded_reads_the_same(void **state)
{
	(void)state;
	check_version(1);
}

static void what_version_2_recorded_reads_the_same(void **state)
{
	(void)state;
	check_version(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_version_1_recorded_reads_the_same, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_version_2_recorded_reads_the_same, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
