/*
 * peer.h - where the addresses of a network lie in the order of their texts.
 *
 * The history keeps addresses as canonical text (inet_ntop()), so an address is equal to
 * its text, and those of a network begin alike: what comparing texts leaves over is little
 * for ip_in() to look at, and a range of an index.
 */
#ifndef CONNMON_PEER_H
#define CONNMON_PEER_H

#include <arpa/inet.h>

#include "functions.h"

enum peer_kind {
	PEER_ADDRESS, /* from is its canonical text */
	PEER_RANGE,   /* all of them are from @from up to, not including, @to, among others */
	PEER_ANYWHERE,
	PEER_NAMED, /* what a name stands for: see peer_name.h */
};

struct peer_range {
	enum peer_kind kind;
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
};

struct peer_range peer_range(const struct network *net);

#endif
