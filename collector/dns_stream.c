#include "dns_stream.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 2
#define MIN_MESSAGE  12 /* a header */

struct stream {
	struct dns_address from, to;
	uint16_t to_port;
	bool used;
	uint64_t turn; /* when it was last seen */
	uint32_t next; /* of the byte that comes next */
	/* A message that has begun. */
	uint8_t length[LENGTH_BYTES];
	size_t n_length; /* so many of them have come */
	uint8_t *message;
	size_t len, n; /* of @message, and how many have come */
};

struct dns_streams {
	struct stream stream[DNS_STREAMS];
	uint64_t turn;
};

/* What is done with a message. */
struct sink {
	enum dns_verdict (*each)(void *ctx, const uint8_t *message, size_t len);
	void *ctx;
	enum dns_verdict verdict; /* the worthiest so far */
};

struct dns_streams *dns_streams_new(void)
{
	return calloc(1, sizeof(struct dns_streams));
}

static void forget_message(struct stream *s)
{
	free(s->message);
	s->message = NULL;
	s->n_length = s->len = s->n = 0;
}

static void forget(struct stream *s)
{
	forget_message(s);
	s->used = false;
}

void dns_streams_free(struct dns_streams *s)
{
	for (int i = 0; s && i < DNS_STREAMS; i++)
		forget(&s->stream[i]);
	free(s);
}

static bool is_same(const struct dns_address *a, const struct dns_address *b)
{
	return a->family == b->family && memcmp(&a->addr, &b->addr, sizeof(a->addr)) == 0;
}

static struct stream *find(struct dns_streams *s, const struct dns_packet *p)
{
	for (int i = 0; i < DNS_STREAMS; i++) {
		struct stream *one = &s->stream[i];

		if (one->used && one->to_port == p->to_port && is_same(&one->from, &p->from) &&
		    is_same(&one->to, &p->to))
			return one;
	}
	return NULL;
}

static struct stream *add(struct dns_streams *s, const struct dns_packet *p, uint32_t next)
{
	struct stream *one = find(s, p);

	for (int i = 0; i < DNS_STREAMS && !one; i++)
		if (!s->stream[i].used)
			one = &s->stream[i];
	if (!one) {
		one = &s->stream[0];
		for (int i = 1; i < DNS_STREAMS; i++)
			if (s->stream[i].turn < one->turn)
				one = &s->stream[i];
	}
	forget(one);
	*one = (struct stream){
		.from = p->from, .to = p->to, .to_port = p->to_port, .used = true, .next = next};
	return one;
}

static void tell(struct sink *sink, const uint8_t *message, size_t len)
{
	enum dns_verdict verdict = sink->each(sink->ctx, message, len);

	if (verdict > sink->verdict)
		sink->verdict = verdict;
}

static size_t length_of(const uint8_t *bytes)
{
	return (size_t)bytes[0] << 8 | bytes[1];
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Puts aside what there is of a message. Returns how many bytes that was; 0: this cannot be one. */
static size_t hold(struct stream *s, const uint8_t *bytes, size_t len, struct sink *sink)
{
	size_t n;

	if (s->n_length < LENGTH_BYTES) {
		s->length[s->n_length++] = *bytes;
		if (s->n_length < LENGTH_BYTES)
			return 1;
		s->len = length_of(s->length);
		if (s->len < MIN_MESSAGE)
			return 0;
		s->message = malloc(s->len);
		return s->message ? 1 : 0;
	}
	n = least(len, s->len - s->n);
	memcpy(s->message + s->n, bytes, n);
	s->n += n;
	if (s->n == s->len) {
		tell(sink, s->message, s->len);
		forget_message(s);
	}
	return n;
}

static bool feed(struct stream *s, const uint8_t *bytes, size_t len, struct sink *sink)
{
	while (len) {
		size_t n;

		if (s->n_length == 0 && len >= LENGTH_BYTES + MIN_MESSAGE &&
		    length_of(bytes) >= MIN_MESSAGE && length_of(bytes) <= len - LENGTH_BYTES) {
			n = LENGTH_BYTES + length_of(bytes);
			tell(sink, bytes + LENGTH_BYTES, n - LENGTH_BYTES);
		} else {
			n = hold(s, bytes, len, sink);
			if (n == 0)
				return false;
		}
		bytes += n;
		len -= n;
	}
	return true;
}

/* Whether a segment of a connection whose begin was not seen looks like one or more whole
 * messages. */
static bool is_whole(const struct dns_packet *p)
{
	size_t at = 0;

	while (p->len - at >= LENGTH_BYTES + MIN_MESSAGE &&
	       length_of(p->payload + at) >= MIN_MESSAGE &&
	       length_of(p->payload + at) <= p->len - at - LENGTH_BYTES)
		at += LENGTH_BYTES + length_of(p->payload + at);
	return at == p->len;
}

static enum dns_verdict take_bytes(struct dns_streams *all, struct stream *s,
				   const struct dns_packet *p, struct sink *sink)
{
	const uint32_t end = p->seq + (uint32_t)p->len;
	size_t known = 0;

	if (!s) {
		if (!is_whole(p))
			return DNS_CUT;
		s = add(all, p, p->seq);
	}
	s->turn = ++all->turn;
	if ((int32_t)(p->seq - s->next) > 0) {
		forget(s);
		return DNS_CUT;
	}
	if ((int32_t)(end - s->next) <= 0)
		return DNS_COPY;
	known = s->next - p->seq;
	s->next = end;
	if (feed(s, p->payload + known, p->len - known, sink))
		return sink->verdict;
	forget(s);
	return sink->verdict > DNS_MALFORMED ? sink->verdict : DNS_MALFORMED;
}

enum dns_verdict
dns_streams_take(struct dns_streams *all, const struct dns_packet *p,
		 enum dns_verdict (*each)(void *ctx, const uint8_t *message, size_t len), void *ctx)
{
	struct sink sink = {each, ctx, DNS_PASSED};
	enum dns_verdict verdict = DNS_PASSED;
	struct stream *s = find(all, p);

	if (p->begins) {
		/* The same on another interface changes nothing. */
		if (!s || s->next != p->seq + 1)
			add(all, p, p->seq + 1)->turn = ++all->turn;
		return DNS_PASSED;
	}
	if (p->len)
		verdict = take_bytes(all, s, p, &sink);
	/* It stays known, for another interface may show the same once more. */
	if (p->ends && (s = find(all, p)) && s->n_length) {
		forget_message(s);
		if (verdict < DNS_CUT)
			verdict = DNS_CUT;
	}
	return verdict;
}
