/*
 * Answers to DNS queries in order, as a script says: a name asked for, aliases in any order of
 * records, compressed or not, in any case, addresses of both kinds, records of others between.
 * What is read is what was written. And when any of its bytes is changed, or its end is missing, no
 * more than an answer comes out of it that could be one.
 */
#include "dns_message.h"

#include <stdbool.h>

#include "safe.h"
#include "script.h"

#define MAX_ALIASES 18
#define NAMES	    (MAX_ALIASES + 2) /* the last of them is a stranger's */
#define MAX_RECORDS 48
#define DOMAINS	    2
#define TYPE_A	    1
#define TYPE_CNAME  5
#define TYPE_TXT    16
#define TYPE_AAAA   28
#define TYPE_ANY    255
#define CLASS_IN    1
#define CLASS_CHAOS 3

struct label {
	uint8_t bytes[63];
	uint8_t len;
};

struct record {
	int owner, target; /* names */
	uint16_t type, class;
	uint8_t data[16];
};

struct answer {
	struct label host[NAMES], domain[DOMAINS];
	int domain_of[NAMES];
	int n_aliases;
	uint16_t asked_type;
	struct record records[MAX_RECORDS];
	int n_records;
	uint8_t message[16384];
	size_t len;
	size_t whole_at[NAMES], domain_at[DOMAINS]; /* where they were written first; 0: nowhere */
};

/* ---- what is written ---- */

static void put(struct answer *a, const void *bytes, size_t n)
{
	must(a->len + n <= sizeof(a->message));
	memcpy(a->message + a->len, bytes, n);
	a->len += n;
}

static void put_number(struct answer *a, uint16_t n)
{
	const uint8_t bytes[] = {(uint8_t)(n >> 8), (uint8_t)n};

	put(a, bytes, sizeof(bytes));
}

static void put_label(struct answer *a, const struct label *l, bool upper)
{
	put(a, &l->len, 1);
	for (int i = 0; i < l->len; i++) {
		const uint8_t c = l->bytes[i];
		const uint8_t out = upper && c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;

		put(a, &out, 1);
	}
}

/* @how: 1 a pointer to all of it, 2 one to its end, 4 in upper case. */
static void put_name(struct answer *a, int name, uint8_t how)
{
	const int domain = a->domain_of[name];
	const size_t at = a->len;

	if (how & 1 && a->whole_at[name]) {
		put_number(a, (uint16_t)(0xc000 | a->whole_at[name]));
		return;
	}
	if (!a->whole_at[name])
		a->whole_at[name] = at;
	put_label(a, &a->host[name], how & 4);
	if (how & 2 && a->domain_at[domain]) {
		put_number(a, (uint16_t)(0xc000 | a->domain_at[domain]));
		return;
	}
	if (!a->domain_at[domain])
		a->domain_at[domain] = a->len;
	put_label(a, &a->domain[domain], how & 4);
	put(a, "", 1);
}

static void put_record(struct answer *a, const struct record *r, struct script *s)
{
	size_t length_at, from;

	put_name(a, r->owner, script_byte(s));
	put_number(a, r->type);
	put_number(a, r->class);
	put(a, "\0\0\1\0", 4);
	length_at = a->len;
	put_number(a, 0);
	from = a->len;
	if (r->type == TYPE_CNAME)
		put_name(a, r->target, script_byte(s));
	else
		put(a, r->data, r->type == TYPE_A ? 4 : r->type == TYPE_AAAA ? 16 : 7);
	a->message[length_at + 1] = (uint8_t)(a->len - from);
	a->message[length_at] = (uint8_t)((a->len - from) >> 8);
}

/* ---- what is to be written ---- */

/* Never the same twice: its first byte is @which. */
static void take_label(struct script *s, struct label *l, int which)
{
	const uint8_t how = script_byte(s);

	l->len = (uint8_t)(1 + (how & 128 ? how % 63 : how % 4));
	script_fill(s, l->bytes, l->len);
	for (int i = 0; i < l->len; i++) /* as it is read: lower case */
		if (l->bytes[i] >= 'A' && l->bytes[i] <= 'Z')
			l->bytes[i] = (uint8_t)(l->bytes[i] + 32);
	l->bytes[0] = (uint8_t)('0' + which);
}

static void add_record(struct answer *a, struct script *s, uint16_t type, int owner, int target)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct record *r = &a->records[a->n_records++];
	const uint8_t how = script_byte(s);

	must(a->n_records <= MAX_RECORDS);
	*r = (struct record){.owner = owner, .target = target, .type = type, .class = CLASS_IN};
	if (how % 8 == 0)
		return; /* all zero */
	r->data[0] = r->data[15] = how;
	script_fill(s, r->data + 1, 3);
	if (how % 8 == 1)
		memcpy(r->data, mapped, sizeof(mapped));
}

/* Those of others: names, types and classes that were not asked for. */
static void add_strangers(struct answer *a, struct script *s)
{
	static const uint16_t types[] = {TYPE_A, TYPE_AAAA, TYPE_TXT, TYPE_CNAME};

	for (int n = script_byte(s) % 8; n > 0; n--) {
		const uint8_t how = script_byte(s);
		const bool ours = how & 16;

		add_record(a, s, types[how % 4], ours ? how / 32 % (a->n_aliases + 1) : NAMES - 1,
			   how / 32);
		/* Of our names nothing else may be told, but in another class or of another type.
		 */
		if (ours && types[how % 4] != TYPE_TXT)
			a->records[a->n_records - 1].class = CLASS_CHAOS;
	}
}

