/* What a fleet's server answers that is no answer. The server is
 * this test's. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "fleet_late.h"
#include "fleet_server.h"
#include "tempdb.h"
#include "text.h"

static const char *answer;     /* of the server; NULL: it does not */
static char asked[1024];       /* the last statement */
static unsigned int no_memory; /* streams in memory from this one on cannot be had; 0: all can */

int fleet_server_ask(struct fleet_server *server, const char *sql, struct fleet_answer *out,
		     struct err *err)
{
	(void)server;
	snprintf(asked, sizeof(asked), "%s", sql);
	*out = (struct fleet_answer){0};
	if (!answer)
		return err_set(err, -EHOSTUNREACH, "nobody listens");
	out->bytes = (char *)answer;
	out->n = strlen(answer);
	return 0;
}

void fleet_answer_clear(struct fleet_answer *a)
{
	*a = (struct fleet_answer){0};
}

FILE *text_open(char **text, size_t *size)
{
	*text = NULL;
	if (no_memory && --no_memory == 0)
		return NULL;
	return open_memstream(text, size);
}

/* ---- keys of connections that came late ---- */

static int late(struct fleet *f, const char *said, const char **out, struct err *err)
{
	*err = (struct err){0};
	answer = said;
	f->late_known = false;
	return fleet_late(f, 1000, out, err);
}

static void keys_are_taken_over_when_they_are_keys(void **state)
{
	static const char *const wrong[] = {"x\n",	"6E31\t5",   "6E31\t\n",
					    "6E31 5\n", "6e31\t5\n", "6E31\t5'); DROP\n"};
	struct fleet f = {.now_us = INT64_C(1769860800000000)};
	const char *out;
	struct err err;

	(void)state;
	assert_int_equal(late(&f, "6E31\t5\n6E32\t77\n", &out, &err), 0);
	assert_string_equal(out, "('n1',5),('n2',77)");
	assert_non_null(strstr(asked, "id >= 1000 AND id < 1769860200000000"));
	asked[0] = '\0';
	assert_int_equal(fleet_late(&f, 1000, &out, &err), 0); /* it is known */
	assert_string_equal(asked, "");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (late(&f, wrong[i], &out, &err) != -EPROTO)
			fail_msg("\"%s\" was taken", wrong[i]);
		assert_false(f.late_known);
	}
	assert_int_equal(late(&f, NULL, &out, &err), -EHOSTUNREACH);
	assert_int_equal(late(&f, "", &out, &err), 0);
	free(f.late);
}

/* Then they are looked at one by one. */
static void too_many_keys_are_none(void **state)
{
	static char lines[7 * 2001 + 1];
	struct fleet f = {.now_us = INT64_C(1769860800000000)};
	const char *out = "x";
	struct err err;

	(void)state;
	for (size_t at = 0, i = 0; i < 2001; i++, at += 7)
		memcpy(lines + at, "6E31\t5\n", 8);
	assert_int_equal(late(&f, lines, &out, &err), 0);
	assert_null(out);
	assert_true(f.late_known);
}

static void without_memory_for_them_it_is_told(void **state)
{
	struct fleet f = {.now_us = INT64_C(1769860800000000)};
	const char *out;
	struct err err;

	(void)state;
	for (unsigned int i = 1; i <= 2; i++) {
		no_memory = i;
		assert_int_equal(late(&f, "6E31\t5\n", &out, &err), -ENOMEM);
		assert_non_null(strstr(err.msg, "no memory for the "));
	}
	no_memory = 0;
	free(f.late);
}

/* ---- nodes ---- */

#define NOW INT64_C(1769860800000000)

static sqlite3 *nodes(const char *values)
{
	char sql[1024];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	tempdb_run(db, "CREATE TABLE gaps (reason, count, from_us, to_us, from_at, to_at, uid);"
		       "CREATE TABLE gap (reason, count, from_us, to_us, uid);"
		       "CREATE TABLE fleet_nodes (node, sent_us, begin_us)");
	snprintf(sql, sizeof(sql), "INSERT INTO fleet_nodes VALUES %s", values);
	tempdb_run(db, sql);
	return db;
}

static void of_many_nodes_that_are_behind_the_first_three_are_named(void **state)
{
	const struct fleet f = {.since_us = NOW - 3600000000, .until_us = NOW, .now_us = NOW};
	struct coverage c;
	struct err err = {0};
	sqlite3 *db = nodes("('b\x1b', 2, 5), ('a', 1, 6), ('c', 3, 1769860800000000),"
			    "('d', 4, 8), ('e', 1769860799000000, 9)");

	(void)state;
	answer = "1\n";
	if (fleet_coverage(&f, db, &c, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(c.n_nodes, 5);
	assert_int_equal(c.n_behind, 4);
	assert_string_equal(c.behind, "a, b\\x1b, c");
	assert_int_equal(c.n_later, 1);
	assert_false(c.is_fresh);
	sqlite3_close(db);
}

static void whether_anything_older_is_kept_is_asked(void **state)
{
	const struct fleet f = {.since_us = NOW - 3600000000, .until_us = NOW, .now_us = NOW};
	sqlite3 *db = nodes("('a', 1769860799000000, 1769800000000000)");
	struct coverage c;
	struct err err = {0};

	(void)state;
	answer = "";
	assert_int_equal(fleet_coverage(&f, db, &c, &err), 0);
	assert_true(c.has_nothing);
	assert_true(c.is_fresh);
	assert_non_null(strstr(asked, "WHERE id < 1769857200000000"));
	answer = "1\n";
	assert_int_equal(fleet_coverage(&f, db, &c, &err), 0);
	assert_false(c.has_nothing);
	answer = NULL;
	assert_int_equal(fleet_coverage(&f, db, &c, &err), -EHOSTUNREACH);
	no_memory = 1;
	assert_int_equal(fleet_coverage(&f, db, &c, &err), -ENOMEM);
	no_memory = 0;
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_taken_over_when_they_are_keys),
		cmocka_unit_test(too_many_keys_are_none),
		cmocka_unit_test(without_memory_for_them_it_is_told),
		cmocka_unit_test(of_many_nodes_that_are_behind_the_first_three_are_named),
		cmocka_unit_test(whether_anything_older_is_kept_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
