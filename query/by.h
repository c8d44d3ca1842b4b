/*
 * by.h - what a report groups by: --by peer_addr/24,service_port. The words are looked up in
 * a table, whose own constant names reach the statement; the numbers among them are read and
 * written as numbers.
 *
 * A report that can be grouped anew says its default in its header, "-- by: peer_addr,
 * service_port", and writes {by} wherever the columns stand: in the SELECT, the GROUP BY, the
 * ORDER BY. What is no column of scope or tally by itself, as a network is none, becomes one
 * of them, so that {by} is a list of plain names everywhere.
 *
 * name is that by which the peer was asked for (see name_of() in functions.h), and its address
 * where none is known: the groups are parts of those of peer_addr, or several of them together.
 */
#ifndef CONNMON_BY_H
#define CONNMON_BY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

#define BY_MAX 8

struct by {
	const struct dimension *dimensions[BY_MAX];
	int n; /* 0: the report is not grouped anew */
	/* Of peer_addr/BITS and peer_addr/BITS/BITS6. */
	int bits, bits6;
};

/* -EINVAL for a word that is no dimension, twice the same, or too many. */
int by_parse(const char *text, struct by *out, struct err *err);

/* The words it understands, one by one from 0 on; NULL after the last. */
const char *by_word(int i);

/* The length of the buckets it needs, in microseconds; 0: none. */
int64_t by_bucket_us(const struct by *by);

/* Whether by_write_columns() has anything to write. */
bool by_has_columns(const struct by *by);

/* Whether it needs to know when a row started. */
/* Whether one of them is called @word. */
bool by_has_word(const struct by *by, const char *word);

bool by_has_name(const struct by *by);

/* Writes ", ... AS peer_net": the columns that the relation lacks. @bucket: the begin of the
 * bucket of a row, and @start: when it started, or the last of those that it stands for, in terms
 * of the relation. */
void by_write_columns(const struct by *by, const char *bucket, const char *start, FILE *f);

/* Writes @sql with each {by} replaced by the names of the columns. */
void by_write(const struct by *by, const char *sql, FILE *f);

/* Whether a column tells what a row is about, and does not measure. */
bool by_is_dimension(const char *column);

#endif
