/* functions_parts.h - what functions.c registers and other files hold. */
#ifndef CONNMON_FUNCTIONS_PARTS_H
#define CONNMON_FUNCTIONS_PARTS_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* functions_human.c */
void sql_ago(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void sql_human_bytes(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void sql_human_us(sqlite3_context *ctx, int argc, sqlite3_value **argv);

/* functions_percentile.c */
void percentile_step(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void percentile_final(sqlite3_context *ctx);

/* The one of @n keys that has so many less ones, @rank, from 0. */
uint64_t percentile_key_at(const uint64_t *key, size_t n, size_t rank);

/* functions_names.c: port_name() and user_name(), with what they remember. */
int names_register(sqlite3 *db, struct err *err);

#endif
