/*
 * Addresses, networks and endpoints as anybody may write them: the first line is a network, the
 * second an address, the third an endpoint. Whether an address is in a network is compared with
 * the bits, one by one: the address of the second line, and that of the first with each bit
 * changed.
 */
#include <arpa/inet.h>

#include "db.h"
#include "endpoint.h"
#include "feed.h"
#include "functions.h"
#include "guess.h"
#include "must.h"
#include "peer.h"
#include "peer_name.h"

/* ---- bit by bit ---- */

static int bit(const unsigned char addr[16], int i)
{
	return addr[i / 8] >> (7 - i % 8) & 1;
}

static bool is_v4(const unsigned char addr[16])
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(addr, mapped, sizeof(mapped));
}

/* A network of IPv6 has no addresses of IPv4, though they could be written as such. */
static bool is_in(const unsigned char addr[16], const struct network *net)
{
	if (net->prefix < 96 && is_v4(addr))
		return false;
	for (int i = 0; i < net->prefix; i++)
		if (bit(addr, i) != bit(net->addr, i))
			return false;
	return true;
}

static void write_address(const unsigned char addr[16], char text[INET6_ADDRSTRLEN])
{
	const bool v4 = is_v4(addr);

	must(inet_ntop(v4 ? AF_INET : AF_INET6, addr + (v4 ? 12 : 0), text, INET6_ADDRSTRLEN));
}

/* ---- as the program has it ---- */

static sqlite3_stmt *prepare(const char *sql)
{
	static sqlite3 *db;
	sqlite3_stmt *stmt = NULL;
	struct err err = {0};

	if (!db) {
		must(sqlite3_open(":memory:", &db) == SQLITE_OK);
		must(functions_register(db, &err) == 0);
	}
	must(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) == SQLITE_OK);
	return stmt;
}

static bool ask_is_in(const char *addr, const char *net)
{
	static sqlite3_stmt *stmt;
	bool yes;

	if (!stmt)
		stmt = prepare("SELECT ip_in(?1, ?2)");
	sqlite3_bind_text(stmt, 1, addr, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, net, -1, SQLITE_STATIC);
	must(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_INTEGER);
	yes = sqlite3_column_int(stmt, 0);
	sqlite3_reset(stmt);
	return yes;
}

static void ask_network_of(const char *addr, int bits, char out[64])
{
	static sqlite3_stmt *stmt;

	if (!stmt)
		stmt = prepare("SELECT ip_net(?1, ?2)");
	sqlite3_bind_text(stmt, 1, addr, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 2, bits);
	must(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_TEXT);
	snprintf(out, 64, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_reset(stmt);
}

/* ---- both ---- */

/* The range of an index leaves none out. */
static void must_be_in_range(const char *addr, const struct network *net)
{
	const struct peer_range r = peer_range(net);

	if (r.kind == PEER_ADDRESS)
		must(!strcmp(addr, r.from));
	if (r.kind == PEER_RANGE)
		must(strcmp(r.from, addr) <= 0 && strcmp(addr, r.to) < 0);
}

static void compare(const unsigned char addr[16], const struct network *net, const char *net_text)
{
	char text[INET6_ADDRSTRLEN];
	const bool yes = is_in(addr, net);

	write_address(addr, text);
	must(ask_is_in(text, net_text) == yes);
	if (yes)
		must_be_in_range(text, net);
}

/* The network of so many bits that an address is in has it, and is its own. */
static void check_network_of(const unsigned char addr[16], int bits)
{
	char text[INET6_ADDRSTRLEN], net_text[64], again[64];
	struct network net;

	write_address(addr, text);
	ask_network_of(text, bits, net_text);
	must(network_parse(net_text, &net));
	must(net.prefix == (is_v4(addr) ? 96 + (bits < 32 ? bits : 32) : bits));
	must(is_in(addr, &net) || (!is_v4(addr) && is_v4(net.addr)));
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(net_text, "/"), net_text);
	ask_network_of(text, bits, again);
	must(!strcmp(again, net_text));
}

static void check_network(const char *text, const char *address)
{
	struct network net, other;
	char guess[GUESS_SIZE];

	if (guess_network(text, guess))
		must(network_parse(guess, &other));
	if (!network_parse(text, &net))
		return;
	must(net.prefix >= 0 && net.prefix <= 128);
	compare(net.addr, &net, text);
	for (int i = 0; i < 128; i++) {
		net.addr[i / 8] ^= (unsigned char)(0x80 >> i % 8);
		memcpy(other.addr, net.addr, sizeof(other.addr));
		net.addr[i / 8] ^= (unsigned char)(0x80 >> i % 8);
		compare(other.addr, &net, text);
	}
	check_network_of(net.addr, net.prefix);
	check_network_of(net.addr, net.prefix % 33);
	if (network_parse(address, &other))
		compare(other.addr, &net, text);
}

static void check_name(const char *text)
{
	struct peer_name name, again;
	struct network net;

	if (!peer_name_parse(text, &name))
		return;
	must(name.text[0] && strlen(name.text) < sizeof(name.text));
	must(!network_parse(text, &net));
	must(peer_name_parse(name.text, &again));
	must(!again.is_below && !strcmp(again.text, name.text));
}

static void check_endpoint(const char *text)
{
	char whole[sizeof(struct endpoint) + 4];
	struct endpoint e, again;
	struct peer_name name;
	struct network net;
	struct err err = {0};
	bool v6;

	if (endpoint_parse(text, &e, &err)) {
		must(err.code < 0 && err.msg[0]);
		return;
	}
	must(memchr(e.addr, '\0', sizeof(e.addr)) && memchr(e.port, '\0', sizeof(e.port)));
	must(e.addr[0] || e.port[0]);
	must(e.port[0] != '0');
	must(!e.port[0] || (atoi(e.port) > 0 && atoi(e.port) <= 65535));
	must(!e.addr[0] || network_parse(e.addr, &net) || peer_name_parse(e.addr, &name));
	v6 = strchr(e.addr, ':');
	snprintf(whole, sizeof(whole), "%s%s%s%s%s", v6 ? "[" : "", e.addr, v6 ? "]" : "",
		 e.port[0] ? ":" : "", e.port);
	must(endpoint_parse(whole, &again, &err) == 0);
	must(!strcmp(again.addr, e.addr) && !strcmp(again.port, e.port));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *lines[3];
	size_t at = 0;

	for (int i = 0; i < 3; i++) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		const size_t len = end && i < 2 ? (size_t)(end - data) - at : size - at;

		lines[i] = must_text(data + at, len);
		at += len + (at + len < size);
	}
	check_network(lines[0], lines[1]);
	for (int i = 0; i < 3; i++) {
		check_name(lines[i]);
		check_endpoint(lines[i]);
		free(lines[i]);
	}
	return 0;
}
