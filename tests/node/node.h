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

#define NODE_MAX_STAGES 64
#define NODE_ENDED_ROWS "SELECT count(*) FROM connection WHERE netns = ?1"

struct node {
	char folder[64];
	char db_path[96];
	char out_path[96]; /* the collector's standard output */
	char err_path[96]; /* its standard error */
	pid_t pid;	   /* 0: not running */
	sqlite3 *db;	   /* a reader; NULL with --no-db */
	int home_fd;	   /* the namespace in which the program began, and collectors run */
	int fence_fd;	   /* that of the connections made by node_fence() */
	struct {
		ino_t netns;
		long n_rows;	   /* that its test demanded */
	} stages[NODE_MAX_STAGES]; /* the first one is the fence's */
	int n_stages;
};

/* 0, or 77 with a line that says why these tests cannot run here. For main(). */
int node_missing(void);

/* cmocka's group fixtures: *state is a struct node. */
int node_setup(void **state);
int node_teardown(void **state);

/* For tests that need other options than "--db PATH": a folder and paths, no collector. */
struct node *node_new(void);
void node_free(struct node *n); /* kills what still runs, removes the folder */

/* Starts the collector and waits until it says it is ready. Options end with NULL. */
void node_start(struct node *n, const char *const options[]);
/* Ends it by SIGTERM. It must say "recorded N, lost M" and exit with 0. */
void node_stop(struct node *n, long *recorded, long *lost);
void node_crash(struct node *n); /* SIGKILL */

/* A new network namespace for this test; its rows are counted once more at the end. */
ino_t node_stage(struct node *n);
/* The same for the namespace that process @pid has made for itself. */
ino_t node_stage_of(struct node *n, pid_t pid);

/* Returns when everything that happened before is in the database. */
void node_fence(struct node *n);
/* The same where connections may still get lost: makes some until one arrives. */
void node_fence_after_loss(struct node *n);

/* @sql on the reader's side, where ?1 is @arg. The caller finalizes it. */
sqlite3_stmt *node_ask(struct node *n, const char *sql, long arg);

/* The first column of the first row of @sql. */
long node_number(struct node *n, const char *sql, long arg);
char *node_text(struct node *n, const char *sql, long arg); /* "" for NULL; free() it */
/* Waits (at most 10 s) until it is @least or more, and says whether it is. */
bool node_reaches(struct node *n, const char *sql, long arg, long least);
/* Waits (at most 10 s) until it is @want. */
void node_expect_number(struct node *n, const char *sql, long arg, long want);

/* The last test of each program. */
void the_collector_ends_and_its_account_equals_the_rows(void **state);

#endif
