/*
 * parties.h - who has to do with whom, of a story: the programs, containers, destinations and
 * clients that it shows, and what is between them. Whatever is not shown is among the others.
 */
#ifndef CONNMON_PARTIES_H
#define CONNMON_PARTIES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "rows.h"

enum party_kind {
	PARTY_PROGRAM,	   /* comm */
	PARTY_CONTAINER,   /* container, pod */
	PARTY_DESTINATION, /* peer_addr, service_port of connections out */
	PARTY_CLIENT,	   /* peer_addr of connections in */
	PARTY_KINDS,
};

#define PARTIES_MOST 60 /* of each kind */
#define PARTY_WORDS  4	/* 64 parties each */
#define PARTIES_MAX  (PARTY_KINDS * PARTIES_MOST)

/* So many of a kind are on the map. */
#define MAP_MOST 14

struct party {
	enum party_kind kind;
	char *text, *more; /* NULL as in the database: comm; container, pod; peer_addr */
	int64_t port;	   /* of a destination */
	int64_t connections, failed;
	char name[320]; /* to show */
	/* Those that have connections in common with it, itself included: bit i is party i. */
	uint64_t with[PARTY_WORDS];
};

/* Between two on the map. */
struct tie {
	int64_t connections, failed, tx_bytes, rx_bytes;
	uint64_t with[PARTY_WORDS];
};

/* All zero: none. */
struct parties {
	struct party party[PARTIES_MAX]; /* kind after kind, the greatest first */
	int first[PARTY_KINDS + 1];
	int sorted[PARTIES_MAX]; /* of each kind by text, more and port */
	/* The last of each are the others. */
	struct tie out[MAP_MOST + 1][MAP_MOST + 1]; /* program, destination */
	struct tie in[MAP_MOST + 1][MAP_MOST + 1];  /* client, program */
};

/* Adds those of @rows, which are of the report on this kind; kind after kind. */
int parties_add(struct parties *p, enum party_kind kind, const struct rows *rows, struct err *err);

/* Reads all rows of story.sql: what is between them. */
int parties_tie(struct parties *p, sqlite3_stmt *stmt, struct err *err);

/* How many of a kind; and of them on the map. */
int parties_count(const struct parties *p, enum party_kind kind);
int parties_on_map(const struct parties *p, enum party_kind kind);

void parties_release(struct parties *p);

#endif
