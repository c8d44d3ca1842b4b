/*
 * community_id(): what Zeek, Suricata, Wireshark and others call the same connection. Version 1 of
 * https://github.com/corelight/community-id-spec: the end with the lesser address comes first, or
 * with the lesser port where the addresses are the same; then base64 of the SHA-1 of
 *
 *	seed (2 bytes), address, address, 6 for TCP, 0, port, port
 *
 * all in network byte order, IPv4 in 4 bytes and IPv6 in 16.
 */
#include <netinet/in.h>
#include <sha1.h> /* libmd, which dpkg itself needs */
#include <stdint.h>
#include <string.h>

#include "functions_parts.h"

#define V4_AT 12 /* where the 4 bytes of a v4-mapped address are */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct end {
	unsigned char addr[16];
	unsigned char port[2];
};

static bool comes_first(const struct end *a, const struct end *b)
{
	int order = memcmp(a->addr, b->addr, sizeof(a->addr));

	return order ? order < 0 : memcmp(a->port, b->port, sizeof(a->port)) <= 0;
}

/* 20 bytes are 26 digits, 4 bits and one = at the end. */
static void base64_of_digest(const unsigned char digest[SHA1_DIGEST_LENGTH], char out[29])
{
	for (int i = 0; i < SHA1_DIGEST_LENGTH; i += 3) {
		unsigned int third = i + 2 < SHA1_DIGEST_LENGTH ? digest[i + 2] : 0;
		unsigned int bits =
			(unsigned int)digest[i] << 16 | (unsigned int)digest[i + 1] << 8 | third;

		for (int shift = 18; shift >= 0; shift -= 6)
			*out++ = digits[bits >> shift & 63];
	}
	out[-1] = '=';
	*out = '\0';
}

static void hash(const struct end *a, const struct end *b, bool v4, const unsigned char seed[2],
		 char out[29])
{
	static const unsigned char tcp[2] = {IPPROTO_TCP, 0};
	size_t from = v4 ? V4_AT : 0;
	unsigned char digest[SHA1_DIGEST_LENGTH];
	SHA1_CTX sha;

	SHA1Init(&sha);
	SHA1Update(&sha, seed, 2);
	SHA1Update(&sha, a->addr + from, sizeof(a->addr) - from);
	SHA1Update(&sha, b->addr + from, sizeof(b->addr) - from);
	SHA1Update(&sha, tcp, sizeof(tcp));
	SHA1Update(&sha, a->port, sizeof(a->port));
	SHA1Update(&sha, b->port, sizeof(b->port));
	SHA1Final(digest, &sha);
	base64_of_digest(digest, out);
}

/* 16 bits in network byte order. */
static bool read_number(sqlite3_value *value, unsigned char out[2])
{
	int64_t n = sqlite3_value_int64(value);

	if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER || n < 0 || n > UINT16_MAX)
		return false;
	out[0] = (unsigned char)(n >> 8);
	out[1] = (unsigned char)n;
	return true;
}

/* The address in 16 bytes. IPv4 written as IPv6 is IPv4: so it is on the wire. */
static bool read_address(sqlite3_value *value, struct end *end, bool *v4)
{
	static const unsigned char mapped[V4_AT] = {[10] = 0xff, [11] = 0xff};
	const char *text = (const char *)sqlite3_value_text(value);

	if (!text || !parse_addr(text, (size_t)sqlite3_value_bytes(value), end->addr, v4))
		return false;
	*v4 = !memcmp(end->addr, mapped, sizeof(mapped));
	return true;
}

void sql_community_id(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct end a, b;
	unsigned char seed[2] = {0, 0};
	char text[2 + 29] = "1:";
	bool a_v4, b_v4, in_order;

	for (int i = 0; i < argc; i++)
		if (sqlite3_value_type(argv[i]) == SQLITE_NULL)
			return;
	if (!read_number(argv[2], a.port) || !read_number(argv[3], b.port)) {
		sqlite3_result_error(ctx,
				     "community_id: no port; write community_id(local_addr,"
				     " peer_addr, local_port, peer_port)",
				     -1);
		return;
	}
	if (argc == 5 && !read_number(argv[4], seed)) {
		sqlite3_result_error(ctx, "community_id: a seed is a number from 0 to 65535", -1);
		return;
	}
	if (!read_address(argv[0], &a, &a_v4) || !read_address(argv[1], &b, &b_v4) || a_v4 != b_v4)
		return;
	in_order = comes_first(&a, &b);
	hash(in_order ? &a : &b, in_order ? &b : &a, a_v4, seed, text + 2);
	sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}
