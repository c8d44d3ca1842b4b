/*
 * opened.h - which open connections the server knows of, and what is to be said of them: those
 * that are new, those that moved bytes, those that are over.
 *
 * It takes 24 bytes for each open connection.
 */
#ifndef CONNMON_OPENED_H
#define CONNMON_OPENED_H

#include <stdint.h>

#include "body.h"
#include "err.h"
#include "source.h"

struct opened;

int opened_new(struct opened **out, struct err *err); /* -ENOMEM alone */
void opened_free(struct opened *o);		      /* NULL is allowed */

/* The server knows of none. */
void opened_clear(struct opened *o);

/* The server knows of this one; in the order of @id. -ENOMEM. */
int opened_know(struct opened *o, int64_t id, int64_t start_us, int64_t seen_us);

/* Reads what is open. What is new or was seen @every_us later than when it was sent goes into
 * @rows, what is over into @over; the texts of the two INSERTs are for them. */
int opened_read(struct opened *o, struct source *s, int64_t sent_us, int64_t every_us,
		struct body *rows, char insert_rows[SOURCE_INSERT_BYTES], struct body *over,
		char insert_over[SOURCE_INSERT_BYTES], struct err *err);

/* Both were sent: from now on the server knows what was read. */
void opened_sent(struct opened *o);

/* What is over was sent; of the rest nobody knows, as the answer did not come: the server may have
 * it or not, so it is sent again, and told over if it ends before. -ENOMEM. */
int opened_unsure(struct opened *o);

#endif
