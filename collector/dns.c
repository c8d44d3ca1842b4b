#include "dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "dns_names.h"
#include "dns_packet.h"
#include "dns_socket.h"
#include "dns_stream.h"

#define MAX_BLOCKS_A_TURN 4 /* then connections get theirs */
#define CATCH_UP_TURNS	  8

/* The same packet passes several interfaces, within so long of one another. */
#define COPY_NS	     NS_PER_S
#define RECENT_SLOTS 1024 /* a power of two */

struct recent {
	uint64_t hash;
	int64_t at_boot_ns;
};

struct dns {
	struct dns_socket *socket; /* NULL: there is none */
	struct dns_streams *streams;
	struct dns_names *names;
	struct dns_counters counters, flushed, aside; /* as of now, the last flush, and what
							 stands in another database */
	struct recent recent[RECENT_SLOTS];
	uint64_t seed;
	int64_t offset_ns;
	/* Of the packet that is being read. */
	const struct dns_packet *packet;
	int64_t at_boot_ns;
	struct dns_answer answer;
};

int dns_new(struct dns **out, struct err *err)
{
	struct dns *d = calloc(1, sizeof(*d));

	if (!d)
		return err_set(err, -ENOMEM, "no memory for names");
	if (getrandom(&d->seed, sizeof(d->seed), GRND_NONBLOCK) != sizeof(d->seed))
		d->seed = (uint64_t)clock_boot_ns();
	d->names = dns_names_new(d->seed);
	d->streams = dns_streams_new();
	if (!d->names || !d->streams) {
		dns_free(d);
		return err_set(err, -ENOMEM, "no memory for names");
	}
	*out = d;
	return 0;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	dns_socket_free(d->socket);
	dns_names_free(d->names);
	dns_streams_free(d->streams);
	free(d);
}

int dns_listen(struct dns *d, int given, struct err *err)
{
	return dns_socket_open(given, &d->socket, err);
}

int dns_fd(const struct dns *d)
{
	return dns_socket_fd(d->socket);
}

/* ---- a packet ---- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len) {
		const size_t n = len < sizeof(uint64_t) ? len : sizeof(uint64_t);
		uint64_t word = len;

		memcpy(&word, at, n);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 29;
		at += n;
		len -= n;
	}
	return hash;
}

/* A query's id and the port that asked are in it: the same bytes are the same answer. */
static bool is_copy(struct dns *d, const struct dns_packet *p)
{
	uint64_t hash = mix(d->seed ^ p->to_port, p->payload, p->len);
	struct recent *slot;
	bool copy;

	hash = mix(hash, &p->from, sizeof(p->from));
	hash = mix(hash, &p->to, sizeof(p->to));
	slot = &d->recent[hash & (RECENT_SLOTS - 1)];
	copy = slot->hash == hash && d->at_boot_ns - slot->at_boot_ns < COPY_NS;
	*slot = (struct recent){hash, d->at_boot_ns};
	return copy;
}

static enum dns_verdict take_message(void *ctx, const uint8_t *message, size_t len)
{
	struct dns *d = ctx;
	enum dns_verdict verdict = dns_message_read(message, len, &d->answer);

	if (verdict == DNS_USED)
		d->counters.overflow += (uint64_t)dns_names_add(d->names, &d->answer,
								&d->packet->from, d->at_boot_ns);
	return verdict;
}

static enum dns_verdict take(struct dns *d, const struct dns_packet *p)
{
	if (p->tcp)
		return dns_streams_take(d->streams, p, take_message, d);
	return is_copy(d, p) ? DNS_COPY : take_message(d, p->payload, p->len);
}

void dns_take(struct dns *d, const uint8_t *packet, size_t len, size_t wire_len, int64_t at_boot_ns)
{
	struct dns_packet p;
	enum dns_verdict verdict = dns_packet_read(packet, len, wire_len, &p);

	d->packet = &p;
	d->at_boot_ns = at_boot_ns;
	if (verdict == DNS_USED)
		verdict = take(d, &p);
	d->packet = NULL;
	d->counters.verdict[verdict]++;
}

/* ---- the socket ---- */

static void on_packet(void *ctx, const uint8_t *packet, size_t len, size_t wire_len,
		      int64_t wall_ns)
{
	struct dns *d = ctx;
	const int64_t now_ns = clock_boot_ns(), at_ns = wall_ns - d->offset_ns;

	/* Unless the clock was set meanwhile. */
	dns_take(d, packet, len, wire_len,
		 at_ns <= now_ns && at_ns > now_ns - NS_PER_S ? at_ns : now_ns);
}

int dns_work(struct dns *d, int64_t offset_ns)
{
	d->offset_ns = offset_ns;
	for (int i = 0; i < MAX_BLOCKS_A_TURN; i++)
		if (!dns_socket_read(d->socket, on_packet, d))
			return 0;
	return 1;
}

void dns_catch_up(struct dns *d, int64_t offset_ns)
{
	/* What is in the ring, and the block that is being filled; not for ever what comes then. */
	for (int i = 0; i < CATCH_UP_TURNS && dns_work(d, offset_ns); i++) {
	}
	if (!dns_socket_await(d->socket))
		return;
	for (int i = 0; i < CATCH_UP_TURNS && dns_work(d, offset_ns); i++) {
	}
}

/* ---- the database ---- */

void dns_flush(struct dns *d, bool all, struct flush *f)
{
	struct dns_counters *c = &f->dns;

	if (d->socket)
		d->counters.dropped = dns_socket_dropped(d->socket);
	*c = d->counters;
	for (int i = 0; i < DNS_VERDICTS; i++)
		c->verdict[i] -= d->aside.verdict[i];
	c->dropped -= d->aside.dropped;
	c->overflow -= d->aside.overflow;
	f->has_dns = true;
	f->n_names = dns_names_unwritten(d->names, f->now_boot_ns, all, &f->names);
}

void dns_flushed(struct dns *d)
{
	d->flushed = d->counters;
	dns_names_written(d->names);
}

void dns_forget_rows(struct dns *d)
{
	d->aside = d->flushed;
	dns_names_forget_rows(d->names);
}

uint64_t dns_missed(const struct dns *d)
{
	const struct dns_counters *c = &d->counters;

	return c->verdict[DNS_MALFORMED] + c->verdict[DNS_FRAGMENT] + c->verdict[DNS_CUT] +
	       c->dropped + c->overflow;
}
