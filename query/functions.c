#include "functions.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "functions_parts.h"
#include "totals.h"

#define FEW 4

static const unsigned char v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

bool parse_addr(const char *text, size_t len, unsigned char addr[16], bool *v4)
{
	char copy[INET6_ADDRSTRLEN];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	memcpy(addr, v4_prefix, sizeof(v4_prefix));
	*v4 = inet_pton(AF_INET, copy, addr + 12) == 1;
	return *v4 || inet_pton(AF_INET6, copy, addr) == 1;
}

bool network_parse(const char *text, struct network *out)
{
	size_t len = strcspn(text, "/");
	const char *digits = text + len + 1;
	bool v4;
	int bits = 0;

	if (!parse_addr(text, len, out->addr, &v4))
		return false;
	out->prefix = 128;
	if (text[len] == '\0')
		return true;
	if (strlen(digits) < 1 || strlen(digits) > 3 ||
	    strspn(digits, "0123456789") != strlen(digits))
		return false;
	for (; *digits; digits++)
		bits = bits * 10 + (*digits - '0');
	out->prefix = v4 ? bits + 96 : bits;
	return out->prefix <= 128;
}

static bool network_has(const struct network *net, const unsigned char addr[16])
{
	int bytes = net->prefix / 8, bits = net->prefix % 8;

	if (memcmp(net->addr, addr, (size_t)bytes) != 0)
		return false;
	/* ::/0 is asked for to see IPv6. */
	if (net->prefix < 96 && !memcmp(addr, v4_prefix, sizeof(v4_prefix)))
		return false;
	return bits == 0 || (net->addr[bytes] ^ addr[bytes]) >> (8 - bits) == 0;
}

static const char *text_arg(sqlite3_value *value)
{
	return (const char *)sqlite3_value_text(value);
}

static void ip_in(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const char *addr = text_arg(argv[0]);
	struct network *net = sqlite3_get_auxdata(ctx, 1);
	unsigned char bytes[16];
	bool fresh = !net, v4;

	(void)argc;
	if (!addr || sqlite3_value_type(argv[1]) == SQLITE_NULL)
		return;
	if (fresh) { /* parsed once for each statement, as the network is a constant */
		net = sqlite3_malloc(sizeof(*net));
		if (!net) {
			sqlite3_result_error_nomem(ctx);
			return;
		}
		if (!text_arg(argv[1]) || !network_parse(text_arg(argv[1]), net)) {
			sqlite3_free(net);
			sqlite3_result_error(ctx, "ip_in: no address and no network", -1);
			return;
		}
	}
	if (parse_addr(addr, strlen(addr), bytes, &v4))
		sqlite3_result_int(ctx, network_has(net, bytes));
	if (fresh)
		sqlite3_set_auxdata(ctx, 1, net, sqlite3_free);
}

/* Bits that the address does not have do not count: one number serves both families. */
static void ip_net(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	char text[INET6_ADDRSTRLEN + sizeof("/128")];
	const char *addr = text_arg(argv[0]);
	int64_t bits = sqlite3_value_int64(argv[1]);
	unsigned char bytes[16];
	int first, last;
	bool v4;

	(void)argc;
	if (sqlite3_value_type(argv[1]) == SQLITE_NULL || !addr ||
	    !parse_addr(addr, strlen(addr), bytes, &v4))
		return;
	if (bits < 0 || bits > 128) {
		sqlite3_result_error(ctx, "ip_net: the bits of a network are 0 to 128", -1);
		return;
	}
	v4 = v4 || !memcmp(bytes, v4_prefix, sizeof(v4_prefix));
	if (v4 && bits > 32)
		bits = 32;
	first = v4 ? 96 : 0;
	last = first + (int)bits;
	for (int i = (last + 7) / 8; i < 16; i++)
		bytes[i] = 0;
	if (last % 8)
		bytes[last / 8] &= (unsigned char)(0xff << (8 - last % 8));
	inet_ntop(v4 ? AF_INET : AF_INET6, bytes + first / 8, text, INET6_ADDRSTRLEN);
	snprintf(text + strlen(text), sizeof("/128"), "/%d", (int)bits);
	sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static void in_list(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const char *value = text_arg(argv[0]);
	const char *list = text_arg(argv[1]);
	size_t len = (size_t)sqlite3_value_bytes(argv[0]);

	(void)argc;
	if (!value || !list)
		return;
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");

		if (n == len && !memcmp(p, value, n)) {
			sqlite3_result_int(ctx, 1);
			return;
		}
		p += n;
		if (*p == '\0')
			break;
	}
	sqlite3_result_int(ctx, 0);
}

static void matches(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const char *text = text_arg(argv[0]);
	const char *pattern = text_arg(argv[1]);
	bool yes;

	(void)argc;
	if (!text || !pattern)
		return;
	/* Not always a pattern: [kworker] is a name. */
	if (strpbrk(pattern, "*?"))
		yes = sqlite3_strglob(pattern, text) == 0;
	else
		yes = strcmp(pattern, text) == 0;
	sqlite3_result_int(ctx, yes);
}