static void shuffle(struct answer *a, struct script *s)
{
	for (int i = a->n_records - 1; i > 0; i--) {
		const int other = script_byte(s) % (i + 1);
		const struct record r = a->records[i];

		a->records[i] = a->records[other];
		a->records[other] = r;
	}
}

static void build(struct answer *a, struct script *s)
{
	static const uint16_t asked[] = {TYPE_A, TYPE_AAAA, TYPE_ANY};

	a->n_aliases = script_byte(s) % (MAX_ALIASES + 1);
	a->asked_type = asked[script_byte(s) % 3];
	for (int i = 0; i < DOMAINS; i++)
		take_label(s, &a->domain[i], i);
	for (int i = 0; i < NAMES; i++) {
		take_label(s, &a->host[i], i);
		a->domain_of[i] = script_byte(s) % DOMAINS;
	}
	for (int i = 0; i < a->n_aliases; i++)
		add_record(a, s, TYPE_CNAME, i, i + 1);
	for (int n = script_byte(s) % 8; n > 0; n--)
		add_record(a, s, script_byte(s) & 1 ? TYPE_A : TYPE_AAAA, a->n_aliases, 0);
	add_strangers(a, s);
	shuffle(a, s);
	put(a, "\1\2\x81\x80\0\1", 6);
	put_number(a, (uint16_t)a->n_records);
	put(a, "\0\0\0\0", 4);
	put_name(a, 0, script_byte(s));
	put_number(a, a->asked_type);
	put_number(a, CLASS_IN);
	for (int i = 0; i < a->n_records; i++)
		put_record(a, &a->records[i], s);
}

/* ---- what is to be read ---- */

/* The label's bytes escaped, a dot among them as \x2e. */
static size_t expect_label(const struct label *l, char *out)
{
	char escaped[ESCAPED_SIZE(63)];
	size_t n = escape_text((const char *)l->bytes, l->len, escaped, sizeof(escaped)), used = 0;

	for (size_t i = 0; i < n; i++) {
		if (escaped[i] != '.') {
			out[used++] = escaped[i];
			continue;
		}
		memcpy(out + used, "\\x2e", 4);
		used += 4;
	}
	out[used] = '\0';
	return used;
}

static bool expect_address(const struct answer *a, const struct record *r, struct dns_address *out)
{
	static const uint8_t none[16];
	const bool is_mapped = r->type == TYPE_AAAA && memcmp(r->data, none, 10) == 0 &&
			       r->data[10] == 0xff && r->data[11] == 0xff;

	if (r->owner != a->n_aliases || r->class != CLASS_IN ||
	    (r->type != TYPE_A && r->type != TYPE_AAAA) ||
	    (a->asked_type != TYPE_ANY && r->type != a->asked_type))
		return false;
	*out = (struct dns_address){.family = r->type == TYPE_A || is_mapped ? 4 : 6};
	memcpy(&out->addr, r->data + (is_mapped ? 12 : 0), out->family == 4 ? 4 : 16);
	return memcmp(&out->addr, none, out->family == 4 ? 4 : 16) != 0;
}

static enum dns_verdict read_copy(const uint8_t *bytes, size_t len, struct dns_answer *out)
{
	uint8_t *message = malloc(len ? len : 1); /* its end is one */
	enum dns_verdict verdict;

	must(message);
	memcpy(message, bytes, len);
	verdict = dns_message_read(message, len, out);
	free(message);
	must(verdict == DNS_USED || verdict == DNS_PASSED || verdict == DNS_CUT ||
	     verdict == DNS_MALFORMED);
	if (verdict == DNS_USED) {
		must(out->n > 0 && out->n <= DNS_MAX_RECORDS);
		must(strlen(out->name) <= DNS_MAX_TEXT && safe_text(out->name, strlen(out->name)));
	}
	return verdict;
}

static void check(const struct answer *a)
{
	static struct dns_answer got;
	char name[2 * ESCAPED_SIZE(63) + 2];
	size_t len = expect_label(&a->host[0], name);
	enum dns_verdict verdict;
	int n = 0;

	name[len++] = '.';
	len += expect_label(&a->domain[a->domain_of[0]], name + len);
	verdict = read_copy(a->message, a->len, &got);
	if (a->n_aliases >= DNS_MAX_CHAIN) {
		must(verdict == DNS_MALFORMED);
		return;
	}
	for (int i = 0; i < a->n_records; i++) {
		struct dns_address want;

		if (!expect_address(a, &a->records[i], &want))
			continue;
		must(verdict != DNS_USED ||
		     (n < got.n && memcmp(&got.address[n], &want, sizeof(want)) == 0));
		n++;
	}
	must(verdict == (n == 0 ? DNS_PASSED : len <= DNS_MAX_TEXT ? DNS_USED : DNS_MALFORMED));
	must(verdict != DNS_USED || (got.n == n && strcmp(got.name, name) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answer a;
	static struct dns_answer got;
	struct script s = {data, size};

	memset(&a, 0, sizeof(a));
	build(&a, &s);
	check(&a);
	/* The records' end is missing. */
	must(read_copy(a.message, a.len - 1, &got) != DNS_USED || a.n_records == 0);
	while (s.left) {
		const size_t at = script_number(&s, 2) % a.len;

		a.message[at] ^= script_byte(&s);
		read_copy(a.message, a.len, &got);
	}
	read_copy(a.message, script_number(&s, 2) % (a.len + 1), &got);
	return 0;
}
