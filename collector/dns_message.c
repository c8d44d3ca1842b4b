#include "dns_message.h"

#include <stdbool.h>
#include <string.h>

#define HEADER_BYTES 12
#define RECORD_BYTES 10 /* of a record, between its name and its data */
#define LABEL_MAX    63
#define POINTER_BITS 0xc0
#define FLAG_QR	     0x8000
#define FLAG_TC	     0x0200
#define OPCODE_BITS  0x7800
#define RCODE_BITS   0x000f
#define CLASS_IN     1
#define TYPE_A	     1
#define TYPE_CNAME   5
#define TYPE_AAAA    28
#define TYPE_ANY     255
#define POINTERS_MAX 16 /* in a name: of one suffix to the next; those who write them need few */

struct message {
	const uint8_t *bytes;
	size_t len;
};

/* As in a message, but lower case and without pointers. */
struct name {
	uint8_t wire[DNS_MAX_NAME];
	size_t len;
};

/* A record that may lead from the name that was asked for to an address. */
struct record {
	uint16_t type;
	uint32_t owner_hash;
	size_t owner_at, data_at;
};

static uint16_t number(const struct message *m, size_t at)
{
	return (uint16_t)(m->bytes[at] << 8 | m->bytes[at + 1]);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

/* Reads the name at *@at, which then is behind it. */
static bool read_name(const struct message *m, size_t *at, struct name *out)
{
	size_t from = *at, pointers_below = *at;
	bool jumped = false;
	int pointers = 0;

	out->len = 0;
	while (from < m->len) {
		const uint8_t length = m->bytes[from];

		if ((length & POINTER_BITS) == POINTER_BITS) {
			size_t to;

			if (from + 2 > m->len)
				return false;
			to = number(m, from) & 0x3fff;
			if (to < HEADER_BYTES || to >= pointers_below || ++pointers > POINTERS_MAX)
				return false;
			if (!jumped)
				*at = from + 2;
			jumped = true;
			from = pointers_below = to;
			continue;
		}
		if (length > LABEL_MAX || from + 1 + length > m->len ||
		    out->len + 1 + length + (length != 0) > DNS_MAX_NAME)
			return false;
		out->wire[out->len++] = length;
		for (size_t i = 1; i <= length; i++)
			out->wire[out->len++] = lower(m->bytes[from + i]);
		from += 1u + length;
		if (length == 0) {
			if (!jumped)
				*at = from;
			return true;
		}
	}
	return false;
}

/* FNV-1a. Who makes two names alike only makes us compare them. */
static uint32_t hash(const struct name *n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n->len; i++)
		h = (h ^ n->wire[i]) * 16777619u;
	return h;
}

static bool is_owner(const struct message *m, const struct record *r, uint32_t name_hash,
		     const struct name *name)
{
	struct name owner;
	size_t at = r->owner_at;

	return r->owner_hash == name_hash && read_name(m, &at, &owner) && owner.len == name->len &&
	       memcmp(owner.wire, name->wire, name->len) == 0;
}

/* A dot within a label must not look like one between two. */
static size_t label_text(const uint8_t *label, size_t len, char *out)
{
	static const char dot[] = "\\x2e";
	size_t used = 0;

	while (len) {
		const uint8_t *at = memchr(label, '.', len);
		const size_t n = at ? (size_t)(at - label) : len;

		used += escape_text((const char *)label, n, out + used, ESCAPED_SIZE(n));
		label += n;
		len -= n;
		if (at) {
			memcpy(out + used, dot, sizeof(dot) - 1);
			used += sizeof(dot) - 1;
			label++;
			len--;
		}
	}
	return used;
}

static void name_text(const struct name *name, char *out)
{
	size_t used = 0;

	for (size_t at = 0; name->wire[at]; at += 1u + name->wire[at]) {
		if (used)
			out[used++] = '.';
		used += label_text(&name->wire[at + 1], name->wire[at], out + used);
	}
	out[used] = '\0';
}

/* ---- records ---- */

