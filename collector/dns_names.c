#include "dns_names.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "clock.h"

#define RENEW_NS (60 * NS_PER_S)

/* By what an entry is known. The seed, which nobody knows, comes first: nobody can choose names
 * that all fall into one bucket. */
struct key {
	uint64_t seed;
	struct dns_address address, server;
	char name[DNS_NAME_SIZE];
};
#define KEY_BYTES(name_len) (offsetof(struct key, name) + (name_len) + 1)

struct entry {
	struct dns_name row; /* the first member; its name is the key's */
	size_t key_bytes;
	bool is_new; /* not in the database, as far as we know; in fresh */
	struct entry *prev, *next;
	UT_hash_handle hh;
	char key[];
};

struct dns_names {
	struct entry *table;
	struct entry *fresh;
	size_t n_fresh, n_bytes;
	uint64_t seed;
	int64_t renewed_ns;			     /* when all of them were written last */
	bool is_full;				     /* so they are sooner */
	bool renewing;				     /* the list holds all that changed */
	const struct dns_name *list[DNS_NAMES_HELD]; /* what is to be written */
	size_t n_list;
};

struct dns_names *dns_names_new(uint64_t seed)
{
	struct dns_names *names = calloc(1, sizeof(*names));

	if (names) {
		names->seed = seed;
		names->renewed_ns = clock_boot_ns();
	}
	return names;
}

static size_t bytes_of(const struct entry *e)
{
	return sizeof(*e) + e->key_bytes;
}

static void set_new(struct dns_names *names, struct entry *e, bool is_new)
{
	if (e->is_new == is_new)
		return;
	e->is_new = is_new;
	if (is_new) {
		DL_APPEND(names->fresh, e);
		names->n_fresh++;
	} else {
		DL_DELETE(names->fresh, e);
		names->n_fresh--;
	}
}

static void drop(struct dns_names *names, struct entry *e)
{
	set_new(names, e, false);
	HASH_DEL(names->table, e);
	names->n_bytes -= bytes_of(e);
	free(e);
}

void dns_names_free(struct dns_names *names)
{
	struct entry *e, *next;

	if (!names)
		return;
	HASH_ITER (hh, names->table, e, next)
		drop(names, e);
	free(names);
}

static struct entry *add(struct dns_names *names, const struct key *key, size_t key_bytes)
{
	struct entry *e;

	if (names->n_fresh >= DNS_NAMES_NEW)
		return NULL;
	if (HASH_COUNT(names->table) >= DNS_NAMES_HELD || names->n_bytes >= DNS_NAMES_BYTES) {
		names->is_full = true;
		return NULL;
	}
	e = calloc(1, sizeof(*e) + key_bytes);
	if (!e)
		return NULL;
	e->key_bytes = key_bytes;
	memcpy(e->key, key, key_bytes);
	HASH_ADD_KEYPTR(hh, names->table, e->key, key_bytes, e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	e->row.address = key->address;
	e->row.server = key->server;
	e->row.name = e->key + offsetof(struct key, name);
	e->row.first_boot_ns = e->row.last_boot_ns = INT64_MAX;
	names->n_bytes += bytes_of(e);
	set_new(names, e, true);
	return e;
}

static void see(struct dns_name *row, int64_t at_boot_ns)
{
	if (row->answers == 0 || at_boot_ns < row->first_boot_ns)
		row->first_boot_ns = at_boot_ns;
	if (row->answers == 0 || at_boot_ns > row->last_boot_ns)
		row->last_boot_ns = at_boot_ns;
	row->answers++;
}

int dns_names_add(struct dns_names *names, const struct dns_answer *answer,
		  const struct dns_address *server, int64_t at_boot_ns)
{
	const size_t len = strlen(answer->name), key_bytes = KEY_BYTES(len);
	struct key key __attribute__((uninitialized)); /* as far as it goes */
	int overflow = 0;

	key.seed = names->seed;
	key.server = *server;
	memcpy(key.name, answer->name, len + 1);
	for (int i = 0; i < answer->n; i++) {
		struct entry *e;

		key.address = answer->address[i];
		HASH_FIND(hh, names->table, &key, key_bytes, e);
		if (!e)
			e = add(names, &key, key_bytes);
		if (e)
			see(&e->row, at_boot_ns);
		else
			overflow++;
	}
	return overflow;
}

/* What nobody asked for since the last time need not be held any longer. */
static void list_all(struct dns_names *names)
{
	struct entry *e, *next;

	HASH_ITER (hh, names->table, e, next) {
		if (e->row.answers || e->is_new)
			names->list[names->n_list++] = &e->row;
		else
			drop(names, e);
	}
}

static void list_new(struct dns_names *names)
{
	struct entry *e;

	DL_FOREACH (names->fresh, e)
		names->list[names->n_list++] = &e->row;
}

size_t dns_names_unwritten(struct dns_names *names, int64_t now_boot_ns, bool all,
			   const struct dns_name *const **out)
{
	names->n_list = 0;
	names->renewing = all || names->is_full || now_boot_ns - names->renewed_ns >= RENEW_NS;
	if (names->renewing) {
		list_all(names);
		names->renewed_ns = names->n_list ? names->renewed_ns : now_boot_ns;
	} else {
		list_new(names);
	}
	*out = names->list;
	return names->n_list;
}

void dns_names_written(struct dns_names *names)
{
	for (size_t i = 0; i < names->n_list; i++) {
		struct entry *e = (struct entry *)names->list[i];

		e->row.answers = 0;
		set_new(names, e, false);
	}
	if (names->renewing) {
		names->renewed_ns = clock_boot_ns();
		names->is_full = false;
	}
	names->n_list = 0;
	names->renewing = false;
}

void dns_names_forget_rows(struct dns_names *names)
{
	struct entry *e, *next;

	HASH_ITER (hh, names->table, e, next)
		set_new(names, e, true);
}
