/*
 * source.h - the node's database as connmon-forward reads it: for moments only, so that the
 * collector can write its WAL back meanwhile. Its SQL is here, in opened.c and in facts.c.
 */
#ifndef CONNMON_SOURCE_H
#define CONNMON_SOURCE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "body.h"
#include "err.h"

#define SOURCE_INSERT_BYTES 1200

/* Who sends; parameters 1 and 2 of every statement that reads rows to send, 3 is when. */
struct source_node {
	const char *id, *name;
};

struct source;

/* Opens the database @path; *@node and @path are borrowed. As db_open_reader(). */
int source_new(const char *path, const struct source_node *node, struct source **out,
	       struct err *err);
void source_free(struct source *s); /* NULL is allowed */

/* The file that was opened. */
void source_file(const struct source *s, int64_t *device, int64_t *inode);

/* Whether another file has its name now: it was set aside, and the collector began anew. The one
 * that was opened can still be read. */
bool source_is_replaced(const struct source *s);

/* All that is read between the two is of one moment. */
int source_begin(struct source *s, struct err *err);
int source_end(struct source *s, struct err *err);

/* Compiles a statement, with node and moment bound. As db_prepare(). */
int source_prepare(struct source *s, const char *sql, int64_t sent_us, sqlite3_stmt **out,
		   struct err *err);

/* Runs @stmt to its end, each row into @body; -EIO and so on with SQLite's words. */
int source_read(struct source *s, sqlite3_stmt *stmt, struct body *body, struct err *err);

/* "INSERT INTO table (columns of @stmt) FORMAT TabSeparated". */
void source_insert(sqlite3_stmt *stmt, const char *table, char out[SOURCE_INSERT_BYTES]);

/* What is known of the history. */
struct source_facts {
	int64_t newest_id;    /* of connection; 0: none */
	int64_t pruned_until; /* of connection, all before was deleted */
	int64_t pruned_rows;  /* behind the id that was asked for; at least: of whole hours */
	int64_t begin_us;     /* of the first run */
	int64_t run_us;	      /* begin of the newest; 0: there is none */
	int64_t commit_us;    /* the collector's last */
	int64_t totals_until_hour;
};

int source_ask(struct source *s, int64_t after_id, struct source_facts *out, struct err *err);

/* How many connections ended behind @after_id, and the last of them (@after_id when there is none).
 */
int source_count(struct source *s, int64_t after_id, int64_t *rows, int64_t *newest_id,
		 struct err *err);

/* Whether this very connection is here. */
int source_has(struct source *s, int64_t id, bool *has, struct err *err);

/* Whether a run began then. */
int source_has_run(struct source *s, int64_t start_us, bool *has, struct err *err);

/* A batch: connections behind an id, at most so many, at most 32 MiB of text, of one day (UTC), so
 * that the server has it whole or not at all. */
struct source_batch {
	int64_t after_id, up_to; /* up_to: 0, or all up to it and no others */
	int64_t most;
	int64_t last_id; /* out: of the last one; 0: there is none */
	bool is_last;	 /* out: nothing is behind it */
	char insert[SOURCE_INSERT_BYTES];
};

int source_read_batch(struct source *s, struct source_batch *batch, struct body *body,
		      struct err *err);

#endif