/* Those of the answer that may matter into @out, *@n of them. */
static bool read_records(const struct message *m, size_t at, int count, struct record *out, int *n)
{
	*n = 0;
	for (int i = 0; i < count; i++) {
		struct record r = {.owner_at = at};
		struct name owner;
		uint16_t class, length;

		if (!read_name(m, &at, &owner) || m->len - at < RECORD_BYTES)
			return false;
		r.type = number(m, at);
		class = number(m, at + 2);
		length = number(m, at + 8);
		at += RECORD_BYTES;
		if (length > m->len - at)
			return false;
		r.data_at = at;
		r.owner_hash = hash(&owner);
		at += length;
		if (class != CLASS_IN)
			continue;
		if ((r.type == TYPE_A && length != 4) || (r.type == TYPE_AAAA && length != 16))
			return false;
		if (r.type == TYPE_A || r.type == TYPE_AAAA || r.type == TYPE_CNAME)
			out[(*n)++] = r;
	}
	return true;
}

/* Follows aliases from @name on to the last one, in whatever order they come. */
static bool follow(const struct message *m, const struct record *records, int n, struct name *name)
{
	for (int hop = 0; hop < DNS_MAX_CHAIN; hop++) {
		const uint32_t name_hash = hash(name);
		size_t at = 0;

		for (int i = 0; i < n && !at; i++)
			if (records[i].type == TYPE_CNAME &&
			    is_owner(m, &records[i], name_hash, name))
				at = records[i].data_at;
		if (!at)
			return true;
		if (!read_name(m, &at, name))
			return false;
	}
	return false; /* it leads nowhere */
}

static void add_address(const struct message *m, const struct record *r, struct dns_answer *out)
{
	struct dns_address a = {.family = r->type == TYPE_A ? 4 : 6};

	memcpy(&a.addr, &m->bytes[r->data_at], a.family == 4 ? 4 : 16);
	if (a.family == 6 && IN6_IS_ADDR_V4MAPPED(&a.addr)) {
		a = (struct dns_address){.family = 4};
		memcpy(&a.addr, &m->bytes[r->data_at + 12], 4);
	}
	/* What blocks names answers so: nobody connects there. */
	if (!IN6_IS_ADDR_UNSPECIFIED(&a.addr))
		out->address[out->n++] = a;
}

static enum dns_verdict read_answer(const struct message *m, size_t at, uint16_t type, int count,
				    const struct name *asked, struct dns_answer *out)
{
	struct record records[DNS_MAX_RECORDS] __attribute__((uninitialized)); /* n are filled in */
	struct name name = *asked;
	uint32_t name_hash;
	int n;

	if (count > DNS_MAX_RECORDS || !read_records(m, at, count, records, &n) ||
	    !follow(m, records, n, &name))
		return DNS_MALFORMED;
	name_hash = hash(&name);
	out->n = 0;
	for (int i = 0; i < n; i++)
		if (records[i].type != TYPE_CNAME &&
		    (records[i].type == type || type == TYPE_ANY) &&
		    is_owner(m, &records[i], name_hash, &name))
			add_address(m, &records[i], out);
	if (out->n == 0)
		return DNS_PASSED;
	name_text(asked, out->name);
	/* What is not printable takes four times the room, in the table and in both its indexes:
	 * only who wants to fill them asks for so much of it. */
	return strlen(out->name) <= DNS_MAX_TEXT ? DNS_USED : DNS_MALFORMED;
}

enum dns_verdict dns_message_read(const uint8_t *message, size_t len, struct dns_answer *out)
{
	const struct message m = {message, len};
	size_t at = HEADER_BYTES;
	struct name asked;
	uint16_t flags, type, class;

	if (len < HEADER_BYTES)
		return DNS_MALFORMED;
	flags = number(&m, 2);
	if (!(flags & FLAG_QR) || (flags & OPCODE_BITS) || (flags & RCODE_BITS) ||
	    number(&m, 4) != 1)
		return DNS_PASSED;
	if (!read_name(&m, &at, &asked) || m.len - at < 4)
		return DNS_MALFORMED;
	type = number(&m, at);
	class = number(&m, at + 2);
	if (asked.len == 1 || class != CLASS_IN ||
	    (type != TYPE_A && type != TYPE_AAAA && type != TYPE_ANY))
		return DNS_PASSED;
	if (flags & FLAG_TC) /* it is asked for again, over TCP */
		return DNS_CUT;
	return read_answer(&m, at + 4, type, number(&m, 6), &asked, out);
}
