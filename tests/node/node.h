/*
 * node.h - a connmon-collect on the running kernel, with a fresh database, and
 * what it recorded.
 *
 * A test program has one collector for all its tests (group setup) and a network
 * namespace for each; rows are looked up by namespace, so nothing else that
 * connects on this machine disturbs. Its last test is
 * the_collector_ends_and_its_account_equals_the_rows.
 */
#ifndef CONNMON_NODE_H
#define CONNMON_NODE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "stage.h"

#define NODE_STAGES	16
#define NODE_ENDED_ROWS "SELECT count(*) FROM connections WHERE ended_at NOT NULL AND netns = ?1"
/* Ends that the kernel showed to no program of ours: see test_nested.c. Of others on
 * this machine they may be, so no test asks for none of them. */
#define NODE_MISSED	"SELECT total(count) FROM gap WHERE reason = 'recursion'"
#define NODE_OTHER_GAPS "SELECT count(*) FROM gap WHERE reason <> 'recursion'"

struct node {
	char folder[64];
	char db_path[96];
	char out_path[96]; /* the collector's standard output */
	char err_path[96]; /* its standard error */
	pid_t pid;	   /* 0: not running */
	sqlite3 *db;	   /* a reader; NULL with --no-db */
	int home;	   /* the namespace in which the program began, and collectors run */
	struct stage {
		int fd;
		ino_t netns;
		long n_rows;   /* that its test demanded */
	} stages[NODE_STAGES]; /* the first one is for node_fence() */
	int n_stages;	       /* in use */
};

/* 0, or 77 with a line that says why these tests cannot run here. For main(). */
int node_missing(void);

/* cmocka's group fixtures: *state is a struct node. */
int node_setup(void **state);
int node_teardown(void **state);

/* For tests that need other options than "--db PATH": a folder and paths, no collector. */
struct node *node_new(void);
void node_free(struct node *n); /* kills what still runs, removes the folder */

/* Starts the collector and waits until it says it is ready. Options end with NULL;
 * those of CONNMON_NODE_OPTIONS in the environment follow. Before them comes
 * --accept=lazy. */
void node_start(struct node *n, const char *const options[]);
/* Ends it by SIGTERM. It must say "recorded N, lost M" and exit with 0. */
void node_stop(struct node *n, long *recorded, long *lost);
void node_crash(struct node *n); /* SIGKILL */

/* A network namespace that no test has used; its rows are counted once more at the
 * end. All are made before the collector starts: a number that somebody else gave
 * back meanwhile would bring their connections with it. The first enters it. */
ino_t node_stage(struct node *n);
const struct stage *node_spare_stage(struct node *n);

/* Returns when everything that happened before is in the database. */
void node_fence(struct node *n);
/* The same where connections may still get lost: makes some until one arrives. */
void node_fence_after_loss(struct node *n);

/* @sql on the reader's side, where ?1 is @arg. The caller finalizes it. */
sqlite3_stmt *node_ask(struct node *n, const char *sql, long arg);

/* The first column of the first row of @sql. */
long node_number(struct node *n, const char *sql, long arg);
char *node_text(struct node *n, const char *sql, long arg); /* "" for NULL; free() it */
/* Waits (at most a minute) until it is @least or more, and says whether it is. */
bool node_reaches(struct node *n, const char *sql, long arg, long least);
/* Waits (at most a minute) until it is @want. */
void node_expect_number(struct node *n, const char *sql, long arg, long want);

/* Of a collector that has ended: what it met of each kind of record is what it recorded,
 * lost and filtered. */
void assert_account_balanced(struct node *n);

/* The last test of each program. */
void the_collector_ends_and_its_account_equals_the_rows(void **state);

#endif
