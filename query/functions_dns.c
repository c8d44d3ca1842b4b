/*
 * name_of(address, moment): the name by which an address was asked for, of the table dns_name, by
 * the rule of dns_claim.h. Nobody is asked for it.
 *
 * What the table says of an address is read once and kept as long as the statement runs that
 * calls, within whose transaction it cannot change. A slot keeps the last of the addresses that
 * share it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "dns_claim.h"
#include "functions.h"
#include "functions_parts.h"
#include "timespec.h"

#define SLOTS 16384 /* a power of two */

/* An argument below 0 stands for the whole statement: not documented, but it is how SQLite's
 * own functions for JSON keep what they parsed (JSON_CACHE_ID in json.c, from 3.20 on). */
#define WHOLE_STATEMENT (-1953719661)

/* What is known of an address. */
struct slot {
	char address[INET6_ADDRSTRLEN];
	int n;
	struct dns_claim claims[]; /* and behind them their names */
};

struct known {
	sqlite3_stmt *stmt;
	struct slot *slots[SLOTS];
};

static void forget(void *memory)
{
	struct known *k = memory;

	for (int i = 0; i < SLOTS; i++)
		sqlite3_free(k->slots[i]);
	sqlite3_finalize(k->stmt);
	sqlite3_free(k);
}

/* NULL with an error in @ctx. */
static struct known *get_known(sqlite3_context *ctx)
{
	sqlite3 *db = sqlite3_context_db_handle(ctx);
	struct known *k = sqlite3_get_auxdata(ctx, WHOLE_STATEMENT);

	if (k)
		return k;
	k = sqlite3_malloc(sizeof(*k));
	if (!k) {
		sqlite3_result_error_nomem(ctx);
		return NULL;
	}
	memset(k, 0, sizeof(*k));
	if (sqlite3_prepare_v2(db,
			       "SELECT name, first_us, last_us, answers FROM main.dns_name"
			       " WHERE address = ?1",
			       -1, &k->stmt, NULL) != SQLITE_OK) {
		sqlite3_result_error(ctx, sqlite3_errmsg(db), -1);
		forget(k);
		return NULL;
	}
	sqlite3_set_auxdata(ctx, WHOLE_STATEMENT, k, forget);
	k = sqlite3_get_auxdata(ctx, WHOLE_STATEMENT);
	if (!k)
		sqlite3_result_error_nomem(ctx);
	return k;
}

static bool is_moment(int64_t us)
{
	return us >= 0 && us <= DNS_CLAIM_MAX_US;
}

/* What looks like an address would be taken for one. */
static bool read_claim(sqlite3_stmt *stmt, struct dns_claim *out)
{
	struct network net;

	*out = (struct dns_claim){
		.name = (const char *)sqlite3_column_text(stmt, 0),
		.first_us = sqlite3_column_int64(stmt, 1),
		.last_us = sqlite3_column_int64(stmt, 2),
		.answers = sqlite3_column_int64(stmt, 3),
	};
	return out->name && out->name[0] && is_moment(out->first_us) && is_moment(out->last_us) &&
	       out->first_us <= out->last_us && !network_parse(out->name, &net);
}

/* Names are one behind the other; claims point to them once nothing moves any more. */
struct gathered {
	struct dns_claim *claims;
	int n, room;
	char *names;
	size_t used, names_room;
};

static int add_claim(struct gathered *g, const struct dns_claim *claim)
{
	size_t size = strlen(claim->name) + 1;

	if (g->n == g->room) {
		int room = g->room ? 2 * g->room : 2;
		void *more = sqlite3_realloc64(g->claims, (size_t)room * sizeof(*g->claims));

		if (!more)
			return SQLITE_NOMEM;
		g->claims = more;
		g->room = room;
	}
	if (g->used + size > g->names_room) {
		size_t room = 2 * (g->used + size);
		char *more = sqlite3_realloc64(g->names, room);

		if (!more)
			return SQLITE_NOMEM;
		g->names = more;
		g->names_room = room;
	}
	memcpy(g->names + g->used, claim->name, size);
	g->used += size;
	g->claims[g->n++] = *claim;
	return SQLITE_OK;
}

static struct slot *new_slot(const char *address, const struct gathered *g)
{
	size_t size = (size_t)g->n * sizeof(*g->claims);
	struct slot *slot = sqlite3_malloc64(sizeof(*slot) + size + g->used);
	char *name;

