#include "parties.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

_Static_assert(PARTIES_MAX <= PARTY_WORDS * 64, "a bit for each");

int parties_count(const struct parties *p, enum party_kind kind)
{
	return p->first[kind + 1] - p->first[kind];
}

int parties_on_map(const struct parties *p, enum party_kind kind)
{
	const int n = parties_count(p, kind);

	return n < MAP_MOST ? n : MAP_MOST;
}

/* ---- who there is ---- */

/* False without memory. */
static bool copy_text(const struct rows_cursor *cursor, const char *name, char **out)
{
	const struct cell *cell = rows_cell(cursor, name);

	*out = cell->type == SQLITE_TEXT ? strdup(cell->text) : NULL;
	return *out || cell->type != SQLITE_TEXT;
}

/* @host: the name of its address, with --resolve; else NULL. */
static void fill_name(struct party *party, const char *host)
{
	const char *text = host ? host : party->text;

	switch (party->kind) {
	case PARTY_PROGRAM:
		snprintf(party->name, sizeof(party->name), "%s", text ? text : "unknown");
		break;
	case PARTY_CONTAINER:
		snprintf(party->name, sizeof(party->name), "%s%s%s%s",
			 text || party->more ? text ? text : "" : "the node itself",
			 text && party->more ? " (" : "", party->more ? party->more : "",
			 text && party->more ? ")" : "");
		break;
	case PARTY_DESTINATION:
		snprintf(party->name, sizeof(party->name),
			 text && strchr(text, ':') ? "[%s]:%lld" : "%s:%lld",
			 text ? text : "unknown", (long long)party->port);
		break;
	default:
		snprintf(party->name, sizeof(party->name), "%s", text ? text : "unknown");
	}
}

static bool fill(struct party *party, enum party_kind kind, const struct rows_cursor *cursor)
{
	static const char *const texts[PARTY_KINDS][2] = {
		[PARTY_PROGRAM] = {"comm", ""},
		[PARTY_CONTAINER] = {"container", "pod"},
		[PARTY_DESTINATION] = {"peer_addr", ""},
		[PARTY_CLIENT] = {"peer_addr", ""},
	};

	const struct cell *name = rows_cell(cursor, "peer_name");

	party->kind = kind;
	party->port = kind == PARTY_DESTINATION ? rows_number(cursor, "service_port") : 0;
	party->connections = rows_number(cursor, "connections");
	party->failed = rows_number(cursor, "failed");
	if (!copy_text(cursor, texts[kind][0], &party->text) ||
	    !copy_text(cursor, texts[kind][1], &party->more))
		return false;
	fill_name(party, name->type == SQLITE_TEXT ? name->text : NULL);
	return true;
}

static int compare_texts(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a ? 1 : 0) - (b ? 1 : 0);
}

static int compare(const struct party *a, const char *text, const char *more, int64_t port)
{
	int order = compare_texts(a->text, text);

	if (!order)
		order = compare_texts(a->more, more);
	return order ? order : (a->port > port) - (a->port < port);
}

static void sort_kind(struct parties *p, enum party_kind kind)
{
	for (int i = p->first[kind]; i < p->first[kind + 1]; i++) {
		const struct party *party = &p->party[i];
		int at = i;

		for (; at > p->first[kind] && compare(&p->party[p->sorted[at - 1]], party->text,
						      party->more, party->port) > 0;
		     at--)
			p->sorted[at] = p->sorted[at - 1];
		p->sorted[at] = i;
	}
}

int parties_add(struct parties *p, enum party_kind kind, const struct rows *rows, struct err *err)
{
	AUTO_CURSOR cursor;
	int ret = rows_begin(rows, &cursor, err), n = p->first[kind];

	while (!ret && n < p->first[kind] + PARTIES_MOST && (ret = rows_next(&cursor, err)) > 0)
		ret = fill(&p->party[n++], kind, &cursor)
			      ? 0
			      : err_set(err, -ENOMEM, "no memory for the names");
	for (int k = kind + 1; k <= PARTY_KINDS; k++)
		p->first[k] = n;
	sort_kind(p, kind);
	return ret < 0 ? ret : 0;
}

/* ---- what is between them ---- */

/* PARTIES_MAX when it is among the others. */
static int find(const struct parties *p, enum party_kind kind, const char *text, const char *more,
		int64_t port)
{
	int from = p->first[kind], to = p->first[kind + 1];

	while (from < to) {
		const int middle = (from + to) / 2, i = p->sorted[middle];
		const int order = compare(&p->party[i], text, more, port);

		if (order == 0)
			return i;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return PARTIES_MAX;
}

static int slot_of(const struct parties *p, enum party_kind kind, int i)
{
	return i - p->first[kind] < MAP_MOST ? i - p->first[kind] : MAP_MOST;
}

static const char *text_of(sqlite3_stmt *stmt, int column)
{
	return (const char *)sqlite3_column_text(stmt, column);
}

/* A row, as story.sql has its columns. */
static void tie_row(struct parties *p, sqlite3_stmt *stmt)
{
	const char *direction = text_of(stmt, 0), *addr = text_of(stmt, 4);
	const bool is_out = direction && !strcmp(direction, "out");
	const enum party_kind kind = is_out ? PARTY_DESTINATION : PARTY_CLIENT;
	const int ids[] = {
		find(p, PARTY_PROGRAM, text_of(stmt, 1), NULL, 0),
		find(p, PARTY_CONTAINER, text_of(stmt, 2), text_of(stmt, 3), 0),
		find(p, kind, addr, NULL, is_out ? sqlite3_column_int64(stmt, 5) : 0),
	};
	const int program = slot_of(p, PARTY_PROGRAM, ids[0]), peer = slot_of(p, kind, ids[2]);
	struct tie *tie = is_out ? &p->out[program][peer] : &p->in[peer][program];
	uint64_t with[PARTY_WORDS] = {0};

	for (int i = 0; i < 3; i++)
		if (ids[i] < PARTIES_MAX)
			with[ids[i] / 64] |= UINT64_C(1) << ids[i] % 64;
	for (int word = 0; word < PARTY_WORDS; word++) {
		tie->with[word] |= with[word];
		for (int i = 0; i < 3; i++)
			if (ids[i] < PARTIES_MAX)
				p->party[ids[i]].with[word] |= with[word];
	}
	tie->connections += sqlite3_column_int64(stmt, 6);
	tie->failed += sqlite3_column_int64(stmt, 7);
	tie->tx_bytes += sqlite3_column_int64(stmt, 8);
	tie->rx_bytes += sqlite3_column_int64(stmt, 9);
}

int parties_tie(struct parties *p, sqlite3_stmt *stmt, struct err *err)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		tie_row(p, stmt);
	if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(sqlite3_db_handle(stmt)));
	return 0;
}

void parties_release(struct parties *p)
{
	for (int i = 0; i < PARTIES_MAX; i++) {
		free(p->party[i].text);
		free(p->party[i].more);
	}
	*p = (struct parties){0};
}
