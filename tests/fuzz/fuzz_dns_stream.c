/*
 * DNS over TCP, as a script says: messages on a few connections at a time, cut into segments
 * anywhere, sent again and overlapping. Handed out is each message, once, in order and whole, when
 * its last byte has come. Of a connection from which bytes are missing, or whose begin was not
 * seen, no more than a message that is long enough.
 */
#include "dns_stream.h"

#include "script.h"

#define CONNECTIONS  5
#define MAX_BYTES    8192
#define MAX_MESSAGES 64
#define MIN_MESSAGE  12

struct talk {
	uint8_t bytes[MAX_BYTES];
	size_t len;
	size_t ends[MAX_MESSAGES]; /* of the messages in it */
	int n_messages, told;
	size_t sent; /* so far, without a gap */
	uint32_t first;
	bool loose; /* nothing is known but that memory is ours */
};

struct world {
	struct dns_streams *streams;
	struct talk talks[CONNECTIONS];
	struct talk *talking;
	enum dns_verdict worthiest;
	int n_told;
};

static enum dns_verdict on_message(void *ctx, const uint8_t *message, size_t len)
{
	struct world *w = ctx;
	struct talk *t = w->talking;
	const enum dns_verdict verdict = (enum dns_verdict)(DNS_PASSED + message[0] % 5);

	must(len >= MIN_MESSAGE && len <= 65535);
	w->n_told++;
	if (verdict > w->worthiest)
		w->worthiest = verdict;
	if (!t->loose) {
		const size_t from = t->told ? t->ends[t->told - 1] : 0;

		must(t->told < t->n_messages && len == t->ends[t->told] - from - 2);
		must(memcmp(message, t->bytes + from + 2, len) == 0);
		t->told++;
	}
	return verdict;
}

static void fill(struct talk *t, struct script *s)
{
	const int n = script_byte(s) % 12;

	t->first = script_number(s, 4);
	t->loose = script_byte(s) & 1;
	for (int i = 0; i < n; i++) {
		const size_t len = MIN_MESSAGE + script_byte(s) * (i % 8 == 7 ? 4u : 1u);
		const uint8_t tag = script_byte(s);

		if (t->len + 2 + len > MAX_BYTES)
			return;
		t->bytes[t->len++] = (uint8_t)(len >> 8);
		t->bytes[t->len++] = (uint8_t)len;
		for (size_t k = 0; k < len; k++)
			t->bytes[t->len++] = (uint8_t)(tag + k * 31);
		t->ends[t->n_messages++] = t->len;
	}
}

static enum dns_verdict take(struct world *w, struct talk *t, struct dns_packet *p,
			     const uint8_t *bytes, size_t len)
{
	uint8_t *payload = malloc(len ? len : 1);
	const int i = (int)(t - w->talks);
	enum dns_verdict verdict;

	must(payload);
	memcpy(payload, bytes, len);
	/* Each differs from the first in one thing. */
	p->from.family = p->to.family = i == 1 ? 4 : 6;
	p->from.addr.s6_addr[15] = i == 2 ? 2 : 1;
	p->to.addr.s6_addr[0] = i == 3 ? 2 : 1;
	p->to_port = i == 4 ? 1025 : 1024;
	p->tcp = true;
	p->payload = payload;
	p->len = len;
	w->talking = t;
	w->worthiest = DNS_PASSED;
	w->n_told = 0;
	verdict = dns_streams_take(w->streams, p, on_message, w);
	must(verdict < DNS_VERDICTS && verdict >= (w->n_told ? w->worthiest : DNS_COPY));
	free(payload);
	return verdict;
}

static void begin(struct world *w, struct talk *t)
{
	struct dns_packet p = {.begins = true, .seq = t->first - 1};

	if (!t->loose)
		must(take(w, t, &p, t->bytes, 0) == DNS_PASSED && w->n_told == 0);
}

/* Bytes from @from to @to, of which none is behind a gap unless @t is loose. */
static void send_bytes(struct world *w, struct talk *t, size_t from, size_t to, bool ends)
{
	struct dns_packet p = {.ends = ends, .seq = t->first + (uint32_t)from};
	const int told = t->told;
	int complete = 0;
	const bool inside = to <= t->sent;
	enum dns_verdict verdict;

	verdict = take(w, t, &p, t->bytes + from, to - from);
	if (t->loose)
		return;
	if (to > t->sent)
		t->sent = to;
	while (complete < t->n_messages && t->ends[complete] <= t->sent)
		complete++;
	must(t->told == complete && w->n_told == complete - told);
	if (!ends)
		must(verdict == (to == from ? DNS_PASSED : inside ? DNS_COPY : w->worthiest));
	else if (t->sent == (complete ? t->ends[complete - 1] : 0))
		must(verdict == (to == from ? DNS_PASSED : inside ? DNS_COPY : w->worthiest));
	else
		must(verdict >= DNS_CUT);
	if (ends) /* what is behind it is no part of a message that has begun */
		t->loose = true;
}

static void step(struct world *w, struct script *s)
{
	const uint8_t op = script_byte(s);
	struct talk *t = &w->talks[op % CONNECTIONS];
	const size_t n = script_byte(s), back = op & 16 ? script_byte(s) : 0;
	size_t from = t->sent - (back < t->sent ? back : t->sent), to;

	if (op >= 250) {
		begin(w, t); /* once more, as another interface shows it: nothing changes */
		if (t->sent)
			t->loose = true;
		return;
	}
	if (op >= 246) {
		t->loose = true;
		from += script_byte(s); /* bytes are missing */
		from = from < t->len ? from : t->len;
	}
	to = from + n < t->len ? from + n : t->len;
	send_bytes(w, t, from, to, op >= 240 && op < 246);
	if (t->loose && to > t->sent)
		t->sent = to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	struct world *w = calloc(1, sizeof(*w));

	must(w && (w->streams = dns_streams_new()));
	for (int i = 0; i < CONNECTIONS; i++) {
		fill(&w->talks[i], &s);
		begin(w, &w->talks[i]);
	}
	while (s.left)
		step(w, &s);
	/* The rest comes at once. */
	for (int i = 0; i < CONNECTIONS; i++)
		send_bytes(w, &w->talks[i], w->talks[i].sent, w->talks[i].len, false);
	dns_streams_free(w->streams);
	free(w);
	return 0;
}
