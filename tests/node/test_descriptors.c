/* With fewer descriptors than it needs, at each place where the next one is missing: one sentence
 * that says so, and no database half made. */
#include "node.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

#define FIRST	  4   /* with fewer, no program finds its libraries */
#define FEW	  10  /* up to here it has loaded nothing yet */
#define LOADING	  39  /* some more, and the programs are attached */
#define LOAD_STEP 7   /* between, one place is as the next */
#define ENOUGH	  200 /* of which a test is wrong */

static struct finished collect_with(const struct node *n, int descriptors)
{
	char command[512];

	/* Whoever runs the tests may have left it some. To look for leaks a sanitizer needs one
	 * of its own. */
	snprintf(
		command, sizeof(command),
		"export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0; exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n %d;"
		" exec %s --db %s --no-drop --duration 1s",
		descriptors, COLLECT, n->db_path);
	return program_run((const char *const[]){"sh", "-c", command, NULL}, 0);
}

/* All of them are its own, and the last one says what is missing. */
static void assert_told(const struct finished *f, int descriptors)
{
	const char *last = f->err;

	for (const char *at = f->err; *at; at = strchr(at, '\n') + 1) {
		if (strncmp(at, "connmon-collect: ", 17) != 0 || !strchr(at, '\n'))
			fail_msg("with %d: %s", descriptors, f->err);
		last = at;
	}
	if (f->code != 1 || !strstr(last, "Too many open files"))
		fail_msg("with %d it ends with %d: %s", descriptors, f->code, f->err);
}

/* None, or one that is whole: a reader opens it. */
static void assert_whole_or_none(struct node *n)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;

	if (access(n->db_path, F_OK) != 0)
		return;
	assert_int_equal(sqlite3_open_v2(n->db_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "SELECT (SELECT integrity_check FROM"
					    " pragma_integrity_check), count(*) FROM connections",
					    -1, &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void wherever_descriptors_run_out_it_says_so_and_leaves_nothing_half_made(void **state)
{
	int descriptors = FIRST, told = 0;

	for (;; descriptors += descriptors < FEW || descriptors >= LOADING ? 1 : LOAD_STEP) {
		struct node *n = node_new();
		struct finished f = collect_with(n, descriptors);

		assert_true(descriptors < ENOUGH);
		if (f.code != 0) {
			assert_told(&f, descriptors);
			told++;
		}
		assert_whole_or_none(n);
		node_free(n);
		if (f.code == 0)
			break;
	}
	(void)state;
	assert_true(told > 10);
	print_message("%d places, %d descriptors are enough\n", told, descriptors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			wherever_descriptors_run_out_it_says_so_and_leaves_nothing_half_made),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
