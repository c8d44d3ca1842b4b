/*
 * functions.h - SQL functions for reports, filters and ad-hoc statements:
 *
 *	ip_in(addr, net)       whether addr is in net: 10.0.0.0/8, 2001:db8::/32, ::1
 *	ip_net(addr, bits)     the network of so many bits that addr is in: '10.1.2.0/24'
 *	community_id(addr, addr, port, port)  what Zeek and Suricata call this connection of TCP,
 *	                       whichever end is named first: '1:LQU9qZlK+B5F3KDmev6m5PMibrg='
 *	community_id(addr, addr, port, port, seed)  the same with a seed other than 0
 *	in_list(value, list)   whether value is one of 'a,b,c'
 *	matches(text, pattern) equal; or as a shell pattern if there is a * or ? in it
 *	few(text)              aggregate: the four most frequent, as in 'curl, ssh, +3'
 *	few(text, n)           the same, where each counts n times
 *	percentile(x, p)       aggregate: the value below which p per cent are, exactly; p from
 *	                       0 to 100, the same in all rows. As SQLite's own of 3.47
 *	ago(duration)          when it was, in us since the epoch: id >= ago('1h')
 *	human_bytes(n)         5368709120 as 5.0G, of powers of 1024
 *	human_us(n)            a duration in us: 1500 as 1.5ms, 90000000 as 1m30s
 *	port_name(port)        what /etc/services calls it; NULL when it has no name
 *	user_name(uid)         likewise, a user
 *	name_of(addr, at)      the name by which addr was asked for when something began at that
 *	                       moment, us or RFC 3339; NULL when none was: see dns_claim.h
 *	totals(...)            a table: exact sums over connections; see totals.h
 *	list_...(list)         aggregates over its lists; see totals_list_functions.c
 *
 * NULL makes a function NULL, as does what is no address, number or the like; aggregates
 * leave it out. A network, port, duration or share that cannot be is an error.
 */
#ifndef CONNMON_FUNCTIONS_H
#define CONNMON_FUNCTIONS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "err.h"

/* An IPv4 network counts as its v4-mapped IPv6 one (RFC 4291), so that both
 * families, and IPv4 written as ::ffff:10.0.0.1, are one kind of thing. */
struct network {
	unsigned char addr[16];
	int prefix; /* bits, 0 to 128 */
};

/* Reads ADDR or ADDR/BITS. False when @text is neither. */
bool network_parse(const char *text, struct network *out);

/* Makes the functions known to one connection. */
int functions_register(sqlite3 *db, struct err *err);

#endif
