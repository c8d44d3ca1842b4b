/* functions_parts.h - what functions.c registers and other files hold. */
#ifndef CONNMON_FUNCTIONS_PARTS_H
#define CONNMON_FUNCTIONS_PARTS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* functions.c. The @len bytes at @text as 16 bytes, IPv4 (*@v4) as its v4-mapped address. False
 * when they are no address. */
bool parse_addr(const char *text, size_t len, unsigned char addr[16], bool *v4);

/* functions_community_id.c */
void sql_community_id(sqlite3_context *ctx, int argc, sqlite3_value **argv);

/* functions_human.c */
void sql_ago(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void sql_human_bytes(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void sql_human_us(sqlite3_context *ctx, int argc, sqlite3_value **argv);

/* functions_percentile.c */
void percentile_step(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void percentile_final(sqlite3_context *ctx);

/* Of @n > 0 keys, which are ordered as the numbers are that @number makes of them: number
 * @percent / 100 * (n - 1), from 0 on, and between two of them in proportion. */
double percentile_of(const uint64_t *key, size_t n, double percent, double (*number)(uint64_t key));

/* functions_dns.c: name_of() */
int dns_register(sqlite3 *db, struct err *err);

/* functions_names.c: port_name() and user_name(), with what they remember. */
int names_register(sqlite3 *db, struct err *err);

#endif
