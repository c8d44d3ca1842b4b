/*
 * peer_name.h - --peer example.com: a name stands for the addresses that DNS answers gave for it,
 * as the table dns_name has them. Nobody is asked for it.
 *
 * It stands for all that it was ever answered with before the end of the window, and what clocks
 * may differ by after it (DNS_CLAIM_SLACK_US), for connections at any time in it: sums of hours do
 * not tell when in them an address was used, so a question about one moment and one about a day are
 * answered alike. An address that several names share counts for each of them; --by name and
 * --resolve tell which it was.
 */
#ifndef CONNMON_PEER_NAME_H
#define CONNMON_PEER_NAME_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* Of a name as the table has it: 255 bytes, each perhaps escaped. */
#define PEER_NAME_SIZE (255 * 4 + 1)

struct peer_name {
	bool is_below; /* ".example.com" or "*.example.com": names that end so, not itself */
	char text[PEER_NAME_SIZE]; /* lower case, without the dots at its begin and end */
};

/* Whether @text can be one. What ends in a number is an address, or should be one. */
bool peer_name_parse(const char *text, struct peer_name *out);

/* The SELECT of those addresses, with the parameters :peer_name and :until. */
const char *peer_name_sql(const struct peer_name *name);

/*
 * Fills the temporary table named_peer(address) of @db with what @name stands for in a window that
 * ends at @until_us. -ENOENT, with the nearest name that there is, when no answer is known for
 * it: it is empty then; -EINVAL when there is no table dns_name.
 */
int peer_name_find(sqlite3 *db, const struct peer_name *name, int64_t until_us, struct err *err);

/* How many addresses are in named_peer; 0 when there is no such table. */
int64_t peer_name_count(sqlite3 *db);

#endif
