/*
 * answering.h - a server for one test, on 127.0.0.1:8123 of a network of its own: it answers like a
 * ClickHouse that does as it is told, and remembers what was inserted.
 */
#ifndef CONNMON_ANSWERING_H
#define CONNMON_ANSWERING_H

#include <stdbool.h>
#include <stddef.h>

#define ANSWERING_URL  "http://127.0.0.1:8123/?database=connmon"
#define ANSWERING_MOST 2000
#define ANSWERING_TEXT 4000 /* of the rows of one request */

struct answering_insert {
	char table[40], text[ANSWERING_TEXT];
	unsigned hash; /* of its URL and bytes */
	int rows;
	bool was_taken; /* answered with 200 */
};

/* What it does; a test sets it between two steps. */
struct answering {
	int fail_inserts, fail_code; /* so many next INSERTs into connections fail with this */
	int lose_answers;	     /* so many are taken, and not answered */
	int lose_open;		     /* likewise of open_connections */
	bool hangs_up; /* each connection is kept, and closed when a second request comes on it */
	const char *poison;	    /* rows with this text cannot be read */
	const char *max_id, *nodes; /* answers to questions for them */
	int open;		    /* it knows open connections 1 to this one */
	const char *max_at;	    /* likewise, of nodes */
	const char *version;	    /* of the schema */
	struct answering_insert inserts[ANSWERING_MOST];
	int n;
};

/* Goes into a network of its own, where the server begins. The thread ends with the process. */
void answering_begin(void);

/* As at the begin. */
struct answering *answering_clear(void);

/* How many rows of @table it took, and the requests with them. */
int answering_rows(const char *table);
int answering_requests(const char *table);

/* The @i-th request that inserted into @table, from 0 on; fails when there is none. */
const struct answering_insert *answering_insert(const char *table, int i);

#endif
