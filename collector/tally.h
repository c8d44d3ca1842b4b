/*
 * tally.h - sums by key in bounded memory. When there are more keys than room, the sums are
 * made in parts: all rows are added once for each part, and only the keys of that part count.
 *
 *   do {
 *           tally_add() each row; tally_sort(); tally_take() until it gives NULL
 *   } while (tally_next_part());
 */
#ifndef CONNMON_TALLY_H
#define CONNMON_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define TALLY_PEER_SIZE 52 /* room for INET6_ADDRSTRLEN; no byte of the key is padding */

struct tally_key {
	int64_t program_id;
	int64_t container_id;
	uint16_t service_port;
	uint8_t direction;
	uint8_t loopback;
	char peer_addr[TALLY_PEER_SIZE]; /* filled up with zeros; all zeros: not asked for */
};

/* As the columns of hourly and recent. A sum that does not fit stays at INT64_MAX: bytes at 2.5
 * PB/s for an hour would get there. The counts always fit: an hour has 3.6e9 keys, one for each
 * row. */
struct tally_sums {
	int64_t tx_bytes, rx_bytes, retransmits;
	int64_t connect_us_sum, connect_us_max;
	int64_t duration_us_sum;
	int64_t first_start_us, last_start_us;
	uint32_t attempts, failed, resets, connects;
};

struct tally_row {
	struct tally_key key;
	struct tally_sums sums;
};

struct tally;

/* Room for @max_keys keys, from 2 to 2^24; it is taken as it is needed. */
int tally_new(size_t max_keys, struct tally **out, struct err *err);
void tally_free(struct tally *t); /* NULL is allowed */

/* Adds @row to the sums of its key, if that is of this part. A part that does not fit is
 * halved. -ENOMEM: nothing was added. */
int tally_add(struct tally *t, const struct tally_row *row, struct err *err);

/* Adds all rows of this part of @from to @to, with or without their peers. -ENOMEM: only some. */
int tally_merge(const struct tally *from, struct tally *to, bool peers, struct err *err);

/* No more rows for this part: from now on they are taken. */
void tally_sort(struct tally *t);
/* The next row in the order of the tables' keys, valid until tally_next_part(); NULL: none. */
const struct tally_row *tally_take(struct tally *t);
/* Takes the last @n back. */
void tally_put_back(struct tally *t, size_t n);

/* All keys have had room: there is one part. */
bool tally_is_whole(const struct tally *t);
/* Whether no part is left beside this one. */
bool tally_is_last_part(const struct tally *t);
/* Forgets this part's rows and begins with the next one; false: that was the last. */
bool tally_next_part(struct tally *t);

#endif
