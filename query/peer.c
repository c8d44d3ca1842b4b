#include "peer.h"

#include <stdio.h>
#include <string.h>

static bool is_v4(const struct network *net)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	return net->prefix >= 96 && !memcmp(net->addr, mapped, sizeof(mapped));
}

/* The bytes that all have, each followed by a dot. */
static int v4_begin(const struct network *net, char *out, size_t size)
{
	int len = 0;

	for (int i = 12; i < net->prefix / 8; i++)
		len += snprintf(out + len, size - (size_t)len, "%d.", net->addr[i]);
	return len;
}

/* The groups that all have, each followed by a colon: up to the first zero, for that one may
 * be written as 0 or be part of a double colon. */
static int v6_begin(const struct network *net, char *out, size_t size)
{
	int len = 0;

	for (int i = 0; i < net->prefix / 16; i++) {
		int group = net->addr[2 * i] << 8 | net->addr[2 * i + 1];

		if (group == 0)
			break;
		len += snprintf(out + len, size - (size_t)len, "%x:", group);
	}
	return len;
}

struct peer_range peer_range(const struct network *net)
{
	struct peer_range r = {.kind = PEER_RANGE};
	bool v4 = is_v4(net);
	int len;

	if (net->prefix == 128) {
		r.kind = PEER_ADDRESS;
		inet_ntop(v4 ? AF_INET : AF_INET6, net->addr + (v4 ? 12 : 0), r.from,
			  sizeof(r.from));
		return r;
	}
	len = v4 ? v4_begin(net, r.from, sizeof(r.from)) : v6_begin(net, r.from, sizeof(r.from));
	if (len == 0) {
		r.kind = PEER_ANYWHERE;
		return r;
	}
	memcpy(r.to, r.from, sizeof(r.to));
	r.to[len - 1]++; /* the character after the dot or colon */
	return r;
}
