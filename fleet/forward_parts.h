/* forward_parts.h - what forward.c and its parts share: ahead.c, greet.c, send.c. */
#ifndef CONNMON_FORWARD_PARTS_H
#define CONNMON_FORWARD_PARTS_H

#include <pthread.h>

#include "dialect.h"
#include "facts.h"
#include "forward.h"
#include "opened.h"

#define US_PER_S INT64_C(1000000)
#define ASIDE	 128
#define OPEN_US	 (30 * US_PER_S) /* so often an open connection's bytes are sent */

/* What is read at once: a batch, and what was open in that moment. */
struct moment {
	struct source_batch batch;
	struct source_facts facts;
	int64_t version_us;
	char insert_open[SOURCE_INSERT_BYTES], insert_over[SOURCE_INSERT_BYTES];
};

struct forward {
	const struct forward_options *o;
	struct server *server; /* borrowed */
	struct state state;
	int lock; /* of the state file */
	struct source *source;
	struct opened *opened;
	struct body *batch, *open, *over, *other, *next_batch;
	struct moment next; /* read ahead, with open, over and next_batch */
	bool is_ahead;	    /* it is there */
	struct dialect dialect;
	char boot_id[64];
	int64_t began_us; /* the version_us that the state had */
	bool is_asked;	  /* the server was asked for what it may take, and nothing failed since */
	bool is_fresh;	  /* no state: the server is to be asked how far this node is */
	bool is_known;	  /* what the server has of open connections is */
	int64_t limit;	  /* rows of a batch: fewer after a bad row */
	int64_t facts_at_us, fresh_at_us, node_at_us, twice_at_us, known_at_us;
	uint64_t prints[FACTS];	    /* of what was sent last */
	uint64_t bad_prints[FACTS]; /* of what was sent last but for some row; 0: none was */
	uint64_t aside[ASIDE];	    /* of rows that were set aside, the newest of them */
	unsigned n_aside;
	struct source_facts facts; /* as of the moment that is sent */
	int64_t counted_id;	   /* behind_rows are those up to it; 0: they were not counted */
	int64_t through_us;	   /* what ended until then is sent */
	char notice[512];
	bool has_notice;
};

/* The wall clock. */
int64_t forward_now_us(void);

/* A sent_us: greater than all before it. */
int64_t forward_version_us(struct forward *f);

/* So often it says how far it is, and looks for a twin. */
int64_t forward_node_every_us(const struct forward *f);

/* Keeps it for forward_notice(). */
void forward_note(struct forward *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What an answer is for a step; ANSWER_BAD_ROW is none. */
enum forward_step forward_judge(struct forward *f, enum answer answer);

/* Reads the batch behind @m->batch.after_id into @batch, and open and over. 0 or negative. */
int forward_read_moment(struct forward *f, struct moment *m, struct body *batch, struct err *err);

/* Begins to read the moment behind @sent in a thread, while that is sent. Until it is joined,
 * nobody else uses source, opened, open, over, next_batch and next. */
struct ahead {
	struct forward *f;
	pthread_t thread;
	bool is_running;
	int ret;
};
void forward_begin_ahead(struct forward *f, const struct moment *sent, struct ahead *a);

/* Waits for its end; @was_sent: then what it read is the next moment. */
void forward_join_ahead(struct ahead *a, bool was_sent);

/* The moment behind all that was sent, if it was read ahead: *@m and f->batch are that then. */
bool forward_take_ahead(struct forward *f, struct moment *m);

/* Asks the server what it may take and how far this node is. FORWARD_IDLE, or why not. */
enum forward_step forward_greet(struct forward *f, struct err *err);

/* Whether another node sends under the same id. Likewise. */
enum forward_step forward_look_for_twin(struct forward *f, struct err *err);

/* Sends what is in @body, if anything. ANSWER_FINE otherwise. */
enum answer forward_send(struct forward *f, const char *insert, const char *token,
			 struct body *body, struct err *err);

/* A hole of the forwarder's own making. Likewise. */
enum answer forward_send_gap(struct forward *f, int64_t id, const char *reason, int64_t from_us,
			     int64_t to_us, int64_t count, struct err *err);

/* What is sent beside connections; @all: even if it is as it was. FORWARD_IDLE, or why not. */
enum forward_step forward_send_facts(struct forward *f, bool all, struct err *err);

/* The row of nodes. Likewise. */
enum forward_step forward_send_node(struct forward *f, struct err *err);

/* Sets the rows in @body aside for good. 0 or negative. */
int forward_set_aside(struct forward *f, struct body *body, struct err *err);

#endif