/* The distinct texts that one few() has met, sorted by text. */
struct words {
	struct word {
		char *text;
		int64_t count;
	} * word;
	size_t n, room;
	struct word first_word; /* word, when there is one */
	char first_text[16];	/* its text, when it is as short as the name of a program */
};

static char *copy_text(struct words *w, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy =
		w->n == 0 && size <= sizeof(w->first_text) ? w->first_text : sqlite3_malloc64(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

static void clear_words(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->word[i].text != w->first_text)
			sqlite3_free(w->word[i].text);
	if (w->word != &w->first_word)
		sqlite3_free(w->word);
	w->n = 0;
}

/* The most of a million groups have one word: it takes no memory of its own. */
static bool make_room(struct words *w)
{
	size_t room = w->room ? 2 * w->room : 1;
	struct word *more;

	if (room == 1) {
		more = &w->first_word;
	} else {
		more = sqlite3_realloc64(w->room == 1 ? NULL : w->word, room * sizeof(*more));
		if (!more)
			return false;
		if (w->room == 1)
			more[0] = w->first_word;
	}
	w->word = more;
	w->room = room;
	return true;
}

static int words_add(struct words *w, const char *text, int64_t count)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(text, w->word[mid].text);

		if (order == 0) {
			if (__builtin_add_overflow(w->word[mid].count, count, &w->word[mid].count))
				w->word[mid].count = count < 0 ? INT64_MIN : INT64_MAX;
			return SQLITE_OK;
		}
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	if (w->n == w->room && !make_room(w))
		return SQLITE_NOMEM;
	memmove(&w->word[low + 1], &w->word[low], (w->n - low) * sizeof(*w->word));
	w->word[low].text = copy_text(w, text);
	w->word[low].count = count;
	if (!w->word[low].text) {
		memmove(&w->word[low], &w->word[low + 1], (w->n - low) * sizeof(*w->word));
		return SQLITE_NOMEM;
	}
	w->n++;
	return SQLITE_OK;
}

static void few_step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct words *w = sqlite3_aggregate_context(ctx, sizeof(*w));
	const char *text = text_arg(argv[0]);

	if (text && (!w || words_add(w, text, argc == 2 ? sqlite3_value_int64(argv[1]) : 1)))
		sqlite3_result_error_nomem(ctx);
}

static int more_frequent_first(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->text, y->text);
}

static char *few_words(struct words *w, sqlite3 *db)
{
	sqlite3_str *out = sqlite3_str_new(db);

	qsort(w->word, w->n, sizeof(*w->word), more_frequent_first);
	for (size_t i = 0; i < w->n && i < FEW; i++)
		sqlite3_str_appendf(out, "%s%s", i ? ", " : "", w->word[i].text);
	if (w->n > FEW)
		sqlite3_str_appendf(out, ", +%lld", (long long)(w->n - FEW));
	return sqlite3_str_finish(out);
}

static void few_final(sqlite3_context *ctx)
{
	struct words *w = sqlite3_aggregate_context(ctx, 0);

	if (!w || w->n == 0)
		return;
	if (w->n == 1)
		sqlite3_result_text(ctx, w->word[0].text, -1, SQLITE_TRANSIENT);
	else
		sqlite3_result_text(ctx, few_words(w, sqlite3_context_db_handle(ctx)), -1,
				    sqlite3_free);
	clear_words(w);
}

/* To add a function, write it and a row here and in functions.h. */
static const struct {
	const char *name;
	int n_args;
	void (*call)(sqlite3_context *, int, sqlite3_value **);
	void (*step)(sqlite3_context *, int, sqlite3_value **);
	void (*final)(sqlite3_context *);
	bool changes; /* the same arguments need not give the same */
} functions[] = {
	{.name = "ip_in", .n_args = 2, .call = ip_in},
	{.name = "ip_net", .n_args = 2, .call = ip_net},
	{.name = "community_id", .n_args = 4, .call = sql_community_id},
	{.name = "community_id", .n_args = 5, .call = sql_community_id},
	{.name = "in_list", .n_args = 2, .call = in_list},
	{.name = "matches", .n_args = 2, .call = matches},
	{.name = "few", .n_args = 1, .step = few_step, .final = few_final},
	{.name = "few", .n_args = 2, .step = few_step, .final = few_final},
	{.name = "human_bytes", .n_args = 1, .call = sql_human_bytes},
	{.name = "human_us", .n_args = 1, .call = sql_human_us},
	{.name = "percentile", .n_args = 2, .step = percentile_step, .final = percentile_final},
	/* Another at each moment, as its SQL is run. */
	{.name = "ago", .n_args = 1, .call = sql_ago, .changes = true},
};

int functions_register(sqlite3 *db, struct err *err)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		int flags = SQLITE_UTF8 | SQLITE_INNOCUOUS |
			    (functions[i].changes ? 0 : SQLITE_DETERMINISTIC);
		int rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].n_args,
						    flags, NULL, functions[i].call,
						    functions[i].step, functions[i].final, NULL);

		if (rc != SQLITE_OK)
			return err_set(err, -EIO, "function %s: %s", functions[i].name,
				       sqlite3_errmsg(db));
	}
	if (names_register(db, err) || dns_register(db, err))
		return err->code;
	return totals_register(db, err);
}
