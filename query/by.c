#include "by.h"

#include <errno.h>
#include <string.h>

#include "suggest.h"
#include "timespec.h"

/* What an IPv6 network is when only the bits for IPv4 are said: one link (RFC 4291, 2.5.1). */
#define BITS6_DEFAULT 64

/* To add one, write a row: the word, the column's name, and what it is where the relation
 * has no such column, or the length of the bucket it is. */
static const struct dimension {
	const char *word, *column;
	int64_t bucket_us;
	bool is_network, is_name;
} dimensions[] = {
	{"peer_addr", "peer_addr", 0, false, false},
	{"peer_addr/", "peer_net", 0, true, false},
	{"name", "name", 0, false, true},
	{"service_port", "service_port", 0, false, false},
	{"direction", "direction", 0, false, false},
	{"comm", "comm", 0, false, false},
	{"exe", "exe", 0, false, false},
	{"uid", "uid", 0, false, false},
	{"container", "container", 0, false, false},
	{"container_id", "container_id", 0, false, false},
	{"pod", "pod", 0, false, false},
	{"loopback", "loopback", 0, false, false},
	{"family", "family", 0, false, false},
	{"outcome", "outcome", 0, false, false},
	{"error", "error", 0, false, false},
	{"pid", "pid", 0, false, false},
	{"netns", "netns", 0, false, false},
	{"local_addr", "local_addr", 0, false, false},
	{"node", "node", 0, false, false}, /* of a fleet */
	{"minute", "minute_at", 60 * US_PER_S, false, false},
	{"hour", "hour_at", 3600 * US_PER_S, false, false},
	{"day", "day_at", 86400 * US_PER_S, false, false},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Reads "/24" or "/24/48". */
static int read_bits(const char *text, struct by *out, struct err *err)
{
	int end = 0;

	out->bits6 = BITS6_DEFAULT;
	if (strspn(text, "/0123456789") != strlen(text) ||
	    sscanf(text, "/%3d%n/%3d%n", &out->bits, &end, &out->bits6, &end) < 1 || text[end] ||
	    out->bits > 32 || out->bits6 > 128)
		return err_set(err, -EINVAL,
			       "\"peer_addr%s\": write peer_addr/24, networks of 24 bits (of IPv6:"
			       " %d), or peer_addr/24/48",
			       text, BITS6_DEFAULT);
	return 0;
}

static int add(struct by *by, const struct dimension *d, struct err *err)
{
	for (int i = 0; i < by->n; i++) {
		const struct dimension *other = by->dimensions[i];

		if (other == d)
			return err_set(err, -EINVAL, "%.*s is given twice",
				       (int)strcspn(d->word, "/"), d->word);
		if (other->bucket_us && d->bucket_us)
			return err_set(err, -EINVAL, "%s and %s exclude each other", other->word,
				       d->word);
	}
	if (by->n == BY_MAX)
		return err_set(err, -EINVAL, "more than %d columns", BY_MAX);
	by->dimensions[by->n++] = d;
	return 0;
}

static int add_word(struct by *by, const char *word, struct err *err)
{
	struct suggestion s = {.word = word};
	const char *bits = strchr(word, '/');

	for (size_t i = 0; i < COUNT(dimensions); i++) {
		const struct dimension *d = &dimensions[i];
		int ret = 0;

		if (!d->is_network)
			suggest_try(&s, d->word);
		if (bits ? strncmp(d->word, word, (size_t)(bits - word) + 1)
			 : strcmp(d->word, word))
			continue;
		if (bits)
			ret = read_bits(bits, by, err);
		return ret ? ret : add(by, d, err);
	}
	if (bits)
		return err_set(err, -EINVAL,
			       "\"%s\": networks are those of peer_addr: peer_addr/24", word);
	return suggest_error(
		&s, err, "column",
		"it is one of peer_addr, peer_addr/24, name, service_port, direction, comm, "
		"exe, uid, container, container_id, pod, loopback, family, outcome, "
		"error, pid, netns, local_addr, node, minute, hour, day");
}

int by_parse(const char *text, struct by *out, struct err *err)
{
	int ret = 0;

	*out = (struct by){0};
	for (const char *p = text; !ret; p++) {
		char word[64];
		size_t len;

		p += strspn(p, " ");
		len = strcspn(p, ", ");
		snprintf(word, sizeof(word), "%.*s", (int)(len < 63 ? len : 63), p);
		ret = add_word(out, word, err);
		p += len;
		p += strspn(p, " ");
		if (*p == '\0')
			break;
		if (*p != ',' && !ret)
			ret = err_set(err, -EINVAL, "a comma is missing before \"%s\"", p);
	}
	return ret;
}

const char *by_word(int i)
{
	if ((size_t)i >= COUNT(dimensions))
		return NULL;
	return dimensions[i].is_network ? "peer_addr/24" : dimensions[i].word;
}

int64_t by_bucket_us(const struct by *by)
{
	for (int i = 0; i < by->n; i++)
		if (by->dimensions[i]->bucket_us)
			return by->dimensions[i]->bucket_us;
	return 0;
}

bool by_has_columns(const struct by *by)
{
	for (int i = 0; i < by->n; i++)
		if (by->dimensions[i]->is_network || by->dimensions[i]->is_name ||
		    by->dimensions[i]->bucket_us)
			return true;
	return false;
}

bool by_has_word(const struct by *by, const char *word)
{
	for (int i = 0; i < by->n; i++)
		if (!strcmp(by->dimensions[i]->word, word))
			return true;
	return false;
}

bool by_has_name(const struct by *by)
{
	for (int i = 0; i < by->n; i++)
		if (by->dimensions[i]->is_name)
			return true;
	return false;
}

void by_write_columns(const struct by *by, const char *bucket, const char *start, FILE *f)
{
	for (int i = 0; i < by->n; i++) {
		const struct dimension *d = by->dimensions[i];

		if (d->is_network)
			fprintf(f, ", ip_net(peer_addr, iif(instr(peer_addr, ':'), %d, %d)) AS %s",
				by->bits6, by->bits, d->column);
		if (d->is_name)
			fprintf(f, ", ifnull(name_of(peer_addr, %s), peer_addr) AS %s", start,
				d->column);
		if (d->bucket_us)
			fprintf(f, ", %s AS %s", bucket, d->column);
	}
}

void by_write(const struct by *by, const char *sql, FILE *f)
{
	static const char marker[] = "{by}";
	const char *at;

	for (; by->n && (at = strstr(sql, marker)); sql = at + strlen(marker)) {
		fprintf(f, "%.*s", (int)(at - sql), sql);
		for (int i = 0; i < by->n; i++)
			fprintf(f, "%s%s", i ? ", " : "", by->dimensions[i]->column);
	}
	fputs(sql, f);
}

bool by_is_dimension(const char *column)
{
	for (size_t i = 0; i < COUNT(dimensions); i++)
		if (!strcmp(dimensions[i].column, column))
			return true;
	return false;
}