	if (!slot)
		return NULL;
	memcpy(slot->address, address, strlen(address) + 1);
	slot->n = g->n;
	if (g->n == 0)
		return slot;
	memcpy(slot->claims, g->claims, size);
	name = memcpy((char *)slot->claims + size, g->names, g->used);
	for (int i = 0; i < g->n; i++) {
		slot->claims[i].name = name;
		name += strlen(name) + 1;
	}
	return slot;
}

static int read_slot(sqlite3_stmt *stmt, const char *address, struct slot **out)
{
	struct gathered g = {0};
	struct dns_claim claim;
	int rc = SQLITE_OK, step = SQLITE_DONE;

	sqlite3_bind_text(stmt, 1, address, -1, SQLITE_STATIC);
	while (rc == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW)
		if (read_claim(stmt, &claim))
			rc = add_claim(&g, &claim);
	sqlite3_reset(stmt);
	if (rc == SQLITE_OK && step != SQLITE_DONE)
		rc = step;
	if (rc == SQLITE_OK && !(*out = new_slot(address, &g)))
		rc = SQLITE_NOMEM;
	sqlite3_free(g.claims);
	sqlite3_free(g.names);
	return rc;
}

static int find_slot(struct known *k, const char *address, struct slot **out)
{
	uint32_t hash = 2166136261; /* FNV-1a */
	struct slot **slot;

	for (const char *p = address; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619;
	slot = &k->slots[(hash ^ hash >> 16) & (SLOTS - 1)];
	if (*slot && strcmp((*slot)->address, address) != 0) {
		sqlite3_free(*slot);
		*slot = NULL;
	}
	if (!*slot) {
		int rc = read_slot(k->stmt, address, slot);

		if (rc != SQLITE_OK)
			return rc;
	}
	*out = *slot;
	return SQLITE_OK;
}

/* Microseconds, or as the views write it: rounded to milliseconds, so that what was before may
 * seem to be up to half of one later. */
static bool read_moment(sqlite3_value *value, int64_t *out)
{
	struct err ignored;
	int type = sqlite3_value_type(value);
	const char *text;

	if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
		*out = sqlite3_value_int64(value);
		return is_moment(*out);
	}
	text = type == SQLITE_TEXT ? (const char *)sqlite3_value_text(value) : NULL;
	if (!text || strlen(text) <= 10 || text[4] != '-' || timespec_parse(text, 0, out, &ignored))
		return false;
	*out += 500;
	return true;
}

/* The address in ADDR, ADDR:PORT or [ADDR]:PORT. False when it is too long for one. */
static bool read_address(const char *text, char out[INET6_ADDRSTRLEN])
{
	bool in_brackets = text[0] == '[';
	size_t len;

	text += in_brackets;
	len = strcspn(text, in_brackets ? "]" : strchr(text, '.') ? ":" : "");
	/* Of IPv6, dots may stand at the end. */
	if (!in_brackets && text[len] == ':' && memchr(text, '.', len) == NULL)
		len = strlen(text);
	if (len == 0 || len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static void name_of(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const char *text = (const char *)sqlite3_value_text(argv[0]);
	char address[INET6_ADDRSTRLEN];
	const struct dns_claim *claim;
	struct known *k;
	struct slot *slot;
	int64_t at_us;
	int rc;

	(void)argc;
	/* Also when nothing is asked, so that a table that is missing is always told. */
	k = get_known(ctx);
	if (!k || !text || !read_address(text, address) || !read_moment(argv[1], &at_us))
		return;
	rc = find_slot(k, address, &slot);
	if (rc != SQLITE_OK) {
		sqlite3_result_error_code(ctx, rc);
		return;
	}
	claim = dns_claim_at(slot->claims, slot->n, at_us);
	if (claim)
		sqlite3_result_text(ctx, claim->name, -1, SQLITE_TRANSIENT);
}

int dns_register(sqlite3 *db, struct err *err)
{
	/* Neither deterministic, as the table grows, nor for what is in a file to call. */
	if (sqlite3_create_function_v2(db, "name_of", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL,
				       name_of, NULL, NULL, NULL) != SQLITE_OK)
		return err_set(err, -EIO, "function name_of: %s", sqlite3_errmsg(db));
	return 0;
}
