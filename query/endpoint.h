/*
 * endpoint.h - who one may talk to, in one word: ADDR, PORT, :PORT or ADDR:PORT. An address
 * may be a network, as in 10.0.0.0/8:443, or a name, as in example.com:443; one of IPv6 that has
 * a port stands in brackets, as in [2001:db8::1]:443.
 */
#ifndef CONNMON_ENDPOINT_H
#define CONNMON_ENDPOINT_H

#include "err.h"
#include "peer_name.h"

struct endpoint {
	char addr[PEER_NAME_SIZE + 2]; /* or a name; "": any */
	char port[8];		       /* "": any */
};

/* -EINVAL when @text is none of these. */
int endpoint_parse(const char *text, struct endpoint *out, struct err *err);

#endif
